"""A chat model chooses the tools: the model itself from its setting, and one bounded conversation with it.

The model chooses; the tools find, and prompts/ words it. So a model that is slow, down, or talks nonsense costs nothing but its choice:
the answer is then made the way it is made without one. LangChain's agent machinery is imported by the first conversation, not before.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from kenpin.prompts import PromptError
from kenpin.storage.errors import StorageError
from kenpin.storage.vocabulary import TrailEntry
from kenpin.tools.context import Context
from kenpin.tools.vision.errors import VisionError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

NAME = "agent"  # on the trail
SETTING = "KENPIN_CHAT_MODEL"
NO_KEY = "not-needed"  # OpenAI's client insists on a key; servers on site want none


class ChatModelError(Exception):
    """The chat model that is set cannot be used. The message names the setting."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of the conversation."""

    context: Context  # with what the called tools found, and with the conversation in its trail
    tools: tuple[str, ...]  # called by the model
    cannot: tuple[str, ...]  # what it says was asked and no tool can do; names of the router's intents
    model: str
    failed: bool  # nothing usable came; `tools` and `cannot` are empty


def chat_model(
    spec: str, base_url: str | None = None, api_key: str | None = None, timeout_s: float = 30.0, *, setting: str = SETTING
) -> BaseChatModel:
    """The chat model of a setting: "openai:gpt-x", any other LangChain id, or the address of an OpenAI-compatible server.

    An address may name the model after "#" (http://127.0.0.1:8000/v1#qwen); without it the first one that the server lists is taken.
    `base_url` sends a LangChain id to another server, `setting` is named when something is wrong. Raises ChatModelError.
    """
    if spec.startswith(("http://", "https://")):
        address, _, name = spec.partition("#")
        return _at(address.rstrip("/"), name, api_key, timeout_s, setting)
    from langchain.chat_models import init_chat_model
    from openai import OpenAIError

    options: dict[str, Any] = {key: value for key, value in {"base_url": base_url, "api_key": api_key}.items() if value is not None}
    try:
        model: BaseChatModel = init_chat_model(spec, timeout=timeout_s, max_retries=1, **options)
    except ImportError as error:
        raise ChatModelError(f"{setting} is {spec!r}, and the package for it is not installed: {error}") from error
    except (ValueError, OpenAIError) as error:
        raise ChatModelError(
            f"{setting} is {spec!r}, which cannot be used: {error} Set it to a LangChain id such as openai:gpt-4o-mini with its key, "
            "or to the address of an OpenAI-compatible server such as http://127.0.0.1:8000/v1."
        ) from error
    return model


def _at(address: str, name: str, api_key: str | None, timeout_s: float, setting: str) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        base_url=address,
        model=name or _first_listed(address, api_key, setting),
        api_key=SecretStr(api_key or NO_KEY),
        timeout=timeout_s,
        max_retries=1,
        temperature=0,
    )


def _first_listed(address: str, api_key: str | None, setting: str) -> str:
    where = f"{setting} is {address!r}"
    try:
        reply = httpx.get(f"{address}/models", headers={"Authorization": f"Bearer {api_key or NO_KEY}"}, timeout=10)
        reply.raise_for_status()
        listed = reply.json()["data"]
        return str(listed[0]["id"])
    except httpx.HTTPStatusError as error:
        raise ChatModelError(
            f"{where}, and the server answers {error.response.status_code} to /models. Name the model after a #, or check the key."
        ) from error
    except httpx.HTTPError as error:
        raise ChatModelError(f"{where}, and no server answers there ({type(error).__name__}). Start it, or correct the setting.") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ChatModelError(f"{where}, and the server lists no model. Name one after a #, such as {address}#model-name.") from error


def ask(context: Context) -> Outcome:
    """One conversation about the question, within the site's limits on time, calls and tokens.

    Raises what the tools raise from the eye and the records; whatever goes wrong with the model itself makes the Outcome `failed`.
    """
    from kenpin.tools import conversation

    site = context.site
    assert site.chat_model is not None, "the chain asks only where a chat model is set"
    attempt = conversation.Attempt(context.copy(), site.chat_model, calls=site.chat_calls, tokens=site.chat_tokens)
    # In a thread of its own, because only so can it be left when its time is up, whatever the model's client does. What it does after
    # that happens to its own copy of the context.
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kenpin-agent")
    running = thread.submit(attempt.run)
    thread.shutdown(wait=False)
    try:
        error = running.exception(timeout=site.chat_timeout_s)
    except TimeoutError:
        return _failed(attempt, f"no reply within {site.chat_timeout_s:g} s")
    if isinstance(error, VisionError | StorageError | PromptError):
        raise error
    if error is not None:
        return _failed(attempt, f"{type(error).__name__}: {error}"[:500])
    tools, cannot = running.result()
    if not tools and not cannot:
        return _failed(attempt, "it called no tool")
    return Outcome(context=attempt.context, tools=tools, cannot=cannot, model=attempt.model, failed=False)


def _failed(attempt: conversation.Attempt, why: str) -> Outcome:
    attempt.abandoned = True
    context = attempt.context.copy()
    context.trail.append(
        TrailEntry(tool=NAME, inputs={}, outputs={"failed": why, "then": "the router chose the tools"}, model=attempt.model, ms=0.0)
    )
    return Outcome(context=context, tools=(), cannot=(), model=attempt.model, failed=True)


if TYPE_CHECKING:
    from kenpin.tools import conversation
