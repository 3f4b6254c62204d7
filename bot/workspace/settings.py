"""What a workspace can be told when it is made. It reads no environment variable; whoever starts it does."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from . import people
from .errors import NotLoopbackError

ALL_EVENTS = frozenset(
    {"message", "app_mention", "reaction_added", "reaction_removed", "file_shared", "member_joined_channel", "app_home_opened"}
)


@dataclass(frozen=True, kw_only=True)
class WorkspaceSettings:
    """Where to listen, what to keep, how to reach the bot. Times are in seconds."""

    host: str = "127.0.0.1"
    port: int = 0  # 0 takes a free one
    allow_remote: bool = False  # must be True before any other machine can reach the workspace: its tokens are public knowledge
    data: Path | None = None  # folder kept across restarts; None forgets everything at the end
    tray: Path | None = None  # folder of photos offered in the page, by sub-folder
    events_url: str | None = None  # the bot's address in HTTP mode; None for Socket Mode
    signing_secret: str = people.SIGNING_SECRET
    bot_scopes: tuple[str, ...] = people.BOT_SCOPES
    subscriptions: frozenset[str] = ALL_EVENTS  # the event types the bot is sent
    http_retry_delays_s: tuple[float, ...] = (0.0, 60.0, 300.0)  # Slack's: at once, one minute, five minutes
    socket_resend_delays_s: tuple[float, ...] = (3.5, 60.0, 300.0, 3.5)  # the wait for an acknowledgement of each try
    patience_s: float = 3600.0  # how long an event waits for the bot to connect
    answer_within_s: float = 3.0  # Slack's limit for acknowledging anything, and for using a trigger id
    stream_life_s: float = 300.0  # a streamed message can be appended to for about five minutes, as at Slack

    def check(self) -> None:
        """Raises NotLoopbackError."""
        if not self.allow_remote and not is_loopback(self.host):
            raise NotLoopbackError(
                f"The workspace would listen on {self.host}, where other machines can reach it, and its tokens are public knowledge."
                " Use 127.0.0.1, or allow it explicitly (allow_remote=True)."
            )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
