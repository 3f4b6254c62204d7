"""The command line. Every command is a few lines that call the room which does the work; long work shows its progress.

What goes wrong comes out as one sentence with what to do about it; a traceback only with KENPIN_LOG=debug.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from kenpin.bot import settings as settings_module
from kenpin.bot.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from kenpin.bot.erasing import Archive

app = typer.Typer(
    help="Kenpin (検品) looks at photos of parts, answers with evidence, and records nothing until an approver says so.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
parts_app = typer.Typer(help="Part numbers and their reference photos.", no_args_is_help=True)
people_app = typer.Typer(help="Who may approve.", no_args_is_help=True)
audit_app = typer.Typer(help="The append-only log: read it, check it, take it along.", no_args_is_help=True)
models_app = typer.Typer(help="The networks on this machine.", no_args_is_help=True)
for name, group in (("parts", parts_app), ("people", people_app), ("audit", audit_app), ("models", models_app)):
    app.add_typer(group, name=name)

fmea_app = typer.Typer(help="The site's FMEA table: failure modes, their causes and risks.", no_args_is_help=True)
rules_app = typer.Typer(help="The site's rules on what is proposed.", no_args_is_help=True)
app.add_typer(fmea_app, name="fmea")
app.add_typer(rules_app, name="rules")

PIPED_COLUMNS = 160  # a table that goes to a file or a program is not squeezed into the 80 columns of a terminal nobody looks at

out = Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS, markup=False)  # a part may be called "cell [mono]"
err = Console(stderr=True, markup=False)

Part = Annotated[str | None, typer.Option("--part", metavar="PN", help="The part number; every part without it.")]
Port = Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)]


@app.command()
def demo(
    port: Port = 8765,
    check: Annotated[bool, typer.Option("--check", help="Use it by itself as a person would, print each step, and stop.")] = False,
) -> None:
    """A local workspace, the bot and a worker, with real photos to try: everything in one, nothing leaves this machine."""
    from kenpin.bot import demo as running
    from kenpin.bot import demo_check

    if check:
        raise typer.Exit(0 if demo_check.run(_settings(), out.print) else 1)
    with _bar() as progress, running.start(_settings(), port, progress) as started:
        progress.stop()
        out.print(running.what_to_try(started), markup=True)
        _until_told_to_stop()
    _end()


@app.command()
def serve(
    http: Annotated[bool, typer.Option("--http", help="Listen for Slack's signed HTTP requests instead of Socket Mode.")] = False,
    port: Port = 3000,
) -> None:
    """The bot in a Slack workspace, with a worker inside."""
    from kenpin.bot.service import Service
    from kenpin.bot.settings import need

    settings = _settings()
    if http:
        need(settings.slack_signing_secret, "SLACK_SIGNING_SECRET", "HTTP mode needs it: Basic Information, Signing Secret.")
    with Service(settings, http_port=port if http else None, say=out.print):
        out.print("Kenpin is at work. Ctrl-C stops it; unfinished questions go on at the next start.")
        _until_told_to_stop()
    _end()


@app.command()
def worker() -> None:
    """A worker alone: more of them share the load of one PostgreSQL database."""
    from kenpin.bot.service import Service

    with Service(_settings(), listen=False, say=out.print):
        out.print("The worker is at work. Ctrl-C stops it; unfinished questions go on elsewhere or at the next start.")
        _until_told_to_stop()
    _end()


@app.command()
def console(
    port: Port = 8766,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; other machines reach it only when it is not this one's own.")
    ] = "127.0.0.1",
) -> None:
    """The supervisors' pages: search, question, review and export every inspection and decision."""
    from kenpin.bot.console import opening

    with opening.console(_settings(), port, host) as opened:
        out.print(f"The console is at {opened.url}")
        _until_told_to_stop()
    _end()


