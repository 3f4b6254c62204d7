"""One eye on the true weights for the whole session, and a place for pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pictures import Keep, Rgb
from PIL import Image

from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.sight import ReferencePhoto


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vision")


@pytest.fixture(scope="session")
def eye(cache: Path) -> Eye:
    return Eye(cache=cache)


@pytest.fixture(scope="session")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    """Writes a picture where a reference or a photo can be read from."""
    folder = tmp_path_factory.mktemp("photos")

    def write(rgb: Rgb, suffix: str = ".png") -> ReferencePhoto:
        name = hashlib.sha256(rgb.tobytes() + str(rgb.shape).encode()).hexdigest()
        path = folder / f"{name}{suffix}"
        Image.fromarray(rgb).save(path)
        return ReferencePhoto(sha256=name, path=path)

    return write
