"""Sign-ins under way: the codes that are out, each good once, and the key that this run signs identity tokens with."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from .errors import SlackError
from .store import Json

CODE_WITHIN_S = 600


@dataclass(frozen=True, kw_only=True)
class Code:
    """What a code was given out for."""

    user: str
    redirect_uri: str
    nonce: str
    until: float  # time.monotonic


@dataclass
class OpenId:
    """The codes that are out, and the key of this run."""

    codes: dict[str, Code] = field(default_factory=dict)

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def key_id(self) -> str:
        """A name of its own for each run's key: whoever kept an earlier one asks again."""
        modulus = self.key.public_key().public_numbers().n
        return hashlib.sha256(str(modulus).encode()).hexdigest()[:16]

    def jwks(self) -> Json:
        public: Json = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def give(self, user: str, redirect_uri: str, nonce: str) -> str:
        now = time.monotonic()
        self.codes = {code: about for code, about in self.codes.items() if about.until > now}
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(user=user, redirect_uri=redirect_uri, nonce=nonce, until=now + CODE_WITHIN_S)
        return code

    def take(self, code: str, redirect_uri: str) -> Code:
        """Raises SlackError invalid_code or bad_redirect_uri."""
        about = self.codes.pop(code, None)
        if about is None or about.until < time.monotonic():
            raise SlackError("invalid_code")
        if about.redirect_uri != redirect_uri:
            raise SlackError("bad_redirect_uri")
        return about
