"""The Web API's views methods: modals and the home tab."""

from __future__ import annotations

from .arguments import Arguments
from .errors import SlackError
from .modals import check_view, new_view, shown_view
from .office import Caller, Methods, Office
from .state import State
from .store import Json

views = Methods()

_DEEPEST_STACK = 3  # modals on top of one another


@views.method("views.open", tokens=("bot",))
def open_view(office: Office, caller: Caller, args: Arguments) -> Json:
    user, _ = office.interactions.use_trigger(args.needed("trigger_id"))
    return {"view": shown_view(office.interactions.open_view(user, _definition(office, args)))}


@views.method("views.push", tokens=("bot",))
def push(office: Office, caller: Caller, args: Arguments) -> Json:
    user, below_id = office.interactions.use_trigger(args.needed("trigger_id"))
    below = office.state.views.get(below_id or "")
    if below is None:
        raise SlackError("not_found")
    if sum(v["root_view_id"] == below["root_view_id"] for v in office.state.views.values()) >= _DEEPEST_STACK:
        raise SlackError("push_limit_reached")
    return {"view": shown_view(office.interactions.open_view(user, _definition(office, args), below=below))}


@views.method("views.update", tokens=("bot",))
def update(office: Office, caller: Caller, args: Arguments) -> Json:
    view_id, external_id = args.text("view_id"), args.text("external_id")
    view = office.state.views.get(view_id) if view_id else None
    if external_id:
        view = next((v for v in office.state.views.values() if v["external_id"] == external_id), None)
    if view is None:
        raise SlackError("not_found")
    if "hash" in args and args.text("hash") != view["hash"]:
        raise SlackError("hash_conflict")
    return {"view": shown_view(office.interactions.redraw_view(view, _definition(office, args)))}


@views.method("views.publish", tokens=("bot",))
def publish(office: Office, caller: Caller, args: Arguments) -> Json:
    user = args.needed("user_id")
    if not office.state.is_member_of_team(user):
        raise SlackError("missing_profile_id")
    definition = args.json("view")
    check_view(definition, office.state)
    present = next((v for v in office.state.views.values() if v["type"] == "home" and v["_user"] == user), None)
    if present and "hash" in args and args.text("hash") != present["hash"]:
        raise SlackError("hash_conflict")
    view = new_view(present["id"] if present else State.new_id("V"), user, definition, office.timeline.with_ids)
    office.state.save_view(view)
    office.timeline.tell_page("view", {"view": shown_view(view)}, only={user})
    return {"view": shown_view(view)}


def _definition(office: Office, args: Arguments) -> Json:
    definition: Json = args.json("view")
    external_id = definition.get("external_id") if isinstance(definition, dict) else None
    if external_id and "view_id" not in args and any(v["external_id"] == external_id for v in office.state.views.values()):
        raise SlackError("duplicate_external_id")
    return definition