@app.command()
def workspace(
    port: Port = 8765,
    tray: Annotated[Path | None, typer.Option("--tray", help="A folder of photos to offer in the page.")] = None,
    events_url: Annotated[
        str | None, typer.Option("--events-url", help="Deliver events to this address over HTTP instead of Socket Mode.")
    ] = None,
) -> None:
    """A local Slack-compatible workspace by itself, on this machine only."""
    from kenpin.bot.workspace.server import Workspace
    from kenpin.bot.workspace.settings import WorkspaceSettings

    settings = _settings()
    with Workspace(WorkspaceSettings(port=port, tray=tray, events_url=events_url, data=settings.home / "workspace")) as office:
        out.print(f"The workspace is at {office.url}")
        out.print(
            f"A bot reaches it with SLACK_API_URL={office.api_url} SLACK_BOT_TOKEN={office.bot_token} SLACK_APP_TOKEN={office.app_token}"
        )
        out.print(f"  SLACK_SIGNING_SECRET={office.signing_secret} KENPIN_FILE_HOSTS={office.file_host}")
        _until_told_to_stop()


@app.command()
def inspect(
    place: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A photo, or a folder of photos.")],
    part: Annotated[
        str | None, typer.Option("--part", metavar="PN", help="The part on the photos; recognised from the references without it.")
    ] = None,
    question: Annotated[str, typer.Option("--question", help="What to ask of each photo; English or Japanese.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON a photo.")] = False,
) -> None:
    """Look at photos without Slack. Records nothing."""
    from kenpin.bot import batch

    with _bar() as progress:
        task = progress.add_task("loading the models", total=None)
        for done, of, seen in batch.inspect(_settings(), place, part, question):
            if as_json:
                sys.stdout.write(json.dumps(batch.as_json(seen), ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                out.print(batch.as_text(seen), markup=True)
            if seen.problem:
                err.print(f"{seen.file}: {seen.problem}", style="yellow", soft_wrap=True)
            progress.update(task, description="looking", completed=done, total=of)


@app.command()
def replay(
    inspection: Annotated[str, typer.Argument(metavar="ID", help="An inspection's reference (K-…).")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Make an inspection again as it was then and show what differs; exit status 1 when something does. Records nothing but that."""
    import getpass

    from kenpin.bot import replay as again
    from kenpin.bot.service import open_site

    with _bar() as progress:
        task = progress.add_task("loading the models", total=None)
        site = open_site(_settings(), own_process=False)
        by = f"command line ({getpass.getuser()})"
        came = again.replay(site, inspection, by=by, progress=lambda stage: progress.update(task, description=stage))
    if as_json:
        sys.stdout.write(json.dumps(again.as_json(came), ensure_ascii=False) + "\n")
    else:
        for line in again.as_text(came):
            out.print(line, soft_wrap=True)
        table = Table("field", "then", "now")
        for one in came.differences:
            table.add_row(one.field, *(json.dumps(value, ensure_ascii=False) for value in (one.then, one.now)))
        if table.row_count:
            out.print(table)
    raise typer.Exit(0 if came.is_same else 1)


@app.command()
def route(
    questions: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="In quotes; without any, each line of stdin.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON a question.")] = False,
    thread: Annotated[bool, typer.Option("--thread", help="They follow each other in one thread.")] = False,
) -> None:
    """The tools that a question in English or Japanese asks for. Looks at no photo and starts no model."""
    from kenpin.bot import routes

    asked = questions or (line for line in (raw.strip() for raw in sys.stdin) if line)
    found = routes.of(asked, one_thread=thread)
    if not as_json:
        out.print(routes.as_table(found))
        return
    for question, seen in found:
        sys.stdout.write(json.dumps(routes.as_json(question, seen), ensure_ascii=False) + "\n")


@app.command()
def migrate() -> None:
    """Bring the database up to date. Safe to run again."""
    from kenpin.bot.service import migrate_all

    migrate_all(_settings())
    out.print("The database is up to date.")


@app.command()
def doctor() -> None:
    """What is configured, what works, and what to do about what does not."""
    from kenpin.bot import doctor as examination

    table = Table(show_header=False, box=None, pad_edge=False)
    worst = True
    for finding in examination.examine(settings_module.read):
        mark = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("–", "dim")}[finding.good]
        took = f"{finding.ms:,.0f} ms" if finding.ms is not None else ""
        held = f"+{finding.mib:,.0f} MiB" if finding.mib is not None else ""
        table.add_row(mark, finding.what, finding.words, Text(took, justify="right"), Text(held, justify="right"))
        worst = worst and finding.good is not False
    out.print(table)
    raise typer.Exit(0 if worst else 1)


@parts_app.command("add")
def parts_add(
    number: Annotated[str, typer.Argument(metavar="PN", help="The part number, however it is written: SC-200, sc200.")],
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    good: Annotated[Path | None, typer.Option("--good", metavar="FOLDER", help="Photos of good ones.")] = None,
    bad: Annotated[
        list[str] | None, typer.Option("--bad", metavar="CLASS=FOLDER", help="Photos of one defect class; may be repeated.")
    ] = None,
) -> None:
    """Add a part, or more references to one."""
    from kenpin.bot import catalogue
    from kenpin.bot.service import open_site

    folders = catalogue.good_and_bad(good, bad or [])
    with _bar() as progress:
        tasks: dict[str, TaskID] = {}
        loading = progress.add_task("loading the model", total=None)

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=of)

        site = open_site(_settings(), own_process=False)
        progress.remove_task(loading)
        added = catalogue.add(site, number, name, folders, show)
    for file, why in added.refused:
        err.print(f"{file}: {why}", style="yellow", soft_wrap=True)
    out.print(f"{added.part.number}: {added.new} new references, {len(added.part.good)} good ones in all.")
    if len(added.part.good) < 4:
        out.print("That is too few to know how often a good part would be called bad: four are enough to start, sixteen are better.")
    if len(added.part.good) > 1:
        out.print(f"What they let one see, and what not: kenpin parts show {shlex.quote(added.part.number)}")


@parts_app.command("list")
def parts_list() -> None:
    """Every part and how many references it has."""
    from kenpin.storage import parts
    from kenpin.storage.database import reading

    table = Table("part", "name", "good", "defect classes")
    with reading(_records()) as conn:
        for part in parts.all_parts(conn):
            classes = sorted({r.state for r in part.references} - {"good"})
            counts = ", ".join(f"{c} ({sum(r.state == c for r in part.references)})" for c in classes)
            table.add_row(part.number, part.name or "", str(len(part.good)), counts)
    out.print(table if table.row_count else "No parts yet. Add one: kenpin parts add PN --good FOLDER")


@parts_app.command("mode")
def parts_mode(
    number: Annotated[str, typer.Argument(metavar="PN", help="The part number, however it is written.")],
    to: Annotated[
        str | None, typer.Argument(metavar="[shadow|assist|scale]", help="The mode it gets: one up on evidence, or any lower one.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="Why it goes down; asked for then.")] = "",
) -> None:
    """Whether a part's answers are kept, posted, or approved in groups, and what the next mode needs; changes it when one is named."""
    import getpass

    from kenpin.bot import mode_card, modes
    from kenpin.bot.jobs import Jobs

    settings = _settings()
    engine, terms = _records(), modes.terms_of(settings)
    if to is not None:
        queue = Jobs(settings.database_url)
        modes.change(engine, queue, terms, number, to, f"command line ({getpass.getuser()})", why)
        queue.close()
    for line in mode_card.told(engine, terms, number):
        out.print(line, soft_wrap=True)


@parts_app.command("targets")
def parts_targets(
    number: Annotated[str, typer.Argument(metavar="PN", help="The part number, however it is written.")],
    escapes: Annotated[float | None, typer.Option("--escapes", metavar="N", help="Of 100 bad parts, at most so many accepted.")] = None,
    overkill: Annotated[float | None, typer.Option("--overkill", metavar="N", help="Of 100 good parts, at most so many rejected.")] = None,
    expected_bad: Annotated[
        float | None, typer.Option("--expected-bad", metavar="N", help="Of 100 parts inspected, so many are bad; half without it.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take back every target that is not given.")] = False,
) -> None:
    """What a part may let through and turn down; shows it when nothing is given."""
    from kenpin.bot import part_card
    from kenpin.storage.vocabulary import Language

    given = {"escapes": escapes, "overkill": overkill, "expected_bad": expected_bad}
    part, aims = part_card.aim(_records(), number, **given, clear=clear)
    out.print(f"{part.number}: {part_card.aimed_at(aims, Language.EN)}.", soft_wrap=True)


@parts_app.command("show")
def parts_show(number: Annotated[str, typer.Argument(metavar="PN", help="The part number, however it is written.")]) -> None:
    """What is known of a part: references, targets, limits, and what its confidences rest on."""
    from kenpin.bot import part_card
    from kenpin.bot.service import open_site
    from kenpin.storage.vocabulary import Language

    with _bar() as progress:
        progress.add_task("looking at the references", total=None)
        card = part_card.of(open_site(_settings(), own_process=False), number)
    out.print(f"{card.part.number}{f': {card.part.name}' if card.part.name else ''}", style="bold")
    table = Table(show_header=False, box=None, pad_edge=False)
    for heading, words in part_card.told(card, Language.EN):
        table.add_row(heading, words)
    out.print(table)


@parts_app.command("retention")
def parts_retention(
    number: Annotated[str, typer.Argument(metavar="PN|*", help="The part number, however it is written, or * for every other part.")],
    photos: Annotated[int | None, typer.Option("--photos", metavar="DAYS", help="How long photos are kept; for ever without it.")] = None,
    questions: Annotated[
        int | None, typer.Option("--questions", metavar="DAYS", help="How long questions are; for ever without it.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the part's own rule back, so that the one for * holds.")] = False,
) -> None:
    """How many days a part's photos and questions are kept; shows it when nothing is given."""
    import getpass

    from kenpin.storage import retention
    from kenpin.storage.database import reading, writing
    from kenpin.storage.retention import Kept

    engine = _records()
    if clear or photos is not None or questions is not None:
        new = None if clear else Kept(photo_days=photos, question_days=questions)
        with writing(engine) as conn:
            retention.set(conn, number, new, f"command line ({getpass.getuser()})")
    with reading(engine) as conn:
        kept = retention.of(conn, number)
    if kept is None:
        out.print(f"{number}: no rule of its own{'; everything is kept for ever' if number == '*' else ''}.")
    else:
        days = {what: "for ever" if held is None else f"{held:,} days" for what, held in vars(kept).items()}
        out.print(f"{number}: photos are kept {days['photo_days']}, questions {days['question_days']}.")


@people_app.command("approve")
def people_approve(
    who: Annotated[
        str,
        typer.Argument(metavar="ID|EMAIL|USERGROUP", help="A Slack member id (U…), an e-mail address, or a Slack user group's id (S…)."),
    ],
    part: Part = None,
) -> None:
    """Let a person, or everybody in a user group, approve: for one part, or for every part."""
    import getpass

    from kenpin.bot import approvers
    from kenpin.bot.slack.app import web_client

    settings = _settings()
    client = web_client(settings) if settings.slack_bot_token else None
    granted = approvers.approve(_records(), client, who, part, granted_by=f"command line ({getpass.getuser()})")
    out.print(f"{granted.who} may approve {_scope_words(granted.scope)}{'' if granted.new else ' (as before)'}.")


@people_app.command("revoke")
def people_revoke(
    who: Annotated[str, typer.Argument(metavar="ID|EMAIL|USERGROUP", help="As it was given to `people approve`.")], part: Part = None
) -> None:
    """Take it back. Decisions already made stay on record."""
    import getpass

    from kenpin.bot import approvers

    taken = approvers.revoke(_records(), who, part, revoked_by=f"command line ({getpass.getuser()})")
    scope = part or "every part"
    out.print(f"{who} may no longer approve {scope}." if taken else f"{who} was not an approver of {scope}; nothing changed.")


@people_app.command("list")
def people_list() -> None:
    """Who may approve what."""
    from kenpin.bot import approvers
    from kenpin.storage import people
    from kenpin.storage.database import reading

    table = Table("person", "name", "may approve", "by way of", "since (UTC)", "named by")
    with reading(_records()) as conn:
        for grant in people.grants(conn):
            person = people.find(conn, grant.person_id)
            scope = _scope_words(grant.scope)
            table.add_row(grant.person_id, (person and person.name) or "", scope, grant.via, _minute(grant.granted_at), grant.granted_by)
        for group, scope in approvers.groups(conn):
            table.add_row(group, "everybody in this user group", _scope_words(scope), "", "", "")
    out.print(table if table.row_count else "Nobody yet. Name one: kenpin people approve ID")


@people_app.command("export")
def people_export(
    who: Annotated[str, typer.Argument(metavar="ID", help="The person's id, as the log has it (U…).")],
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where to.")],
) -> None:
    """Everything on record about one person: a zip of JSON and their photos."""
    import getpass

    from kenpin.bot import person_file
    from kenpin.storage.photos import PhotoStore

    settings = _settings()
    with _bar() as progress:
        task = progress.add_task("reading", total=None)
        made = person_file.write(
            _records(),
            PhotoStore(settings.photos),
            who,
            file,
            by=f"command line ({getpass.getuser()})",
            progress=lambda what: progress.update(task, description=f"writing {what}"),
        )
    gone = f", {made.gone:,} erased before" if made.gone else ""
    out.print(f"{made.rows:,} rows and {made.photos:,} photos{gone} written to {file}.", soft_wrap=True)


@people_app.command("erase")
def people_erase(
    who: Annotated[str, typer.Argument(metavar="ID", help="The person's id, as the log has it (U…).")],
    why: Annotated[str, typer.Option("--why", help="Goes into the log, with who and when.")],
    photos: Annotated[bool, typer.Option("--photos", help="Erase the photos that their questions came with, too.")] = False,
    references: Annotated[bool, typer.Option("--references", help="Of those, references too: they are taken out.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
) -> None:
    """Erase a person's name and address and what they asked; their id stays, as decisions rest on it. Nothing brings it back."""
    import getpass

    from kenpin.bot import erasing

    archive = _archive()
    yes or typer.confirm(f"Erase what is known of {who} for good?", abort=True, err=True)
    request = erasing.Request(by=f"command line ({getpass.getuser()})", why=why)
    erased = erasing.person(archive, who, request, photos_too=photos, also_references=references)
    out.print(f"{who}: name and address are erased, with {erased.questions:,} questions and {erased.photos:,} photos.")


@audit_app.command("list")
def audit_list(last: Annotated[int, typer.Option("--last", help="How many of the newest entries.", min=1)] = 30) -> None:
    """The newest entries, and what has become of the proposal that each is about."""
    from kenpin.storage import audit, proposals
    from kenpin.storage.database import reading

    table = Table("entry", "at (UTC)", "what", "inspection", "person", "proposal now")
    with reading(_records()) as conn:
        newest = list(audit.entries(conn, newest_first=True, limit=last))
        states = proposals.states(conn, {entry.inspection_id for entry in newest if entry.inspection_id})
        for entry in reversed(newest):
            inspection = entry.inspection_id or ""
            state = states[inspection].value if inspection in states else ""
            table.add_row(f"{entry.seq:,}", _minute(entry.at), entry.kind.value, inspection, entry.person_id or "", state)
    out.print(table if table.row_count else "The log is empty.")


@audit_app.command("show")
def audit_show(
    reference: Annotated[str, typer.Argument(metavar="ID", help="An entry's number, or an inspection's reference (K-…).")],
) -> None:
    """One entry, or everything about one inspection."""
    from kenpin.storage import audit
    from kenpin.storage.database import reading

    with reading(_records()) as conn:
        for entry in audit.show(conn, reference):
            out.print(f"{entry.seq:,}  {entry.at}  {entry.kind.value}", style="bold")
            out.print(f"    {entry.kind.meaning}")
            out.print(f"    inspection {entry.inspection_id or '–'}, person {entry.person_id or '–'}")
            out.print(f"    hash {entry.hash}", style="dim")
            out.print_json(json.dumps(entry.payload, ensure_ascii=False)) if entry.payload is not None else out.print("    (erased)")


@audit_app.command("agreement")
def audit_agreement(part: Part = None) -> None:
    """How often answers and the second looks at them agree."""
    from kenpin.storage import second_looks
    from kenpin.storage.database import reading

    with reading(_records()) as conn:
        found = second_looks.agreement(conn, part)
    table = Table(f"{_scope_words(part or '*')}: n = {found.n}", "second look OK", "second look not OK")
    table.add_row("answer OK", str(found.ok_both), str(found.answer_ok_only))
    table.add_row("answer not OK", str(found.person_ok_only), str(found.not_ok_both))
    out.print(table)
    share = "–" if found.agreement is None else f"{found.agreement:.1%}"
    kappa = "–" if found.kappa is None else f"{found.kappa:.2f}"
    waiting = found.drawn - found.replied
    out.print(f"Agreement {share}, Cohen's kappa {kappa}. Besides: {found.cannot_tell} could not tell, {waiting} not looked at yet.")


@audit_app.command("verify")
def audit_verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="With --anchors: a file of anchors to read in place of the setting's.")
    ] = None,
    anchors: Annotated[bool, typer.Option("--anchors", help="Hold it against the anchors in Slack and in the file, too.")] = False,
) -> None:
    """Walk the whole chain and check every link; exit status 1 when one is broken, or an anchor is missing or does not hold."""
    from kenpin.bot import anchoring, telling_anchors
    from kenpin.bot.anchoring import NoAnchorPlaceError
    from kenpin.bot.slack.anchor_channel import open_anchoring
    from kenpin.storage.vocabulary import Language

    settings = _settings()
    places = open_anchoring(settings) if anchors or file else None
    if places is not None and not places and not file:
        raise NoAnchorPlaceError(
            "There are no anchors to read: neither KENPIN_ANCHOR_CHANNEL nor KENPIN_ANCHOR_FILE is set, and no FILE is given."
        )
    with _bar() as progress:
        task = progress.add_task("checking the chain", total=None)
        found = anchoring.verify(_records(), places, file=file, progress=lambda done, of: progress.update(task, completed=done, total=of))
    right, wrong = telling_anchors.told(found, Language.EN)
    for line in right:
        out.print(line, soft_wrap=True)
    for line in wrong:
        err.print(line, style="red", soft_wrap=True)
    if not found.whole:
        raise typer.Exit(1)


@audit_app.command("anchor")
def audit_anchor() -> None:
    """Note the head of the chain outside the database now: in the Slack channel and the file of the settings."""
    from kenpin.bot import anchoring
    from kenpin.bot.slack.anchor_channel import open_anchoring

    settings = _settings()
    anchor = anchoring.make_now(_records(), open_anchoring(settings))
    where = [*([f"in Slack ({anchor.channel})"] if anchor.channel else []), *([f"in {anchor.file}"] if anchor.file else [])]
    out.print(f"Anchored {' and '.join(where)}: {anchor.seq:,} entries, head {anchor.hash}", soft_wrap=True)


@audit_app.command("export")
def audit_export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder: the entries, a signed manifest and a verifier.")],
    format: Annotated[str, typer.Option("--format", metavar="csv|jsonl|parquet", help="What the entries are written as.")] = "csv",
    since: Annotated[
        str | None, typer.Option("--from", metavar="DATE|ENTRY", help="The first day (UTC) or entry; the start without it.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DATE|ENTRY", help="The last day (UTC) or entry; the newest without it.")
    ] = None,
    photos: Annotated[bool, typer.Option("--photos", help="Take the photos that the entries are about along.")] = False,
) -> None:
    """Every entry with its hashes, for an auditor: a folder that checks itself with plain Python."""
    import getpass

    from kenpin.bot import log_export

    settings = _settings()
    with _bar() as progress:
        task = progress.add_task("writing entries", total=None)
        written = log_export.write(
            _records(),
            settings,
            folder,
            log_export.Wanted(format=format, since=since, until=until, photos=photos),
            by=f"command line ({getpass.getuser()})",
            progress=lambda done, of: progress.update(task, completed=done, total=of),
        )
    out.print(f"{written.entries:,} entries, {written.first_seq:,} to {written.last_seq:,}, written to {folder}.", soft_wrap=True)
    if photos:
        out.print(f"Photos and maps along: {written.photos:,} files.")
    out.print(f"Signed by the key {written.public_key}; tell it to whoever checks the export by another way.", soft_wrap=True)
    out.print(f"Checked anywhere by: python3 {folder / 'verify_export.py'} --key {written.public_key}", soft_wrap=True)


@audit_app.command("erase")
def audit_erase(
    what: Annotated[
        str, typer.Argument(metavar="ID|SHA256", help="An inspection's reference (K-…): its question. A photo's sha256: the photo.")
    ],
    why: Annotated[str, typer.Option("--why", help="Goes into the log, with who and when.")],
    references: Annotated[
        bool, typer.Option("--references", help="If the photo is a reference, take it out of the references as well.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
) -> None:
    """Erase what somebody asked, or a photo with every picture made of it. Nothing brings it back."""
    import getpass

    from kenpin.bot import erasing

    archive = _archive()
    yes or typer.confirm(f"Erase {what} for good?", abort=True, err=True)
    request = erasing.Request(by=f"command line ({getpass.getuser()})", why=why)
    if what.upper().startswith("K-"):
        erased = erasing.question(archive, what.upper(), request)
        out.print(
            f"The question of {what.upper()} is erased." if erased.questions else f"The question of {what.upper()} was erased before."
        )
    else:
        erased = erasing.photo(archive, what.lower(), request, also_references=references)
        out.print(f"The photo and every picture made of it are erased ({erased.photos} on record).")


@models_app.command("list")
def models_list() -> None:
    """Every network that is set, here or known to fit: what it does, where it is, its size and licence."""
    from kenpin.tools.vision import models

    settings = _settings()
    table = Table("network", "what for", "where", "MiB", "licence", "")
    for model in models.listed(settings.backbone, settings.vision_model, settings.chat_model):
        table.add_row(model.id, model.role, model.where, f"{model.mib:,.0f}" if model.mib is not None else "–", model.licence, model.state)
    out.print(table)


@models_app.command("pull")
def models_pull(
    id: Annotated[str, typer.Argument(metavar="ID", help="A Hugging Face id, such as facebook/dinov2-small.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before downloading.")] = False,
) -> None:
    """Download a network from the Hugging Face hub; size and licence are shown first."""
    from kenpin.tools.vision import models

    models.pull(id, lambda line: out.print(line, soft_wrap=True), lambda: yes or typer.confirm("Download it?", err=True))


@fmea_app.command("import")
def fmea_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table as CSV, headings in English or Japanese, in any order.")],
    check: Annotated[bool, typer.Option("--check", help="Say what would change, and change nothing.")] = False,
    add: Annotated[bool, typer.Option("--add", help="Keep the rows there are and add these.")] = False,
    whole_table: Annotated[bool, typer.Option("--whole-table", help="Parts that are not in the file lose their rows.")] = False,
) -> None:
    """Take over the FMEA table from a CSV file: each part in it has these rows from then on."""
    import getpass

    from kenpin.bot import fmea

    by = f"command line ({getpass.getuser()})"
    imported = fmea.import_file(_records(), file, by, add=add, whole_table=whole_table, check=check)
    for problem in imported.sheet.problems:
        err.print(problem, style="red", soft_wrap=True)
    for note in imported.notes:
        err.print(note, style="yellow", soft_wrap=True)
    out.print(fmea.told(imported, check=check), soft_wrap=True)
    raise typer.Exit(2 if imported.sheet.problems else 0)


@fmea_app.command("list")
def fmea_list(part: Part = None) -> None:
    """The rows on record, gravest first, with who imported them."""
    from kenpin.bot import fmea
    from kenpin.storage.failure_modes import rpn

    table = Table("part", "row", "defect class", "failure mode", "cause", "S", "O", "D", "RPN", "action", "imported (UTC)")
    for kept in fmea.listed(_records(), part):
        row = kept.row
        ratings = (str(rating) for rating in (row.severity, row.occurrence, row.detection, rpn(row)))
        words = (row.defect_class, row.failure_mode, row.cause, *ratings, row.recommended_action)
        table.add_row(row.part, str(row.row), *words, f"{_minute(kept.imported_at)} by {kept.imported_by}")
    out.print(table if table.row_count else "No rows. Import a table: kenpin fmea import FILE.csv")


@fmea_app.command("export")
def fmea_export(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Where to; a spreadsheet reads it, and it can be imported again.")],
    part: Part = None,
) -> None:
    """Write the table to a CSV file."""
    from kenpin.bot import fmea
    from kenpin.bot.complaints import CannotWriteError

    try:
        target = file.open("w", encoding="utf-8-sig", newline="")  # with the mark, Excel reads Japanese
    except OSError as error:
        raise CannotWriteError(f"{file} cannot be written: {error.strerror}. Choose another place.") from error
    with target:
        written = fmea.export(_records(), target, part)
    out.print(f"Rows written to {file}: {written:,}.")


@rules_app.command("check")
def rules_check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="One file, wherever it is; all of the site's without it.")] = None,
) -> None:
    """Read the rules and name every mistake; exit status 1 when there is one."""
    from kenpin.bot.catalogue import FolderError
    from kenpin.tools import rules

    if file is not None and not file.is_file():
        raise FolderError(f"There is no file {file}.")
    place = file or _settings().rules
    book = rules.check(file) if file else rules.load(place)
    for problem in book.problems:
        err.print(problem.words, style="red", soft_wrap=True)
    out.print(f"Rules in {place} that can be used: {len(book.rules)}; mistakes: {len(book.problems)}.", soft_wrap=True)
    raise typer.Exit(1 if book.problems else 0)


