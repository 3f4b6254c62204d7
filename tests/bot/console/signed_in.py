"""People who are signed in to a console, and their browsers.

Vera looks, Sumi is a supervisor, Ada an admin; Nils has no role. None of them had to go by Slack: their sessions are started here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx
from sqlalchemy.engine import Engine

from kenpin.bot.console import page
from kenpin.bot.console.desk import Desk
from kenpin.storage import people, sessions
from kenpin.storage.database import writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import Language, Role

PEOPLE = {"Vera": Role.VIEWER, "Sumi": Role.SUPERVISOR, "Ada": Role.ADMIN}
IDS = {name: f"U-{name.upper()}" for name in (*PEOPLE, "Nils")}


class Browser(httpx.Client):
    """One person's browser: keeps cookies, follows nothing by itself, and sends forms as the page they are on would."""

    def submit(self, path: str, fields: dict[str, str] | None = None, **more: object) -> httpx.Response:
        """A form, with the secret of the session."""
        token = self.cookies.get(page.session_cookie(False)) or ""
        return self.post(path, data={page.CSRF: page.csrf_of(token), **(fields or {})}, **more)  # type: ignore[arg-type]


@dataclass
class Running:
    """A console that serves."""

    desk: Desk
    browsers: list[Browser] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.desk.url

    @property
    def engine(self) -> Engine:
        return self.desk.engine

    @property
    def photos(self) -> PhotoStore:
        return self.desk.photos

    def stranger(self) -> Browser:
        """A browser that nobody is signed in with."""
        browser = Browser(base_url=self.url, trust_env=False, timeout=20)
        self.browsers.append(browser)
        return browser

    def browser(self, name: str = "Sumi", language: Language = Language.EN) -> Browser:
        """A browser that this person is signed in with."""
        browser = self.stranger()
        browser.cookies.set(page.session_cookie(False), self.token(name, language), domain="127.0.0.1")
        return browser

    def token(self, name: str = "Sumi", language: Language = Language.EN) -> str:
        with writing(self.engine) as conn:
            people.remember(conn, IDS[name], name, f"{name.lower()}@example.com")
            people.speak(conn, IDS[name], language)
            return sessions.start(conn, IDS[name], PEOPLE.get(name, Role.VIEWER), hours=12)


def words(response: httpx.Response) -> str:
    """What a page says, without its tags."""
    text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", response.text, flags=re.DOTALL)
    return " ".join(
        text.replace("&#39;", "'").replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split()
    )
