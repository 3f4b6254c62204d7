"""The objects of Slack's replies and events, made from what is remembered: users, channels, messages, files, the bot.

Addresses are made here and nowhere else, from the host and port of this run, because a restart may change them.
"""

from __future__ import annotations

from urllib.parse import quote

from . import people
from .state import Channel, File, State
from .store import Json

THUMBNAIL_SIDES_PX = (64, 80, 160, 360, 480, 720, 800, 960, 1024)
_SQUARE = (64, 80, 160)  # Slack crops these to a square and states no width or height for them


class Shapes:
    """Makes Slack's JSON for one run of the server."""

    def __init__(self, state: State, base_url: str) -> None:
        self._state = state
        self.base_url = base_url

    def bot_profile(self) -> Json:
        return {
            "id": people.BOT_ID, "app_id": people.APP_ID, "user_id": people.BOT_USER_ID, "name": people.BOT_NAME, "icons": self._icons(),
            "deleted": False, "updated": people.FOUNDED, "team_id": people.TEAM_ID,
        }  # fmt: skip

    def bot(self) -> Json:
        return {
            "id": people.BOT_ID, "deleted": False, "name": people.BOT_NAME, "updated": people.FOUNDED, "app_id": people.APP_ID,
            "user_id": people.BOT_USER_ID, "icons": self._icons(),
        }  # fmt: skip

    def _icons(self) -> Json:
        return {f"image_{side}": f"{self.base_url}/page/kenpin.svg" for side in (36, 48, 72)}

    def team(self) -> Json:
        return {"id": people.TEAM_ID, "name": people.TEAM_NAME, "domain": people.TEAM_DOMAIN, "email_domain": "example.com"}

    def user(self, user_id: str, *, with_email: bool, with_locale: bool = False) -> Json | None:
        person = people.person(user_id)
        if person is None and user_id != people.BOT_USER_ID:
            return None
        name, real_name = (person.name, person.real_name) if person else (people.BOT_NAME, people.BOT_NAME)
        profile: Json = {
            "title": person.title if person else "", "phone": "", "skype": "", "real_name": real_name, "real_name_normalized": real_name,
            "display_name": name, "display_name_normalized": name, "status_text": "", "status_emoji": "", "status_expiration": 0,
            "avatar_hash": "local", "team": people.TEAM_ID,
            **{f"image_{side}": self._avatar(user_id) for side in (24, 32, 48, 72, 192, 512)},
        }  # fmt: skip
        if person is None:
            profile |= {"api_app_id": people.APP_ID, "bot_id": people.BOT_ID, "always_active": True}
        else:
            first, _, last = real_name.partition(" ")
            profile |= {"first_name": first, "last_name": last} | ({"email": person.email} if with_email else {})
        return {
            "id": user_id, "team_id": people.TEAM_ID, "name": name, "deleted": False, "color": person.color if person else "1a5fb4",
            "real_name": real_name, "tz": person.tz if person else "Asia/Tokyo", "tz_label": "Japan Standard Time",
            "tz_offset": person.tz_offset if person else 9 * 3600, "profile": profile,
            "is_admin": bool(person and person.is_admin), "is_owner": False, "is_primary_owner": False,
            "is_restricted": bool(person and person.is_restricted), "is_ultra_restricted": False, "is_bot": person is None,
            "is_app_user": False, "updated": people.FOUNDED, "is_email_confirmed": person is not None,
            "who_can_share_contact_card": "EVERYONE", **({"locale": "en-US"} if with_locale else {}),
        }  # fmt: skip

    def _avatar(self, user_id: str) -> str:
        return f"{self.base_url}/page/kenpin.svg" if user_id == people.BOT_USER_ID else f"{self.base_url}/local/avatar/{user_id}.svg"

    def user_group(self, group: people.UserGroup) -> Json:
        return {
            "id": group.id, "team_id": people.TEAM_ID, "is_usergroup": True, "is_subteam": True, "name": group.name, "description": "",
            "handle": group.handle, "is_external": False, "date_create": people.FOUNDED, "date_update": people.FOUNDED, "date_delete": 0,
            "auto_provision": False, "enterprise_subteam_id": "", "created_by": people.SUPERVISOR.id, "updated_by": people.SUPERVISOR.id,
            "prefs": {"channels": [], "groups": []}, "user_count": len(group.users),
        }  # fmt: skip

    def channel(self, channel: Channel, viewer: str, *, with_count: bool = False) -> Json:
        if channel.is_im:
            return {
                "id": channel.id, "created": channel.created, "is_archived": False, "is_im": True, "is_org_shared": False,
                "context_team_id": people.TEAM_ID, "updated": channel.created * 1000, "user": channel.other(viewer),
            }  # fmt: skip
        return {
            "id": channel.id, "name": channel.name, "name_normalized": channel.name, "is_channel": True, "is_group": False,
            "is_im": False, "is_mpim": False, "is_private": False, "is_member": viewer in channel.members, "is_archived": False,
            "is_general": False, "is_shared": False, "is_ext_shared": False, "is_org_shared": False, "is_pending_ext_shared": False,
            "pending_shared": [], "unlinked": 0, "context_team_id": people.TEAM_ID, "shared_team_ids": [people.TEAM_ID],
            "created": channel.created, "creator": channel.creator, "updated": channel.created * 1000, "previous_names": [],
            "topic": {"value": channel.topic, "creator": channel.creator, "last_set": channel.created},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            **({"num_members": len(channel.members)} if with_count else {}),
        }  # fmt: skip

    def message(self, message: Json, *, with_metadata: bool = True) -> Json:
        """A remembered message as Slack would show it: file objects for file ids, none of our own keys."""
        shown = {k: v for k, v in message.items() if not k.startswith("_") and (with_metadata or k != "metadata")}
        if "files" in shown:
            shown["files"] = [self.file_or_tombstone(f) for f in shown["files"]]
        return shown

    def file_or_tombstone(self, file_id: str) -> Json:
        file = self._state.files.get(file_id)
        if file is None or file.deleted:
            return {"id": file_id, "mode": "tombstone"}
        return self.file(file)

    def file(self, file: File, *, with_shares: bool = False) -> Json:
        name = quote(file.name, safe="")
        path = f"{people.TEAM_ID}-{file.id}"
        shown: Json = {
            "id": file.id, "created": file.created, "timestamp": file.created, "name": file.name, "title": file.title,
            "mimetype": file.mimetype, "filetype": file.filetype, "pretty_type": file.pretty_type, "user": file.user,
            "user_team": people.TEAM_ID, "editable": False, "size": file.size, "mode": "hosted", "is_external": False,
            "external_type": "", "is_public": self._is_public(file), "public_url_shared": False, "display_as_bot": False, "username": "",
            "url_private": f"{self.base_url}/files-pri/{path}/{name}",
            "url_private_download": f"{self.base_url}/files-pri/{path}/download/{name}",
            "permalink": f"{self.base_url}/files/{file.user}/{file.id}/{name}",
            "permalink_public": f"{self.base_url}/{people.TEAM_ID}-{file.id}-local",
            "has_rich_preview": False, "file_access": "visible",
        }  # fmt: skip
        if file.alt_txt:
            shown["alt_txt"] = file.alt_txt
        if file.is_image:
            shown |= {"original_w": file.width_px, "original_h": file.height_px} | self._thumbnails(file)
        if with_shares:
            shown |= self._shares(file)
        return shown

    def _is_public(self, file: File) -> bool:
        return any(not self._state.channels[c].is_im for c in file.shares)

    def _thumbnails(self, file: File) -> Json:
        out: Json = {"media_display_type": "unknown"}
        stem = quote(file.name.rsplit(".", 1)[0], safe="")
        longest = max(file.width_px, file.height_px)
        for side in THUMBNAIL_SIDES_PX:
            if side > 360 and side >= longest:
                break
            out[f"thumb_{side}"] = f"{self.base_url}/files-tmb/{people.TEAM_ID}-{file.id}-local/{stem}_{side}.png"
            if side not in _SQUARE:
                scale = min(1.0, side / longest)
                out[f"thumb_{side}_w"], out[f"thumb_{side}_h"] = round(file.width_px * scale), round(file.height_px * scale)
        return out

    def _shares(self, file: File) -> Json:
        shares: Json = {}
        lists: dict[str, list[str]] = {"channels": [], "groups": [], "ims": []}
        for channel_id, stamps in file.shares.items():
            channel = self._state.channels[channel_id]
            lists["ims" if channel.is_im else "channels"].append(channel_id)
            shares.setdefault("private" if channel.is_im else "public", {})[channel_id] = [
                self._share(channel, ts, file) for ts in stamps if ts in channel.messages
            ]
        return {"shares": shares, **lists}

    def _share(self, channel: Channel, ts: str, file: File) -> Json:
        message = channel.messages[ts]
        return {
            "reply_users": message.get("reply_users", []), "reply_users_count": message.get("reply_users_count", 0),
            "reply_count": message.get("reply_count", 0), "ts": ts, "team_id": people.TEAM_ID, "share_user_id": file.user,
            **({"channel_name": channel.name} if channel.name else {}),
            **({"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}),
        }  # fmt: skip

    def permalink(self, channel: Channel, message: Json) -> str:
        link = f"{self.base_url}/archives/{channel.id}/p{message['ts'].replace('.', '')}"
        thread_ts = message.get("thread_ts")
        return f"{link}?thread_ts={thread_ts}&cid={channel.id}" if thread_ts and thread_ts != message["ts"] else link
