"""Where a network runs: KENPIN_DEVICE=auto, resolved.

torch takes two seconds and 200 MiB to say whether there is a GPU, and the usual machine has none and needs no torch for its eye. So the
NVIDIA driver is asked first, through its own library; torch is asked only where that finds a card.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

AUTO, CPU, CUDA = "auto", "cpu", "cuda"


def resolved(device: str) -> str:
    """ "auto" -> "cuda" where torch can use a card, else "cpu"; anything else stays as it is."""
    if device != AUTO:
        return device
    return CUDA if _cards() and _torch_can() else CPU


@lru_cache(maxsize=1)
def _cards() -> int:
    """How many cards the NVIDIA driver reports; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:  # 0 is CUDA_SUCCESS
        return 0
    return count.value


@lru_cache(maxsize=1)
def _torch_can() -> bool:
    import torch

    return torch.cuda.is_available()  # False for the CPU's build of torch
