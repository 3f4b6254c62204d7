"""The Web API's assistant methods: the status line under a thread, its title, suggested prompts."""

from __future__ import annotations

from .arguments import Arguments
from .errors import SlackError, invalid_arguments
from .office import Caller, Methods, Office, channel_of_member
from .state import Channel
from .store import Json

assistant = Methods()

_MOST_LOADING_MESSAGES = 10
_MOST_PROMPTS = 4


@assistant.method("assistant.threads.setStatus", "chat:write", "assistant:write", tokens=("bot",))
def set_status(office: Office, caller: Caller, args: Arguments) -> Json:
    channel, thread_ts = _thread(office, caller, args)
    loading = args.json("loading_messages") or []
    if not isinstance(loading, list) or len(loading) > _MOST_LOADING_MESSAGES:
        raise invalid_arguments(f"no more than {_MOST_LOADING_MESSAGES} items allowed: loading_messages")
    office.timeline.set_status(channel, thread_ts, args.text("status"), [str(m) for m in loading])
    return {}


@assistant.method("assistant.threads.setTitle", "assistant:write", tokens=("bot",))
def set_title(office: Office, caller: Caller, args: Arguments) -> Json:
    channel, thread_ts = _thread(office, caller, args)
    title = args.needed("title")
    office.state.thread_titles[(channel.id, thread_ts)] = title
    office.timeline.tell_page("title", {"channel": channel.id, "thread_ts": thread_ts, "title": title}, only=set(channel.members))
    return {}


@assistant.method("assistant.threads.setSuggestedPrompts", "assistant:write", tokens=("bot",))
def set_suggested_prompts(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel_id"), "channel_not_found")
    if "thread_ts" in args:
        channel, _ = _thread(office, caller, args)
    prompts = args.json("prompts")
    if not isinstance(prompts, list) or len(prompts) > _MOST_PROMPTS or not all(isinstance(p, dict) and p.get("message") for p in prompts):
        raise invalid_arguments(f"must be up to {_MOST_PROMPTS} items with a title and a message: prompts")
    body: Json = {"channel": channel.id, "title": args.text("title"), "prompts": prompts}
    office.state.suggested_prompts[channel.id] = body
    office.timeline.tell_page("prompts", body, only=set(channel.members))
    return {}


def _thread(office: Office, caller: Caller, args: Arguments) -> tuple[Channel, str]:
    channel = channel_of_member(office, caller, args.needed("channel_id"), "channel_not_found")
    thread_ts = args.needed("thread_ts")
    if thread_ts not in channel.messages:
        raise SlackError("invalid_thread_ts")
    return channel, thread_ts
