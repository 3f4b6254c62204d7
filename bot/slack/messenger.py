"""The main path's Messenger, spoken to Slack through slack_sdk's WebClient.

Slack has no way to say "post this once", so each message carries its key as metadata, and a repeat after a crash looks for that key in
the thread before it posts. What a workspace does not offer (assistant status, user groups) is done without.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.messenger import File, Outcome
from kenpin.bot.slack import messages
from kenpin.bot.slack.files import download
from kenpin.bot.slack.messages import Message
from kenpin.prompts import render
from kenpin.storage.inspections import Inspection
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import Answer, DecisionVerdict, Picture, ProposalKind

log = logging.getLogger(__name__)

EVENT_TYPE = "kenpin_message"  # of the metadata that carries a message's key
LOOKING = "eyes"  # the reaction that says "working on it" where there is no assistant status
NOT_OFFERED = {"unknown_method", "missing_scope", "not_allowed_token_type", "method_not_supported_for_channel_type", "feature_not_enabled"}
HISTORY_MESSAGES = 200  # how far back in a thread a photo or a key is looked for
DIRECT_MESSAGES = 20  # the same in a direct message without a thread
FILE_READY_TRIES = 5  # Slack takes a moment before an uploaded picture may be shown in a block


class SlackMessenger:
    def __init__(self, client: WebClient, photo_store: PhotoStore, file_hosts: Sequence[str]) -> None:
        self._client, self._photos, self._file_hosts = client, photo_store, file_hosts
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

    def post_answer(self, inspection: Inspection, answer: Answer, approvers: Sequence[str], *, decidable: bool, again: bool) -> str:
        """Returns the ts of the answer. again: an earlier attempt may have posted it, so it is looked for first."""
        key = f"answer:{inspection.id}"
        if again and (found := self._find(inspection, key)):
            return found
        pictures = [(self._upload(picture), picture.alt_text) for picture in answer.pictures]
        message = messages.answer(answer, inspection.id, approvers=approvers, pictures=pictures, open_for_decision=decidable)
        return self._post(inspection, key, message)

    def post_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome) -> None:
        """Say it in the thread, and take the buttons off the answer."""
        key = f"outcome:{inspection.id}"
        words = self._outcome_words(inspection, answer, outcome)
        if not self._find(inspection, key):
            self._post(inspection, key, messages.plain(words))
        self._close(inspection, words)

    def whisper_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str]) -> None:
        """Tell only the person; a whisper that comes twice after a crash changes nothing."""
        words = self._outcome_words(inspection, answer, outcome, approvers)
        self._client.chat_postEphemeral(channel=inspection.channel or "", user=outcome.person, thread_ts=_root(inspection), text=words)

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

    def _outcome_words(self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str] = ()) -> str:
        language, proposed = answer.language, answer.proposed
        assert proposed is not None, "only a proposal has an outcome"
        entry = f"{outcome.entry:,}" if outcome.entry else None
        holes: dict[str, Any] = {"person": outcome.decided_by, "time": _clock(outcome.at), "entry": entry}
        gesture = "👍" if outcome.verdict is DecisionVerdict.APPROVED else "👎"
        if outcome.kind == "recorded" and proposed.kind is ProposalKind.REFERENCE:
            count, state = messages.photo_count(len(proposed.photos), language), messages.state_word(proposed, language)
            return render("thread.recorded_reference", language, count=count, state=state, part=messages.escape(proposed.part), **holes)
        if outcome.kind == "recorded":
            word = messages.disposition_word(proposed, language)
            return render("thread.recorded", language, disposition=word[0].upper() + word[1:], **holes)
        if outcome.kind == "rejected":
            return render("thread.rejected", language, **holes)
        if outcome.kind == "refused":
            who = ", ".join(f"<@{a}>" for a in approvers) or render("thread.nobody", language)
            return render("thread.refused", language, gesture=gesture, part=messages.escape(proposed.part), approvers=who)
        return render(f"thread.{outcome.kind}", language, person=outcome.decided_by, time=_clock(outcome.at), gesture=gesture)

    def _post(self, inspection: Inspection, key: str, message: Message) -> str:
        for attempt in range(FILE_READY_TRIES):
            try:
                reply = self._client.chat_postMessage(
                    channel=inspection.channel or "",
                    thread_ts=_root(inspection),
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

    def _find(self, inspection: Inspection, key: str) -> str | None:
        for message in self._thread(inspection, with_metadata=True):
            if (message.get("metadata") or {}).get("event_payload", {}).get("key") == key:
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


def _clock(at: str | None) -> str | None:
    """A moment as Slack shows it in each reader's own time zone, with UTC where it cannot."""
    if at is None:
        return None
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return f"<!date^{int(moment.timestamp())}^{{time}}|{moment:%H:%M} UTC>"
