"""Models that say again what the trail of an answer kept of them: so an answer can be made a second time at no cost, and word for word.

A chat model and a larger model may word a thing anew whenever they are asked, and cost money. Whoever wants to know whether Kenpin would
make the same of the same replies must not ask them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

from kenpin.storage.vocabulary import TrailEntry
from kenpin.tools import agent, second_opinion
from kenpin.tools.larger_model import LargerModelError, LargerModelSlowError
from kenpin.tools.second_opinion import Why
from kenpin.tools.vision.sight import Said

CHAT = "chat_model"  # the trail's name for one call of it


class NoReplyKeptError(LargerModelError):
    """The trail has no reply to what is asked now."""


class KeptOpinions:
    """The larger model's replies of one answer, each given once."""

    def __init__(self, trail: Sequence[TrailEntry]) -> None:
        self._left = [entry for entry in trail if entry.tool == second_opinion.NAME]
        self.name = next((entry.model for entry in self._left if entry.model), "")

    def __bool__(self) -> bool:
        return bool(self.name)

    def say(self, instructions: str, question: str, photos: Sequence[bytes]) -> Said:
        """The reply to exactly this prompt; for an older trail, which keeps no digest of it, the next one."""
        sent = second_opinion.prompt_sha256(instructions, question)
        entry = next((one for one in self._left if one.outputs.get("prompt_sha256", sent) == sent), None)
        if entry is None:
            raise NoReplyKeptError("The record has no reply to this prompt, and the model is not asked again.")
        self._left.remove(entry)
        if entry.outputs.get("no_opinion") == Why.TOO_SLOW:
            raise LargerModelSlowError(str(entry.outputs.get("failed", "")))
        if "text" not in entry.outputs:
            raise LargerModelError(str(entry.outputs.get("failed", "")))
        return Said(text=entry.outputs["text"], tokens_in=entry.outputs["tokens_in"], tokens_out=entry.outputs["tokens_out"])


class KeptConversation(BaseChatModel):
    """A chat model's turns of one answer, in their order."""

    model_name: str
    _left: list[AIMessage] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "kept"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **_: Any
    ) -> ChatResult:
        if not self._left:
            raise NoReplyKeptError("The record has no further turn of the chat model, and it is not asked again.")
        return ChatResult(generations=[ChatGeneration(message=self._left.pop(0))])

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, AIMessage]:
        return self


def conversation(trail: Sequence[TrailEntry]) -> KeptConversation | None:
    """None where no chat model chose the tools: there was none, or nothing usable came of it."""
    turns = [entry for entry in trail if entry.tool == CHAT]
    if not turns or any(entry.tool == agent.NAME and "failed" in entry.outputs for entry in trail):
        return None
    kept = KeptConversation(model_name=turns[0].model or "")
    kept._left.extend(_message(entry, number) for number, entry in enumerate(turns))
    return kept


def _message(entry: TrailEntry, number: int) -> AIMessage:
    calls = [
        {"name": call["name"], "args": call["args"], "id": f"kept-{number}-{n}", "type": "tool_call"}
        for n, call in enumerate(entry.outputs.get("tool_calls", ()))
    ]
    return AIMessage(content=entry.outputs.get("text", ""), tool_calls=calls)
