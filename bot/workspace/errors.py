"""What can go wrong in the local workspace.

WorkspaceError
  PortTakenError      another program listens on the port
  FolderTakenError    another workspace keeps its data in the folder
  NotLoopbackError    asked to listen where other machines can reach it, without saying so explicitly
SlackError            not our failure: an `{"ok": false, "error": …}` reply for the caller
"""

from __future__ import annotations

from typing import Any


class WorkspaceError(Exception):
    """The workspace cannot start."""


class PortTakenError(WorkspaceError):
    """Another program listens on the port."""


class FolderTakenError(WorkspaceError):
    """Another workspace keeps its data in the folder."""


class NotLoopbackError(WorkspaceError):
    """The host would open the workspace to other machines."""


class SlackError(Exception):
    """An error reply of the Web API, by Slack's own name for it; `extra` joins the reply as it is."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra

    def reply(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.extra}


def invalid_arguments(message: str) -> SlackError:
    """Slack's reply to arguments it cannot read, with the reason where its own replies put it."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})