@rules_app.command("list")
def rules_list(part: Part = None) -> None:
    """The rules in the order in which they are tried, the built-in ones last."""
    from kenpin.tools import rules

    book = rules.load(_settings().rules)
    table = Table("rule", "file", "part", "when", "then")
    for listed in rules.listed(book, part):
        table.add_row(*listed)
    out.print(table)
    if book.problems:
        err.print(f"Mistakes: {len(book.problems)}. See them with `kenpin rules check`.", style="red")


def main() -> None:
    # OpenBLAS reads it when numpy is loaded, here and in the model's process. Kenpin's matrices are small: one thread multiplies them as
    # fast as two on a quiet machine, and thirty times as fast on a busy one, where two threads spin while they wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except Exception as error:  # the process's outer edge; which errors are expected is looked up only now, as that imports every room
        from kenpin.bot.complaints import EXPECTED, words_for

        debugging = logging.getLogger().handlers and logging.getLogger().level <= logging.DEBUG
        if not isinstance(error, EXPECTED) or debugging:
            raise
        err.print(words_for(error), style="red", soft_wrap=True)
        sys.exit(2)


def _settings() -> Settings:
    settings = settings_module.read()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:  # nothing of ours logs to the root; onnxruntime does, a line for each quantised tensor
        handler.addFilter(lambda record: record.name != "root" or record.levelno >= logging.WARNING)
    for noisy in ("httpx", "slack_bolt", "slack_sdk", "alembic", "dbos", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.getLogger().level, logging.WARNING))
    return settings


