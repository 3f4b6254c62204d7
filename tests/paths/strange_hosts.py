"""File hosts that are not Slack: one that may be asked and sends the asker on or gives something odd, and one that nobody may ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StrangeHost:
    """Answers GET by path. Keeps the headers of every request, as a thief would."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.redirects: dict[str, str] = {}  # path -> address
        self.bodies: dict[str, bytes] = {}  # path -> what is there

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    port: int = 0


@contextmanager
def strange_host() -> Iterator[StrangeHost]:
    host = StrangeHost()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.seen.append(dict(self.headers))
            if target := host.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", target)
                self.end_headers()
                return
            body = host.bodies.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
