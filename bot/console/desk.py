"""What every page of the console works with, handed to it as one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from kenpin.bot import approvers
from kenpin.bot.console.identity import SlackIdentity
from kenpin.bot.console.roles import Roles
from kenpin.bot.jobs import Jobs
from kenpin.bot.settings import Settings
from kenpin.bot.slack.app import web_client
from kenpin.bot.slack.messenger import SlackMessenger
from kenpin.storage import people
from kenpin.storage.database import reading
from kenpin.storage.photos import PhotoStore
from kenpin.tools.context import Site

OpenSite = Callable[[], Site]
Permalink = Callable[[str, str], str | None]  # channel, message ts -> its address in Slack; None for one that is gone


@dataclass(frozen=True, kw_only=True)
class Desk:
    engine: Engine
    photos: PhotoStore
    settings: Settings
    jobs: Jobs
    url: str  # where browsers find the console, without a slash at the end
    roles: Roles
    identity: SlackIdentity | None = None  # None: nobody can sign in, as in a test that starts sessions itself
    open_site: OpenSite | None = None
    permalink: Permalink | None = None
    _opened: list[Site] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def site(self) -> Site | None:
        """What the chain works with, opened when it is first asked for; None when this console runs without the eye."""
        if self.open_site is None:
            return None
        with self._lock:
            if not self._opened:
                self._opened.append(self.open_site())
            return self._opened[0]

    def refresh_user_groups(self, part: str) -> None:
        """Who is in the user groups that may decide on this part, now; as before a thumb. Raises what Slack's client raises."""
        with reading(self.engine) as conn:
            concerned = people.groups(conn, part)
        if concerned and self.settings.slack_bot_token:
            messenger = SlackMessenger(web_client(self.settings), self.photos, self.settings.file_hosts)
            approvers.refresh_groups(self.engine, messenger, part)

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over https, so that its cookies never travel otherwise."""
        return self.url.startswith("https://")
