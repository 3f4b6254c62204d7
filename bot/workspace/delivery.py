"""How things reach the bot: one interface, two ways (`socket_mode`, `events_api`), and what each promises.

An event is delivered at least once, with retries. An interaction (button, modal, command) is delivered once, and its answer awaited
for three seconds; the person at the page is told when none comes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Literal

from .store import Json

InteractionKind = Literal["interactive", "slash_commands"]

ANSWER_WITHIN_S = 3.0  # Slack's limit for acknowledging anything


class NoAnswerError(Exception):
    """The bot did not answer an interaction in time, or is not there at all; the text is for the person who clicked."""


class Delivery(ABC):
    """One way to the bot."""

    def __init__(self) -> None:
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
