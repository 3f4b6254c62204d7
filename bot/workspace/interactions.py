"""What a person does with the bot's interface: buttons, modals, slash commands, shortcuts, and the addresses a bot answers to.

Builds the payloads, issues trigger ids and response_urls, and acts on what the bot's acknowledgement says.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from . import blocks, people
from .delivery import Delivery
from .errors import SlackError
from .modals import check_view, new_view, shown_view
from .shapes import Shapes
from .state import Channel, State
from .store import Json
from .timeline import Draft, Timeline

_RESPONSE_LIFE_S = 30 * 60.0
_RESPONSE_USES = 5


@dataclass
class _Trigger:
    user: str
    until: float
    used: bool = False
    view_id: str | None = None  # the modal it was raised in, for views.push


@dataclass
class _Response:
    """Where the messages sent to a response_url go."""

    channel: str
    user: str
    until: float
    left: int
    message_ts: str | None  # the message it may replace or delete
    is_ephemeral: bool
    thread_ts: str | None


class Interactions:
    """The state between a click and the bot's answer."""

    def __init__(self, state: State, shapes: Shapes, delivery: Delivery, timeline: Timeline, trigger_life_s: float) -> None:
        self._state = state
        self._shapes = shapes
        self._delivery = delivery
        self._timeline = timeline
        self._trigger_life_s = trigger_life_s
        self._triggers: dict[str, _Trigger] = {}
        self._responses: dict[str, _Response] = {}

    # -- triggers ----------------------------------------------------------------------------------------------------------

    def trigger(self, user: str, view_id: str | None = None) -> str:
        now = time.monotonic()
        self._triggers = {k: t for k, t in self._triggers.items() if t.until > now - 600}  # old ones stay a while, to be called expired
        name = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[name] = _Trigger(user, now + self._trigger_life_s, view_id=view_id)
        return name

    def use_trigger(self, name: str) -> tuple[str, str | None]:
        """(user, view id) behind a trigger id. Raises SlackError invalid_, exchanged_ or expired_trigger_id."""
        trigger = self._triggers.get(name)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if trigger.until < time.monotonic():
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user, trigger.view_id

    # -- clicks ------------------------------------------------------------------------------------------------------------

    async def click_in_message(self, user: str, channel: Channel, message: Json, action: Json, state: Json) -> None:
        """A person used an element of a message. action: action_id, block_id and the choice. Raises NoAnswerError, SlackError."""
        is_ephemeral = "_for" in message
        filled = self._action(message.get("blocks", []), action)
        payload = self._head("block_actions", user) | {
            "container": {
                "type": "message", "message_ts": message["ts"], "channel_id": channel.id, "is_ephemeral": is_ephemeral,
                **({"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}),
            },
            "trigger_id": self.trigger(user),
            "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
            "state": {"values": state},
            "response_url": self.response_url(channel, user, message=message),
            "actions": [filled],
        }  # fmt: skip
        if not is_ephemeral:
            payload["message"] = self._shapes.message(message)
        await self._delivery.interact("interactive", payload, answer_counts=False)

    async def click_in_view(self, user: str, view: Json, action: Json, state: Json) -> None:
        """A person used an element of a modal or of the home tab. Raises NoAnswerError, SlackError."""
        filled = self._action(view["blocks"], action)
        view["state"] = {"values": state}
        payload = self._head("block_actions", user) | {
            "container": {"type": "view", "view_id": view["id"]},
            "trigger_id": self.trigger(user, view["id"]),
            "view": shown_view(view),
            "actions": [filled],
        }
        await self._delivery.interact("interactive", payload, answer_counts=False)

    def _action(self, drawn: list[Json], action: Json) -> Json:
        found = blocks.find_element(drawn, str(action.get("action_id", "")), action.get("block_id"))
        if found is None:
            raise SlackError("action_not_found")
        block, element = found
        kept: Json = {k: element[k] for k in ("action_id", "text", "value", "style", "type", "placeholder") if k in element}
        choice = {k: v for k, v in action.items() if k == "value" or k.startswith("selected_")}
        return {**kept, **choice, "block_id": block["block_id"], "action_ts": self._state.next_ts()}

    def _head(self, kind: str, user: str) -> Json:
        person = people.person(user)
        name = person.name if person else user
        return {
            "type": kind,
            "user": {"id": user, "username": name, "name": name, "team_id": people.TEAM_ID},
            "api_app_id": people.APP_ID,
            "token": people.VERIFICATION_TOKEN,
            "team": {"id": people.TEAM_ID, "domain": people.TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    # -- modals ------------------------------------------------------------------------------------------------------------

    async def submit(self, user: str, view: Json, values: Json) -> Json:
        """A person pressed a modal's submit button. Returns {} or {"errors": {block_id: text}}. Raises NoAnswerError, SlackError."""
        view["state"] = {"values": values}
        trigger_id = self.trigger(user, view["id"])
        payload = self._head("view_submission", user) | {"trigger_id": trigger_id, "view": shown_view(view), "response_urls": []}
        answer = await self._delivery.interact("interactive", payload, answer_counts=True)
        action = answer.get("response_action")
        if action == "errors":
            return {"errors": answer.get("errors", {})}
        if action == "update":
            self.redraw_view(view, answer["view"])
        elif action == "push":
            self.open_view(user, answer["view"], below=view)
        elif action == "clear":
            for other in [v for v in self._state.views.values() if v["_user"] == user and v["type"] == "modal"]:
                self._close_view(other)
        else:
            self._close_view(view)
        return {}

    async def dismiss(self, user: str, view: Json, *, all_of_them: bool = False) -> None:
        """A person closed a modal; the bot hears of it only if it asked to. Raises NoAnswerError."""
        self._close_view(view)
        if view.get("notify_on_close"):
            payload = self._head("view_closed", user) | {"view": shown_view(view), "is_cleared": all_of_them}
            await self._delivery.interact("interactive", payload, answer_counts=False)

    def open_view(self, user: str, definition: Json, *, below: Json | None = None) -> Json:
        """Show a modal to a person, on top of `below` when it is pushed. Raises SlackError for a view Slack would refuse."""
        check_view(definition, self._state)
        view_id = self._state.new_id("V")
        view = new_view(view_id, user, definition, self._timeline.with_ids) | {
            "root_view_id": below["root_view_id"] if below else view_id,
            "previous_view_id": below["id"] if below else None,
        }
        self._state.save_view(view)
        self._timeline.tell_page("view", {"view": shown_view(view)}, only={user})
        return view

    def redraw_view(self, view: Json, definition: Json) -> Json:
        check_view(definition, self._state)
        kept = {k: view[k] for k in ("root_view_id", "previous_view_id")}
        view.update(new_view(view["id"], view["_user"], definition, self._timeline.with_ids) | kept)
        self._state.save_view(view)
        self._timeline.tell_page("view", {"view": shown_view(view)}, only={view["_user"]})
        return view

    def _close_view(self, view: Json) -> None:
        self._state.remove_view(view["id"])
        self._timeline.tell_page("view_gone", {"view_id": view["id"]}, only={view["_user"]})

    # -- commands and shortcuts --------------------------------------------------------------------------------------------

    async def command(self, user: str, channel: Channel, command: str, text: str) -> None:
        """A person typed a slash command. What the acknowledgement says becomes a message. Raises NoAnswerError."""
        person = people.person(user)
        response_url = self.response_url(channel, user)
        fields = {
            "token": people.VERIFICATION_TOKEN, "team_id": people.TEAM_ID, "team_domain": people.TEAM_DOMAIN, "channel_id": channel.id,
            "channel_name": "directmessage" if channel.is_im else channel.name,
            "user_id": user, "user_name": person.name if person else user,
            "command": command, "text": text, "api_app_id": people.APP_ID, "is_enterprise_install": "false",
            "response_url": response_url, "trigger_id": self.trigger(user),
        }  # fmt: skip
        answer = await self._delivery.interact("slash_commands", fields, answer_counts=True)
        if answer:
            self.respond(response_url.rpartition("/")[2], answer)

    async def shortcut(self, user: str, callback_id: str, channel: Channel | None, message: Json | None) -> None:
        """A person chose a shortcut, on a message or not. Raises NoAnswerError."""
        payload = self._head("message_action" if message else "shortcut", user) | {
            "callback_id": callback_id, "trigger_id": self.trigger(user), "action_ts": self._state.next_ts(),
        }  # fmt: skip
        if message and channel:
            payload |= {
                "message_ts": message["ts"], "message": self._shapes.message(message),
                "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
                "response_url": self.response_url(channel, user, message=message, replaceable=False),
            }  # fmt: skip
        await self._delivery.interact("interactive", payload, answer_counts=False)

    # -- response_url ------------------------------------------------------------------------------------------------------

    def response_url(self, channel: Channel, user: str, *, message: Json | None = None, replaceable: bool = True) -> str:
        secret = secrets.token_urlsafe(18)
        self._responses[secret] = _Response(
            channel=channel.id, user=user, until=time.monotonic() + _RESPONSE_LIFE_S, left=_RESPONSE_USES,
            message_ts=message["ts"] if message and replaceable else None, is_ephemeral=bool(message and "_for" in message),
            thread_ts=message.get("thread_ts") if message else None,
        )  # fmt: skip
        return f"{self._shapes.base_url}/response/{people.TEAM_ID}/{secret}"

    def respond(self, secret: str, body: Json) -> None:
        """The bot wrote to a response_url. Raises SlackError expired_url, used_url, no_text, or what its blocks deserve."""
        response = self._responses.get(secret)
        if response is None or response.until < time.monotonic():
            raise SlackError("expired_url")
        if response.left <= 0:
            raise SlackError("used_url")
        response.left -= 1
        channel = self._state.channels[response.channel]
        source = self._source(channel, response)
        if body.get("delete_original") and source is not None:
            self._remove(channel, source)
            return
        draft = self._draft(body, response)
        if body.get("replace_original") and source is not None:
            self._replace(channel, source, draft)
        elif body.get("response_type") == "in_channel":
            self._timeline.post(channel, people.BOT_USER_ID, draft)
        else:
            self._timeline.whisper(channel, response.user, draft)

    def _draft(self, body: Json, response: _Response) -> Draft:
        drawn = blocks.check(body["blocks"], self._state) if body.get("blocks") else None
        text = str(body.get("text") or (blocks.fallback_text(drawn) if drawn else ""))
        thread_ts = body.get("thread_ts") or (response.thread_ts if response.message_ts else None)
        draft = Draft(text=text, blocks=drawn, attachments=body.get("attachments"), thread_ts=thread_ts)
        if draft.empty:
            raise SlackError("no_text")
        return draft

    def _source(self, channel: Channel, response: _Response) -> Json | None:
        if response.message_ts is None:
            return None
        if response.is_ephemeral:
            return next((m for m in self._state.ephemeral if m["ts"] == response.message_ts), None)
        return channel.messages.get(response.message_ts)

    def _remove(self, channel: Channel, source: Json) -> None:
        if "_for" in source:
            self._timeline.unwhisper(source)
        else:
            self._timeline.delete(channel, source)

    def _replace(self, channel: Channel, source: Json, draft: Draft) -> None:
        drawn = self._timeline.with_ids(draft.blocks, draft.text)
        if "_for" in source:
            source |= {"text": draft.text, "blocks": drawn}
            self._timeline.save_whisper(source)
        else:
            self._timeline.edit(channel, source, {"text": draft.text, "blocks": drawn}, by=people.BOT_USER_ID)
