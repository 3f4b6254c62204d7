"""What can go wrong while looking at a photo.

    VisionError
    ├── NoReferencesError       nothing to compare with
    ├── PhotoUnreadableError    the file cannot be decoded as a picture
    ├── BackboneNotHereError    the model asked for is not on this machine
    ├── BackboneUnsuitableError the model is here but cannot be used this way
    ├── ModelNotHereError       the vision-language model asked for is not on this machine
    ├── ModelUnsuitableError    it is here but cannot run here
    ├── ModelTooSlowError       it did not answer in time; the next call starts a fresh process
    └── ModelProcessDiedError   the process that holds the model ended; the next call starts a fresh one

`retryable` says whether the same call can succeed when tried again; the worker decides by it.
"""

from __future__ import annotations

from typing import ClassVar


class VisionError(Exception):
    """The root of this room's errors."""

    retryable: ClassVar[bool] = False


class NoReferencesError(VisionError):
    """A comparison was asked for, but there is no good photo to compare with."""


class PhotoUnreadableError(VisionError):
    """The file is missing, or holds no picture that can be decoded."""


class BackboneNotHereError(VisionError):
    """The model named by KENPIN_BACKBONE is not on this machine."""


class BackboneUnsuitableError(VisionError):
    """The model is here, but not of a kind whose patch features can be used, or not with this engine."""


class ModelNotHereError(VisionError):
    """A model that a setting or `kenpin models pull` names is not on this machine, or cannot be had."""


class ModelUnsuitableError(VisionError):
    """The vision-language model is here but cannot run here: too large, of another kind, or a package is missing."""


class ModelTooSlowError(VisionError):
    """The model did not answer within its time limit."""


class ModelProcessDiedError(VisionError):
    """The model's process ended while it worked on this call: killed, out of memory, or brought down by the photo itself."""

    retryable: ClassVar[bool] = True
