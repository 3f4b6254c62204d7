"""Everything that can be expected to go wrong at start or on the command line, and the sentence for it."""

from __future__ import annotations

from kenpin.bot.anchoring import AnchorFileError, NoAnchorPlaceError
from kenpin.bot.approvers import ApproverError
from kenpin.bot.catalogue import FolderError, PartNumberError
from kenpin.bot.fmea import FmeaFileError
from kenpin.bot.replay import CannotReplayError
from kenpin.bot.settings import SettingError
from kenpin.bot.workspace.errors import WorkspaceError
from kenpin.storage.errors import StorageError
from kenpin.tools.agent import ChatModelError
from kenpin.tools.vision.errors import VisionError


class CannotWriteError(ValueError):
    """A file that was asked for cannot be written; says which and why."""


EXPECTED = (
    SettingError, ApproverError, FmeaFileError, FolderError, PartNumberError, CannotWriteError, StorageError, VisionError, ChatModelError,
    WorkspaceError, AnchorFileError, NoAnchorPlaceError, CannotReplayError,
)  # fmt: skip


def words_for(error: BaseException) -> str:
    """Each of these errors is written to be read: what happened, with which value, what to do now. One line, however it came."""
    return " ".join(str(error).split())
