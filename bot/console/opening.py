"""Opening the console: its desk put together from the settings, for `kenpin console` and for the demo."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from sqlalchemy import Engine

from kenpin.bot.console.desk import Desk, OpenSite
from kenpin.bot.console.identity import SlackIdentity
from kenpin.bot.console.roles import SETTING, Roles, members_at_slack
from kenpin.bot.console.server import Console, listen
from kenpin.bot.console.sign_in import BACK
from kenpin.bot.jobs import Jobs
from kenpin.bot.service import open_records, open_site
from kenpin.bot.settings import SettingError, Settings, need
from kenpin.bot.slack import app as slack_app
from kenpin.bot.slack.messenger import SlackMessenger
from kenpin.storage.photos import PhotoStore
from kenpin.tools.context import Site
from kenpin.tools.vision.process import EyeProcess

log = logging.getLogger(__name__)

CLIENT_HINT = "People sign in with Slack: it is on the app's page, Basic Information. See docs/console.md."


@contextmanager
def console(settings: Settings, port: int, host: str = "127.0.0.1") -> Iterator[Console]:
    """A console with its own connection to the records; the eye is started when a page first needs it. Raises SettingError."""
    with ExitStack() as opened:
        engine = open_records(settings)
        opened.callback(engine.dispose)
        jobs = Jobs(settings.database_url)
        opened.callback(jobs.close)

        def site() -> Site:
            made = open_site(settings, own_process=True)
            if isinstance(made.eye, EyeProcess):
                opened.callback(made.eye.close)
            return made

        yield opened.enter_context(serving(settings, engine, jobs, site, port, host))


@contextmanager
def serving(settings: Settings, engine: Engine, jobs: Jobs, site: OpenSite, port: int, host: str = "127.0.0.1") -> Iterator[Console]:
    """A console over what somebody else has opened. Raises SettingError."""
    client_id = need(settings.console_client_id, "KENPIN_CONSOLE_CLIENT_ID", CLIENT_HINT)
    client_secret = need(settings.console_client_secret, "KENPIN_CONSOLE_CLIENT_SECRET", CLIENT_HINT)
    client = slack_app.web_client(settings)
    roles = Roles(settings.console_roles, members_at_slack(client))
    if not settings.console_roles:
        raise SettingError(
            f"{SETTING} is not set, so nobody could sign in. Name who may: {SETTING}=S0LEADS=supervisor,ann@example.com=admin."
        )
    team_id = _team(client, settings)
    photos = PhotoStore(settings.photos)
    listener = listen(port, host)
    url = settings.console_url or f"http://127.0.0.1:{listener.getsockname()[1]}"
    desk = Desk(
        engine=engine,
        photos=photos,
        settings=settings,
        jobs=jobs,
        url=url,
        roles=roles,
        identity=SlackIdentity(
            client_id=client_id, client_secret=client_secret, api_url=settings.slack_api_url, team_id=team_id, back=url + BACK
        ),
        open_site=site,
        permalink=SlackMessenger(client, photos, settings.file_hosts).permalink,
    )
    with Console(desk, listener) as running:
        yield running


def _team(client: WebClient, settings: Settings) -> str:
    """The workspace whose members may come. Raises SettingError."""
    try:
        return str(client.auth_test()["team_id"])
    except SlackApiError as error:
        raise SettingError(f"Slack refuses SLACK_BOT_TOKEN: {error.response['error']}. {slack_app.TOKEN_HINT}") from error
    except OSError as error:
        raise SettingError(f"Slack does not answer at {settings.slack_api_url}: check the network, a proxy, or SLACK_API_URL.") from error
