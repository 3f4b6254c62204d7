"""The main path's Messenger, spoken to Slack through slack_sdk's WebClient.

Slack has no way to say "post this once", so each message carries its key as metadata, and a repeat after a crash looks for that key in
the thread before it posts. What a workspace does not offer (assistant status, user groups) is done without.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.messenger import File, GroupRefusal, Outcome
from kenpin.bot.slack import group_messages, messages
from kenpin.bot.slack.files import download
from kenpin.bot.slack.messages import Message
from kenpin.prompts import render
from kenpin.storage import people
from kenpin.storage.accept_groups import Approval, Group, Member
from kenpin.storage.actions import Action
from kenpin.storage.inspections import Inspection
from kenpin.storage.modes import ModeChange
from kenpin.storage.photos import PhotoStore
from kenpin.storage.second_looks import Reply
from kenpin.storage.vocabulary import Answer, Language, Photo, Picture, ProposalKind

log = logging.getLogger(__name__)

EVENT_TYPE = "kenpin_message"  # of the metadata that carries a message's key
NOTED = "memo"  # the reaction that says "noted" where the answer is kept
LOOKING = "eyes"  # the reaction that says "working on it" where there is no assistant status
NOT_OFFERED = {"unknown_method", "missing_scope", "not_allowed_token_type", "method_not_supported_for_channel_type", "feature_not_enabled"}
HISTORY_MESSAGES = 200  # how far back in a thread a photo or a key is looked for
DIRECT_MESSAGES = 20  # the same in a direct message without a thread
FILE_READY_TRIES = 5  # Slack takes a moment before an uploaded picture may be shown in a block


class SlackMessenger:
    def __init__(self, client: WebClient, photo_store: PhotoStore, file_hosts: Sequence[str], console_url: str | None = None) -> None:
        """console_url: where browsers find the console, for a link under each answer; None: no link."""
        self._client, self._photos, self._file_hosts, self._console_url = client, photo_store, file_hosts, console_url
        self._has_status = True  # until the workspace says otherwise

    def files_before(self, inspection: Inspection) -> Sequence[File]:
        """The files of the nearest earlier message that has any: in the thread, or in a direct message just above."""
        if inspection.thread_ts:
            found = list(self._thread(inspection, with_metadata=False))
        elif inspection.payload.get("is_direct"):
            reply = self._client.conversations_history(
                channel=inspection.channel or "", latest=inspection.message_ts, inclusive=False, limit=DIRECT_MESSAGES
            )
            found = list(reversed(reply["messages"]))
        else:
            return ()
        earlier = [m for m in found if m["ts"] < (inspection.message_ts or "") and m.get("files") and not m.get("bot_id")]
        return earlier[-1]["files"] if earlier else ()

    def download(self, file: File) -> bytes:
        if file.get("file_access") == "check_file_info" or not (file.get("url_private_download") or file.get("url_private")):
            file = self._client.files_info(file=file["id"])["file"]
        return download(file.get("url_private_download") or file["url_private"], str(self._client.token), self._file_hosts)

    def person(self, id: str) -> people.Person | None:
        """Who this is, as Slack knows them; None when it does not say. Never a reason to fail."""
        try:
            found = self._client.users_info(user=id)["user"]
        except (SlackApiError, OSError) as error:
            log.warning("who %s is cannot be read: %s", id, error)
            return None
        profile = found.get("profile") or {}
        return people.Person(
            id=id, name=found.get("real_name") or found.get("name"), email=profile.get("email"), locale=found.get("locale")
        )

    def working(self, inspection: Inspection, on: bool) -> None:
        """Show, or stop showing, that the photo is being looked at: assistant status, else a reaction. Never a reason to fail."""
        if self._has_status:
            status = render("thread.working", inspection.language) if on else ""
            try:
                self._client.assistant_threads_setStatus(channel_id=inspection.channel or "", thread_ts=_root(inspection), status=status)
                return
            except SlackApiError as error:
                if error.response["error"] not in NOT_OFFERED:
                    log.info("no status for %s: %s", inspection.id, error.response["error"])
                self._has_status = error.response["error"] not in NOT_OFFERED
        call = self._client.reactions_add if on else self._client.reactions_remove
        try:
            call(channel=inspection.channel or "", timestamp=inspection.message_ts or "", name=LOOKING)
        except SlackApiError as error:  # already_reacted, no_reaction, message_not_found: nothing to mend
            log.info("no reaction for %s: %s", inspection.id, error.response["error"])

    def post_answer(
        self, inspection: Inspection, answer: Answer, approvers: Sequence[str], *, decidable: bool, again: bool, grouped: bool = False
    ) -> str:
        """Returns the ts of the answer. again: an earlier attempt may have posted it, so it is looked for first."""
        key = f"answer:{inspection.id}"
        if again and (found := self._find(inspection, key)):
            return found
        pictures = [(self._upload(picture), picture.alt_text) for picture in answer.pictures]
        message = messages.answer(
            answer,
            inspection.id,
            approvers=approvers,
            pictures=pictures,
            open_for_decision=decidable,
            grouped=grouped,
            console_url=self._console_url,
        )
        return self._post(inspection, key, message)

    def keep(self, inspection: Inspection, *, sign: bool) -> None:
        """The answer is kept. sign: a reaction says that the question was noted. Never a reason to fail."""
        self.working(inspection, False)
        if sign:
            try:
                self._client.reactions_add(channel=inspection.channel or "", timestamp=inspection.message_ts or "", name=NOTED)
            except SlackApiError as error:  # already_reacted, message_not_found: nothing to mend
                log.info("no reaction for %s: %s", inspection.id, error.response["error"])

    def offer_decision(self, inspection: Inspection, answer: Answer, approvers: Sequence[str]) -> None:
        """The answer as it stands, with its proposal and the buttons."""
        for posted in self._thread(inspection, with_metadata=False):
            if posted["ts"] == inspection.posted_ts:
                self._update(inspection.channel or "", posted["ts"], messages.undecided(posted, answer, inspection.id, approvers))

    def post_group(self, group: Group, members: Sequence[Member], sheet: bytes) -> str:
        """To the channel itself, once: whether it is there already is looked for first. Returns its ts."""
        key = f"group:{group.id}"
        if found := self._find_in_channel(group.channel, key, since=group.closed_at or group.opened_at):
            return found
        alt = render("modes.group_sheet", group.language)
        reply = self._client.files_upload_v2(file=sheet, filename=f"{group.id}.jpg", title=alt, alt_txt=alt)
        drawn = group_messages.sheet(str(reply["files"][0]["id"]), group.language)
        message = group_messages.group(group, members, None, sheet=drawn, links=self._links(group, members), time=None)
        return self._send(group.channel, None, key, message)

    def update_group(self, group: Group, members: Sequence[Member], approval: Approval | None) -> None:
        """The group's message as the records have it now."""
        ts = group.posted_ts or ""
        for posted in self._client.conversations_history(channel=group.channel, latest=ts, inclusive=True, limit=1)["messages"]:
            if posted["ts"] == ts:
                drawn = next(block for block in posted["blocks"] if block["block_id"] == group_messages.SHEET)
                file_id = str((drawn.get("slack_file") or {}).get("id") or "")
                message = group_messages.group(
                    group,
                    members,
                    approval,
                    sheet=group_messages.sheet(file_id, group.language) if file_id else drawn,
                    links=self._links(group, members),
                    time=_clock(approval.at) if approval else None,
                )
                self._update(group.channel, ts, message)

    def whisper_group(self, group: Group, refusal: GroupRefusal, approvers: Sequence[str]) -> None:
        words = group_messages.refusal_words(group, refusal, approvers, _clock(refusal.at, with_date=True))
        self._client.chat_postEphemeral(channel=group.channel, user=refusal.person, text=words)

    def tell_mode(self, channel: str, language: Language, change: ModeChange) -> None:
        """To the channel itself, once."""
        key = f"mode:{change.part}:{change.position}"
        if not self._find_in_channel(channel, key, since=change.at):
            self._send(channel, None, key, messages.plain(group_messages.change_words(change, language)))

    def post_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, done: Action | None) -> None:
        """Say it in the thread, and, unless another person is still awaited, take the buttons off the answer."""
        words = self._outcome_words(inspection, answer, outcome, done=done)
        is_over = outcome.kind != "endorsed"
        key = f"outcome:{inspection.id}" if is_over else f"endorsed:{inspection.id}"
        if not self._find(inspection, key):
            self._post(inspection, key, messages.plain(words))
        if is_over:
            self._close(inspection, words)

    def whisper_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str]) -> None:
        """Tell only the person; a whisper that comes twice after a crash changes nothing."""
        words = self._outcome_words(inspection, answer, outcome, approvers)
        self._client.chat_postEphemeral(channel=inspection.channel or "", user=outcome.person, thread_ts=_root(inspection), text=words)

    def ask_second_look(self, inspection: Inspection, person: str, photos: Sequence[Photo]) -> None:
        """A direct message to this person, once: whether it is there already is looked for first."""
        channel = str(self._client.conversations_open(users=person)["channel"]["id"])
        key = f"look:{inspection.id}"
        reply = self._client.conversations_history(channel=channel, limit=HISTORY_MESSAGES, include_all_metadata=True)
        if any(_key(message) == key for message in reply["messages"]):
            return
        alt = render("thread.second_look_photo", inspection.language)
        pictures = [
            (self._upload(Picture(sha256=photo.shown_sha256, alt_text=alt, title=f"photo {n}")), alt) for n, photo in enumerate(photos, 1)
        ]
        message = messages.second_look(inspection.id, inspection.question, inspection.language, pictures)
        self._send(channel, None, key, message)

    def post_second_look(self, inspection: Inspection, answer: Answer, reply: Reply) -> None:
        key = f"second_look:{inspection.id}"
        if not self._find(inspection, key):
            self._post(inspection, key, messages.plain(messages.second_look_words(answer, reply, "second_look")))

    def close_second_look(self, inspection: Inspection, answer: Answer, reply: Reply, channel: str, ts: str) -> None:
        """The buttons make room for what was said and what the answer had said."""
        words = messages.second_look_words(answer, reply, "looked")
        link = self.permalink(inspection.posted_channel or "", inspection.posted_ts or "")
        if link:
            words = f"{words} <{link}>"
        for posted in self._client.conversations_history(channel=channel, latest=ts, inclusive=True, limit=1)["messages"]:
            if posted["ts"] == ts:
                message = messages.decided(posted, words)
                self._client.chat_update(channel=channel, ts=ts, text=message.text, blocks=list(message.blocks))

    def post_note(self, inspection: Inspection, key: str, words: str) -> None:
        if not self._find(inspection, key):
            self._post(inspection, key, messages.plain(messages.escape(words)))

    def apologise(self, inspection: Inspection, *, minutes: int | None) -> None:
        name, holes = ("thread.retry_soon", {"minutes": minutes}) if minutes else ("thread.gave_up", {})
        key = f"sorry:{inspection.id}:{minutes}"
        if not self._find(inspection, key):
            self._post(inspection, key, messages.plain(render(name, inspection.language, inspection=inspection.id, **holes)))

    def members_of(self, group_id: str) -> Sequence[str] | None:
        """The people in a user group; None where the workspace has no user groups or does not let us ask."""
        try:
            members: list[str] = self._client.usergroups_users_list(usergroup=group_id)["users"]
        except SlackApiError as error:
            log.warning("the members of user group %s cannot be read: %s", group_id, error.response["error"])
            return None
        return members

    def permalink(self, channel: str, ts: str) -> str | None:
        """The address of a message; None for one that is gone."""
        try:
            return str(self._client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
        except SlackApiError:
            return None

    def _outcome_words(
        self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str] = (), done: Action | None = None
    ) -> str:
        language, proposed = answer.language, answer.proposed
        assert proposed is not None, "only a proposal has an outcome"
        part = messages.escape(proposed.part)
        known: dict[str, Any] = {
            "person": outcome.person if outcome.kind == "expired" else outcome.decided_by,
            "time": _clock(outcome.at, with_date=outcome.kind in ("expired", "late")),
            "entry": f"{outcome.entry:,}" if outcome.entry else None,
            "gesture": render(f"thread.gesture_{outcome.verdict}", language) if outcome.verdict else None,
            "part": part,
        }
        name = f"thread.{outcome.kind}"
        if outcome.kind == "recorded" and proposed.kind is ProposalKind.REFERENCE:
            name = "thread.recorded_reference"
            known["count"] = messages.photo_count(len(proposed.photos), language)
            known["state"] = messages.state_word(proposed, language)
        elif outcome.kind in ("recorded", "corrected"):
            assert done is not None, "what is announced as done is on record"
            known["disposition"] = messages.capital(messages.disposition_word(done.proposed, language))
            known["really"] = messages.correction_words(done.correction, language) if done.correction else None
        elif outcome.kind == "refused":
            known["approvers"] = ", ".join(f"<@{a}>" for a in approvers) or render("thread.nobody", language)
        return messages.filled(name, language, known)

    def _post(self, inspection: Inspection, key: str, message: Message) -> str:
        return self._send(inspection.channel or "", _root(inspection), key, message)

    def _send(self, channel: str, thread_ts: str | None, key: str, message: Message) -> str:
        for attempt in range(FILE_READY_TRIES):
            try:
                reply = self._client.chat_postMessage(
                    channel=channel,
                    thread_ts=thread_ts,
                    text=message.text,
                    blocks=list(message.blocks),
                    metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                    unfurl_links=False,
                )
                return str(reply["ts"])
            except SlackApiError as error:
                if error.response["error"] != "invalid_blocks" or attempt == FILE_READY_TRIES - 1:
                    raise
                time.sleep(0.5 * 2**attempt)  # an uploaded picture is refused until Slack has processed it
        raise AssertionError("the last try returns or raises")

    def _close(self, inspection: Inspection, words: str) -> None:
        """The answer as it stands, with the outcome where the buttons were; the same however often it runs."""
        for posted in self._thread(inspection, with_metadata=False):
            if posted["ts"] == inspection.posted_ts:
                message = messages.decided(posted, words)
                self._client.chat_update(channel=inspection.channel or "", ts=posted["ts"], text=message.text, blocks=list(message.blocks))

    def _update(self, channel: str, ts: str, message: Message) -> None:
        self._client.chat_update(channel=channel, ts=ts, text=message.text, blocks=list(message.blocks))

    def _links(self, group: Group, members: Sequence[Member]) -> dict[str, str]:
        """The addresses of the members' answers, as far as Slack knows them."""
        found = {member.inspection_id: self.permalink(group.channel, member.posted_ts) for member in members if member.posted_ts}
        return {inspection_id: link for inspection_id, link in found.items() if link}

    def _find_in_channel(self, channel: str, key: str, *, since: str) -> str | None:
        """A message of ours in the channel itself, posted since a moment; a minute more, as clocks differ."""
        oldest = f"{datetime.fromisoformat(since).timestamp() - 60:.6f}"
        pages = self._client.conversations_history(channel=channel, oldest=oldest, limit=HISTORY_MESSAGES, include_all_metadata=True)
        for page in pages:
            for message in page["messages"]:
                if _key(message) == key:
                    return str(message["ts"])
        return None

    def _find(self, inspection: Inspection, key: str) -> str | None:
        for message in self._thread(inspection, with_metadata=True):
            if _key(message) == key:
                return str(message["ts"])
        return None

    def _thread(self, inspection: Inspection, *, with_metadata: bool) -> Iterator[dict[str, Any]]:
        pages = self._client.conversations_replies(
            channel=inspection.channel or "", ts=_root(inspection), limit=HISTORY_MESSAGES, include_all_metadata=with_metadata
        )
        for page in pages:
            yield from page["messages"]

    def _upload(self, picture: Picture) -> str:
        data = self._photos.get(picture.sha256)
        name = f"{picture.sha256[:12]}.jpg"
        reply = self._client.files_upload_v2(file=data, filename=name, title=picture.title, alt_txt=picture.alt_text)
        return str(reply["files"][0]["id"])


def _root(inspection: Inspection) -> str:
    """The thread an inspection is answered in: the one it was asked in, else its own."""
    return inspection.thread_ts or inspection.message_ts or ""


def _key(message: Mapping[str, Any]) -> str | None:
    """What a message of ours was posted for."""
    key: str | None = (message.get("metadata") or {}).get("event_payload", {}).get("key")
    return key


def _clock(at: str | None, *, with_date: bool = False) -> str | None:
    """A moment as Slack shows it in each reader's own time zone, with UTC where it cannot."""
    if at is None:
        return None
    moment = datetime.fromisoformat(at).astimezone(UTC)
    seconds = int(moment.timestamp())
    if with_date:
        return f"<!date^{seconds}^{{date_num}} {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"
    return f"<!date^{seconds}^{{time}}|{moment:%H:%M} UTC>"
