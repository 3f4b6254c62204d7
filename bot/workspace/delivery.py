"""How things reach the bot: one interface, two ways (`socket_mode`, `events_api`), and what each promises.

An event is delivered at least once, with retries. An interaction (button, modal, command) is delivered once, and its answer awaited
for as long as Slack waits; the person at the page is told when none comes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Literal

from .store import Json

InteractionKind = Literal["interactive", "slash_commands"]


class NoAnswerError(Exception):
    """The bot did not answer an interaction in time, or is not there at all; the text is for the person who clicked."""


class Delivery(ABC):
    """One way to the bot, which has `answer_within_s` to acknowledge anything."""

    def __init__(self, answer_within_s: float) -> None:
        self._answer_within_s = answer_within_s
        self.given_up: deque[Json] = deque(maxlen=200)  # events that no retry could deliver

    @abstractmethod
    def send_event(self, payload: Json) -> None:
        """Start delivering an event; returns at once."""

    @abstractmethod
    async def interact(self, kind: InteractionKind, payload: Json, *, answer_counts: bool) -> Json:
        """Deliver an interaction and return the body of the bot's acknowledgement, {} when it is empty. Raises NoAnswerError.

        answer_counts: the acknowledgement's body means something (commands, modals).
        """

    @abstractmethod
    def shown(self) -> Json:
        """What a person who debugs wants to see."""

    @abstractmethod
    async def close(self) -> None:
        """Stop delivering."""
