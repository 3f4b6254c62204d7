"""The key that signs exports: Ed25519, made on first use under KENPIN_HOME, readable by its owner only.

Its public half is printed at each export; the site tells it to its auditors by another way than the export itself.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kenpin.storage.errors import SigningKeyError

NAME = "export-key.pem"


class Signer:
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> str:
        """64 hexadecimal digits."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """128 hexadecimal digits."""
        return self._key.sign(message).hex()


def signer(home: Path) -> Signer:
    """The site's key, made when there is none. Raises SigningKeyError for a file that holds none."""
    path = home / NAME
    if not path.exists():
        _make(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(f"{path} cannot be read as the key that signs exports: {error}. Restore it from a backup.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path} holds another kind of key than Ed25519. Restore it from a backup, or move it away for a new one.")
    return Signer(key)


def _make(path: Path) -> None:
    """Two that make one at the same moment end up with the same: the first file to be linked stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    mine = path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(mine, path)
        except FileExistsError:
            return
    finally:
        mine.unlink()
