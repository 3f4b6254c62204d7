"""One conversation between a chat model and the tools, by LangChain's agent; `agent.ask` runs it and bounds its time.

The model's reply is structured. Its claims are held against what the tools found, and the result goes on the trail; only its choice of
tools is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain.agents.structured_output import ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, Field

from kenpin import prompts
from kenpin.storage import canonical
from kenpin.storage.vocabulary import Disposition, TrailEntry, Verdict
from kenpin.tools.context import Context
from kenpin.tools.larger_model import LETTERS_PER_TOKEN
from kenpin.tools.propose import strangest
from kenpin.tools.toolbox import tools_for

SAME_SCORE = 0.01  # a model may round
KEPT_CHARACTERS = 2000  # of a model's message, in the trail


class Reply(BaseModel):
    """The end of the conversation: what the tools found, copied, and what no tool can do."""

    verdict: Verdict | None = Field(default=None, description="The verdict that compare returned; of several photos, the worst.")
    anomaly_score: float | None = Field(default=None, description="The anomaly_score that compare returned for that photo.")
    disposition: Disposition | None = Field(default=None, description="The disposition that propose returned.")
    cannot: list[Literal["measure", "off_topic"]] = Field(
        default_factory=list,
        description="What the question asks for and no tool can do: lengths in units, or something that is not about a photo of a part.",
    )


class Attempt:
    """One try to have the chat model choose. `context` is the attempt's own."""

    def __init__(self, context: Context, chat_model: BaseChatModel, *, calls: int, tokens: int) -> None:
        self.context = context
        self.tokens_left = tokens
        self.model = str(getattr(chat_model, "model_name", None) or getattr(chat_model, "model", None) or type(chat_model).__name__)
        self.abandoned = False  # set when nobody waits any longer: no further call is made
        self._chat_model = chat_model
        self._calls = calls

    def run(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Talk until the model replies. Returns the tools it called and what it says no tool can do."""
        tools = tools_for(self.context)
        loop = create_agent(
            self._chat_model,
            tools,
            system_prompt=self._system_prompt(),
            response_format=ToolStrategy(Reply),
            middleware=[_OnTrail(self), ModelCallLimitMiddleware(run_limit=self._calls, exit_behavior="error")],
        )
        # As JSON: no quote or line break in the question can end the data and begin an instruction.
        asked = json.dumps({"question": self.context.question.text}, ensure_ascii=False)
        message = HumanMessage(prompts.render("agent.question", "en", question=asked))
        steps = 4 * self._calls + 4  # the graph takes up to four steps a call; a second bound, should the first one fail
        state = loop.invoke({"messages": [message]}, {"recursion_limit": steps})
        known = {tool.name for tool in tools}
        called = [call["name"] for m in state["messages"] if isinstance(m, AIMessage) for call in m.tool_calls]
        reply = state.get("structured_response")
        cannot = self._checked(reply) if isinstance(reply, Reply) else ()
        return tuple(dict.fromkeys(name for name in called if name in known)), cannot

    def _system_prompt(self) -> str:
        part, photos = self.context.part, len(self.context.question.photos)
        known = {"part": part.number if part else "not known", "references": len(part.good) if part else 0}
        return prompts.render("agent.system", "en", photos=photos, **known)

    def _checked(self, reply: Reply) -> tuple[str, ...]:
        """Put the reply's claims beside what the tools found, on the trail. Returns what it says no tool can do."""
        decisive = strangest(self.context.comparisons) if self.context.comparisons else None
        found = {
            "verdict": decisive.verdict.value if decisive else None,
            "anomaly_score": round(decisive.anomaly_score, 4) if decisive else None,
            "disposition": self.context.proposed.disposition if self.context.proposed else None,
        }
        claimed = reply.model_dump(mode="json", include=set(found))
        wrong = [key for key in found if claimed[key] is not None and not _same(claimed[key], found[key])]
        outputs = {"claimed": claimed, "found": found, "not_borne_out": wrong, "used": "what the tools found"}
        self.context.trail.append(TrailEntry(tool="claims", inputs={}, outputs=outputs, model=self.model, ms=0.0))
        return tuple(dict.fromkeys(reply.cannot))


def _same(claimed: Any, found: Any) -> bool:
    if isinstance(claimed, float | int) and isinstance(found, float | int):
        return abs(claimed - found) <= SAME_SCORE
    return bool(claimed == found)


class AbandonedError(Exception):
    """Nobody waits for this conversation any longer."""


class TokensSpentError(Exception):
    """The question has cost as many tokens as the site allows for one."""


class _OnTrail(AgentMiddleware[Any, Any, Any]):
    """Puts every call of the model on the trail, and makes none once the attempt is abandoned or its tokens are spent."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__()
        self._attempt = attempt

    def wrap_model_call(self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]) -> ModelResponse[Any]:
        attempt = self._attempt
        if attempt.abandoned:
            raise AbandonedError
        if attempt.tokens_left <= 0:
            raise TokensSpentError(f"its {attempt.context.site.chat_tokens:,} tokens for one question are spent")
        with attempt.context.recorded("chat_model", {"messages": len(request.messages)}, attempt.model) as outputs:
            outputs["prompt_sha256"] = _prompt_sha256(request)
            response = handler(request)
            for message in response.result:
                if isinstance(message, AIMessage):
                    outputs["text"] = str(message.content)[:KEPT_CHARACTERS]
                    outputs["tool_calls"] = [{"name": c["name"], "args": c["args"]} for c in message.tool_calls]
                    outputs["tokens"] = message.usage_metadata and message.usage_metadata["total_tokens"]
                    attempt.tokens_left -= outputs["tokens"] or _estimated(request, message)
            return response


def _prompt_sha256(request: ModelRequest[Any]) -> str:
    """Of the words that are sent, from the instructions to the last tool's result."""
    system = [request.system_message] if request.system_message is not None else []
    return canonical.sha256(canonical.storable("\n".join(str(message.content) for message in (*system, *request.messages))))


def _estimated(request: ModelRequest[Any], reply: AIMessage) -> int:
    """Tokens of a call, where the server does not say: high rather than low, so that it never counts as free."""
    letters = sum(len(str(message.content)) for message in (*request.messages, reply))
    return letters // LETTERS_PER_TOKEN + 1
