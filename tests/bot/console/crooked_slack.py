"""A Slack that signs people in with whatever identity token a test gives it: its own true ones, or crooked ones.

Real HTTP on a free port, with a real RSA key. It gives no page to choose on: a test takes the code straight to the console.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

TEAM = "T-OURS"
CLIENT_ID = "the console"


class CrookedSlack:
    def __init__(self) -> None:
        self.key, self.other_key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.id_token = ""  # what the next code is exchanged for
        self.away = False  # answers 503 to everything
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply(
                    {"keys": [RSAAlgorithm.to_jwk(slack.key.public_key(), as_dict=True) | {"kid": "k1", "use": "sig", "alg": "RS256"}]}
                )

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                self._reply({"ok": True, "access_token": "xoxp-nobody", "token_type": "Bearer", "id_token": slack.id_token})

            def _reply(self, body: dict[str, Any]) -> None:
                self.send_response(503 if slack.away else 200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def claims(self, nonce: str, **other: Any) -> dict[str, Any]:
        """A true token's claims, some of them replaced; None takes one away."""
        now = int(time.time())
        true = {
            "iss": self.url,
            "sub": "U-SUMI",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "https://slack.com/team_id": TEAM,
            "https://slack.com/user_id": "U-SUMI",
            "name": "Sumi",
            "email": "sumi@example.com",
            "email_verified": True,
        }
        return {name: value for name, value in (true | other).items() if value is not None}

    def signed(self, claims: dict[str, Any], *, algorithm: str = "RS256", key: Any = None, kid: str = "k1") -> str:
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": kid})