def _records() -> Engine:
    from kenpin.bot.service import open_records

    return open_records(_settings())


def _archive() -> Archive:
    """What erasing reaches into; its queue is closed when the command ends."""
    from kenpin.bot.erasing import Archive
    from kenpin.bot.jobs import Jobs
    from kenpin.storage.photos import PhotoStore

    settings = _settings()
    return Archive(engine=_records(), photos=PhotoStore(settings.photos), cache=settings.cache, jobs=Jobs(settings.database_url))


@contextmanager
def _bar() -> Iterator[Progress]:
    """Progress on the error stream, so that what is printed can be piped; nothing where nobody looks."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Rich would send what is printed to the progress's own stream: right above a bar on one terminal, wrong when stdout is a file.
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal, redirect_stdout=out.is_terminal) as progress:
        yield progress


def _scope_words(scope: str) -> str:
    return "every part" if scope == "*" else scope


def _minute(moment: str) -> str:
    """2026-11-23T14:20:34.123Z -> 2026-11-23 14:20"""
    return moment[:16].replace("T", " ")


def _until_told_to_stop() -> None:
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    while not told.wait(1.0):  # in turns, so that a signal is seen at once everywhere
        pass


def _end() -> NoReturn:
    """End now. A thread still waiting for Slack would keep the process alive, and then go on with a job that another worker has by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
