"""Photos on disk, named by the sha256 of their bytes: the originals as uploaded, the upright copies that are shown, the anomaly maps.

A name that is its own checksum means that a photo cannot be swapped unnoticed, and that storing one twice changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from kenpin.storage.errors import NotADigestError, PhotoDamagedError, PhotoMissingError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class PhotoStore:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Store the bytes and return their sha256. They are on the disk when this returns; a crash leaves a temporary file at worst."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if self._holds(path, sha256):
            return sha256
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".incoming-")  # mode 0600: photos are the site's own business
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        for folder in (path.parent, path.parent.parent, self.root):
            _sync_folder(folder)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Raises PhotoMissingError, or PhotoDamagedError when the file is no longer what its name says."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise PhotoMissingError(
                f"Photo {sha256} is not in {self.root}: it was erased, or KENPIN_HOME names another folder than when it was stored."
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise PhotoDamagedError(f"Photo {sha256} in {self.root} has been altered or damaged. Restore that file from a backup.")
        return data

    def path(self, sha256: str) -> Path:
        """Where the photo lies or would lie. Raises NotADigestError for anything but 64 hexadecimal digits: no name leads outside."""
        if not _DIGEST.fullmatch(sha256):
            raise NotADigestError(f"{sha256[:80]!r} is not a photo's sha256: 64 of the characters 0-9 and a-f.")
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def has(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def erase(self, sha256: str) -> bool:
        """Remove the photo for good; its sha256 stays in the records. False when it was not there."""
        path = self.path(sha256)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _sync_folder(path.parent)
        return True

    def _holds(self, path: Path, sha256: str) -> bool:
        """True when the undamaged file is there already; a damaged one is written anew."""
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        except FileNotFoundError:
            return False


def _sync_folder(folder: Path) -> None:
    """A rename is only lasting once its folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
