"""The Web API's methods about who is who: the token's owner, users, user groups, the team, the bot, Socket Mode's address."""

from __future__ import annotations

from . import people
from .arguments import Arguments
from .errors import SlackError
from .office import Caller, Methods, Office, next_cursor, page_of
from .store import Json

directory = Methods()


@directory.method("auth.test")
def auth_test(office: Office, caller: Caller, args: Arguments) -> Json:
    person = people.person(caller.user)
    return {
        "url": f"{office.shapes.base_url}/",
        "team": people.TEAM_NAME,
        "user": person.name if person else people.BOT_NAME,
        "team_id": people.TEAM_ID,
        "user_id": caller.user,
        **({"bot_id": people.BOT_ID} if caller.is_bot else {}),
        "is_enterprise_install": False,
    }


@directory.method("apps.connections.open", "connections:write", tokens=("app",))
def connections_open(office: Office, caller: Caller, args: Arguments) -> Json:
    address = office.shapes.base_url.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={office.socket.ticket()}&app_id={people.APP_ID}"}


@directory.method("users.info", "users:read")
def users_info(office: Office, caller: Caller, args: Arguments) -> Json:
    return {"user": _user(office, caller, args.needed("user"), args, "user_not_found")}


@directory.method("users.list", "users:read")
def users_list(office: Office, caller: Caller, args: Arguments) -> Json:
    everybody = [*(p.id for p in people.PEOPLE), people.BOT_USER_ID]
    page, cursor = page_of(everybody, args, default=1000)
    return {"members": [_user(office, caller, u, args, "user_not_found") for u in page], "cache_ts": people.FOUNDED, **next_cursor(cursor)}


@directory.method("users.lookupByEmail", "users:read.email")
def lookup_by_email(office: Office, caller: Caller, args: Arguments) -> Json:
    email = args.needed("email").lower()
    found = next((p.id for p in people.PEOPLE if p.email == email), "")
    return {"user": _user(office, caller, found, args, "users_not_found")}


def _user(office: Office, caller: Caller, user: str, args: Arguments, otherwise: str) -> Json:
    with_email = "users:read.email" in caller.scopes
    shown = office.shapes.user(user, with_email=with_email, with_locale=args.flag("include_locale"))
    if shown is None:
        raise SlackError(otherwise)
    return shown


@directory.method("usergroups.list", "usergroups:read")
def usergroups_list(office: Office, caller: Caller, args: Arguments) -> Json:
    groups = [office.shapes.user_group(g) | ({"users": list(g.users)} if args.flag("include_users") else {}) for g in people.USER_GROUPS]
    return {"usergroups": groups}


@directory.method("usergroups.users.list", "usergroups:read")
def usergroup_users(office: Office, caller: Caller, args: Arguments) -> Json:
    wanted = args.needed("usergroup")
    group = next((g for g in people.USER_GROUPS if g.id == wanted), None)
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


@directory.method("team.info", "team:read")
def team_info(office: Office, caller: Caller, args: Arguments) -> Json:
    if args.text("team", people.TEAM_ID) != people.TEAM_ID:
        raise SlackError("team_not_found")
    return {"team": office.shapes.team()}


@directory.method("bots.info", "users:read")
def bots_info(office: Office, caller: Caller, args: Arguments) -> Json:
    if args.text("bot", people.BOT_ID) != people.BOT_ID:
        raise SlackError("bot_not_found")
    return {"bot": office.shapes.bot()}
