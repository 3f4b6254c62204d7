"""Finding inspections by what was asked, answered and decided; and that what finds them never drifts from the records."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from shop_floor import ask, built, suggestion
from sqlalchemy.engine import Connection, Engine
from test_inspections_on_record import PHOTO, answer

from kenpin.storage import actions, audit, decisions, expirations, inspections, proposals, search
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import SearchError
from kenpin.storage.search import Filters, Order
from kenpin.storage.vocabulary import (
    Abstention,
    AbstentionReason,
    Correction,
    DecisionVerdict,
    Disposition,
    LabelField,
    LabelReading,
    Language,
    Opinion,
    ProposalState,
    Source,
    Verdict,
)

LOT = LabelReading(
    photo=0,
    texts=(),
    fields=(
        LabelField(kind="lot", value="l2611-014", written="LOT L2611-014", confidence=0.98, format="text"),
        LabelField(kind="serial", value="S-1", written="S-1", confidence=0.98, format="text"),
    ),
    ms=1.0,
)
OPINION = Opinion(text="ok", verdict=None, agrees=True, contradictions=(), model="big", cost=0.01, ms=1.0)


def asked(conn: Connection, id: str, question: str, at: datetime) -> None:
    inspections.receive(
        conn,
        id=id,
        source=Source.SLACK,
        event_id=None,
        channel="C-QUALITY",
        message_ts=str(at.timestamp()),
        thread_ts=None,
        asked_by="Ben",
        question=question,
        language=Language.EN,
        received_at=at,
        files=[],
        payload={},
    )


@pytest.fixture
def floor(database: Engine) -> Iterator[Engine]:
    """Six inspections, a minute apart, of which each is special in its own way.

    K-1  SC-200, not OK, scrap approved by Aiko; the label says lot L2611-014
    K-2  SC-200, OK, accept rejected by Chika; Ben had tried to decide
    K-3  SC-300, not OK, scrap corrected by Chika: rework
    K-4  SC-200, not judged: an abstention, with a larger model asked
    K-5  SC-300, OK, expired
    K-6  a question not answered yet
    """
    built(database)
    start = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
    with writing(database) as conn:
        for i, question in enumerate(
            (
                "SC-200 に傷がありますか？",
                "Is this OK? 50% off_white",
                "where is the Scratch on SC-300?",
                "これは何ですか",
                "ＯＫですか",
                "ok?",
            )
        ):
            asked(conn, f"K-{i + 1}", question, start + timedelta(minutes=i))
        said = {
            "K-1": replace(answer("SC-200：不良（94 %）", "SC-200"), labels=(LOT,), proposed=suggestion()),
            "K-2": replace(answer("OK, nothing unusual", "SC-200"), verdict=Verdict.OK, confidence=0.81, proposed=suggestion()),
            "K-3": replace(answer("Not OK: a burr", "SC-300"), confidence=0.7, proposed=suggestion("SC-300")),
            "K-4": replace(
                answer("Which part is this?", "SC-200"),
                verdict=Verdict.NOT_JUDGED,
                confidence=None,
                proposed=None,
                abstention=Abstention(reason=AbstentionReason.NO_REFERENCES, words="…"),
                opinions=(OPINION,),
                model="dinov2-small, big",
            ),
            "K-5": replace(answer("OK", "SC-300"), verdict=Verdict.OK, confidence=0.99, proposed=suggestion("SC-300", Disposition.ACCEPT)),
        }
        for id, told in said.items():
            inspections.save_photos(conn, id, [PHOTO])
            inspections.save_answer(conn, id, told)
            if told.proposed:
                proposals.propose(conn, id, told.proposed, days=1e-9 if id == "K-5" else 0)
        one, two, three, five = (proposals.of_inspection(conn, f"K-{i}") for i in (1, 2, 3, 5))
        assert one and two and three and five
        actions.record(conn, decisions.record(conn, one, DecisionVerdict.APPROVED, "Aiko", "reaction"))
        audit.append(conn, AuditKind.DECISION_REFUSED, {}, "K-2", "Ben")
        decisions.record(conn, two, DecisionVerdict.REJECTED, "Chika", "reaction")
        instead = Correction(really=Verdict.NOT_OK, defect_class=None, disposition=Disposition.REWORK, note="")
        actions.record(conn, decisions.record(conn, three, DecisionVerdict.CORRECTED, "Chika", "button", correction=instead))
        assert five.expires_at
        assert expirations.record(conn, five.id, five.expires_at)
    yield database


def ids(database: Engine, order: Order = Order.OLDEST, **wanted: Any) -> list[str]:
    """What is found, but for the shop floor's three own."""
    with reading(database) as conn:
        found = search.page(conn, Filters(**wanted), order, without=("K-SCRAP", "K-REWORK", "K-OTHER")).found
    return [one.id for one in found]


CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "K-1 K-2 K-3 K-4 K-5 K-6"),
    ({"part": "SC-200"}, "K-1 K-2 K-4"),
    ({"lot": "L2611-014"}, "K-1"),
    ({"lot": "S-1"}, ""),
    ({"channel": "C-QUALITY"}, "K-1 K-2 K-3 K-4 K-5 K-6"),
    ({"channel": "C-OTHER"}, ""),
    ({"asked_by": "Ben"}, "K-1 K-2 K-3 K-4 K-5 K-6"),
    ({"verdict": Verdict.NOT_OK}, "K-1 K-3"),
    ({"confidence_from": 0.75, "confidence_to": 0.95}, "K-1 K-2"),
    ({"confidence_to": 0.7}, "K-3"),
    ({"disposition": Disposition.REWORK}, "K-3"),
    ({"disposition": Disposition.SCRAP}, "K-1 K-2"),
    ({"decided_by": "Chika"}, "K-2 K-3"),
    ({"marked": frozenset({"disagreed"})}, "K-2 K-3"),
    ({"marked": frozenset({"escalated"})}, "K-4"),
    ({"marked": frozenset({"abstained"})}, "K-4"),
    ({"marked": frozenset({"refused"})}, "K-2"),
    ({"state": ProposalState.EXPIRED}, "K-5"),
    ({"state": ProposalState.APPROVED}, "K-1"),
    ({"state": ProposalState.PENDING}, ""),
    ({"model": "dinov2-small, big"}, "K-4"),
    ({"since": "2026-11-01T08:02:00Z", "until": "2026-11-01T08:04:00Z"}, "K-3 K-4"),
    ({"part": "SC-200", "verdict": Verdict.OK}, "K-2"),
    ({"part": "SC-200", "words": "ok"}, "K-2"),
    ({"words": "傷"}, "K-1"),
    ({"words": "不良"}, "K-1"),
    ({"words": "ありますか"}, "K-1"),
    ({"words": "scratch"}, "K-3"),
    ({"words": "SCRATCH burr"}, "K-3"),
    ({"words": '"the scratch"'}, "K-3"),
    ({"words": '"scratch the"'}, ""),
    ({"words": "ok"}, "K-2 K-3 K-5 K-6"),
    ({"words": "か？"}, "K-1"),  # two characters, and the last ones of a text
    ({"words": "k-3"}, "K-3"),
    ({"words": "50%"}, "K-2"),
    ({"words": "f_w"}, "K-2"),
    ({"words": "%%"}, ""),
    ({"words": "'' OR 1=1 --"}, ""),
    ({"words": "\\' || 'ok'"}, ""),
    ({"words": "NEAR(ok AND ** NOT ^col:"}, ""),
    ({"part": "' OR ''='", "lot": "'; DROP TABLE register; --", "model": "%"}, ""),
]


def test_what_is_looked_for_is_found_and_nothing_else(floor: Engine) -> None:
    assert [(wanted, " ".join(ids(floor, **wanted))) for wanted, _ in CASES] == CASES


def test_words_that_would_find_nearly_everything_are_refused(database: Engine) -> None:
    for words in ("a", "o k", "の", "!"):
        with reading(database) as conn, pytest.raises(SearchError, match="cannot be searched for: it is too short"):
            search.page(conn, Filters(words=words))


def test_a_search_of_too_many_words_is_refused(database: Engine) -> None:
    with reading(database) as conn, pytest.raises(SearchError, match="'11' cannot be searched for"):
        search.page(conn, Filters(words=" ".join(f"word{i}" for i in range(11))))


def test_the_list_shows_what_an_inspection_is_about(floor: Engine) -> None:
    with reading(floor) as conn:
        (one,) = search.page(conn, Filters(words="不良")).found
    assert (one.headline, one.part, one.lots, one.verdict, one.confidence) == (
        "SC-200：不良（94 %）",
        "SC-200",
        ("L2611-014",),
        "not_ok",
        0.94,
    )
    assert (one.disposition, one.state, one.decided_by_name, one.asked_by_name) == ("scrap", "approved", "Aiko", "Ben")
    assert (one.photo_sha256, one.shown_sha256, one.photo_count) == (PHOTO.sha256, PHOTO.shown_sha256, 1)


ORDERS = {
    Order.NEWEST: "K-6 K-5 K-4 K-3 K-2 K-1",
    Order.OLDEST: "K-1 K-2 K-3 K-4 K-5 K-6",
    Order.LEAST_SURE: "K-3 K-2 K-1 K-5",
    Order.MOST_SURE: "K-5 K-1 K-2 K-3",
}


@pytest.mark.parametrize("words", [None, "K-"])
def test_page_after_page_shows_each_once_in_every_order(floor: Engine, words: str | None) -> None:
    def all_pages(conn: Connection, order: Order) -> str:
        seen: list[str] = []
        after = None
        while True:
            page = search.page(conn, Filters(words=words), order, after=after, limit=2, without=("K-SCRAP", "K-REWORK", "K-OTHER"))
            seen += [one.id for one in page.found]
            if page.more is None:
                return " ".join(seen)
            after = page.more

    with reading(floor) as conn:
        assert {order: all_pages(conn, order) for order in Order} == ORDERS


def pages(conn: Connection, wanted: Filters, order: Order) -> Iterator[search.Page]:
    """Each page of at most two, until the last."""
    after = None
    while True:
        page = search.page(conn, wanted, order, after=after, limit=2, without=("K-SCRAP", "K-REWORK", "K-OTHER"))
        yield page
        if page.more is None:
            return
        assert page.more != after, "a page that goes on gets somewhere"
        after = page.more


@pytest.fixture
def soon_tired(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks through one inspection or two, and nothing counts as narrow."""
    for name, value in (("_LOOKED_AT", 1), ("_WORDS_LOOKED_AT", 2), ("_READ_AHEAD", 1)):
        monkeypatch.setattr(search, name, value)
    for name in ("_NARROW", "_NARROW_ON_POSTGRESQL", "_NARROW_READING", "_NARROW_TEXT", "_READ_THROUGH"):
        monkeypatch.setattr(search, name, 1)


@pytest.mark.usefixtures("soon_tired")
def test_pages_that_look_only_so_far_find_the_same(floor: Engine) -> None:
    filters = [Filters(**wanted) for wanted, _ in CASES]
    filters += [replace(one, asked_by="Ben", verdict=Verdict.OK) for one in filters[::3]]
    filters += [replace(one, since="2026-11-01T08:01:00Z", confidence_from=0.6) for one in filters[::4]]
    with reading(floor) as conn:
        everything = {order: [one.id for one in search.page(conn, Filters(), order, limit=99).found] for order in Order}
        for wanted in filters:
            expected = {one.id for page in pages(conn, wanted, Order.OLDEST) for one in page.found}
            for order in (Order.NEWEST, Order.LEAST_SURE, Order.MOST_SURE):
                found = [one.id for page in pages(conn, wanted, order) for one in page.found]
                assert found == [id for id in everything[order] if id in expected], (wanted, order)


@pytest.mark.usefixtures("soon_tired")
@pytest.mark.parametrize("order", Order)
def test_two_filters_that_hardly_meet_are_looked_through_a_piece_at_a_time(floor: Engine, order: Order) -> None:
    with reading(floor) as conn:
        told = list(pages(conn, Filters(verdict=Verdict.NOT_OK, disposition=Disposition.ACCEPT), order))
        alone = list(pages(conn, Filters(verdict=Verdict.NOT_OK), Order.NEWEST))
    assert [page.found for page in told] == [()] * len(told)
    assert len(told) >= 2
    places = [page.more.moment for page in told if page.more]
    if order in (Order.NEWEST, Order.OLDEST):
        assert places == sorted(places, reverse=order is Order.NEWEST)
    assert [len(page.found) for page in alone] == [2, 0] or len(alone) == 1, "one filter alone is followed along its index"


def test_inspections_of_one_millisecond_have_places_of_their_own(database: Engine) -> None:
    with writing(database) as conn:
        for i in range(3):
            ask(conn, f"K-{i}", received_at="2026-11-23T05:00:00.123Z")
    with reading(database) as conn:
        found = search.page(conn, Filters()).found
    assert [one.id for one in found] == ["K-2", "K-1", "K-0"]
    assert len({one.number >> 20 for one in found}) == 1


def test_the_count_says_more_than_a_thousand_without_counting_on(floor: Engine) -> None:
    with writing(floor) as conn:
        assert search.count(conn, Filters(part="SC-200")) == 3
        assert search.count(conn, Filters(words="不良")) == (1 if floor.dialect.name == "sqlite" else None)
        for i in range(search.COUNTED_TO):
            ask(conn, f"K-MORE-{i}")
        assert search.count(conn, Filters()) == search.COUNTED_TO + 1


def test_values_to_choose_from_are_those_there_are(floor: Engine) -> None:
    with reading(floor) as conn:
        assert search.choices(conn, "part") == ("SC-200", "SC-300")
        assert search.choices(conn, "decided_by") == ("Aiko", "Chika")


def differences(conn: Connection) -> list[Any]:
    """Where the register says anything else than the records do, and where the words that are found are not those there are."""
    columns = [column.name for column in search.register.columns if column.name != "number"]
    listed = ", ".join(columns)
    found: list[Any] = []
    for these, those in (("register", "register_now"), ("register_now", "register")):
        found += conn.execute(sa.text(f"SELECT {listed} FROM {these} EXCEPT SELECT {listed} FROM {those}")).all()
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("INSERT INTO register_text (register_text) VALUES ('integrity-check')")  # raises when it does not fit
    else:
        wrong = (
            "SELECT r.inspection_id FROM register r JOIN inspections i ON i.id = r.inspection_id LEFT JOIN register_text t USING (number) "
        )
        wrong += "WHERE t.words IS DISTINCT FROM "
        wrong += "lower(i.id || E'\\n' || i.question || E'\\n' || coalesce(i.words, '')) || E'\\n\\n'"
        found += conn.execute(sa.text(wrong)).all()
    return found


def test_the_register_says_what_the_records_say(floor: Engine) -> None:
    with writing(floor) as conn:
        assert differences(conn) == []
        assert len(conn.execute(sa.text("SELECT * FROM register")).all()) == 9


def test_what_was_asked_before_the_register_is_found_as_well(database: Engine) -> None:
    """The migration undone and done again, with a row from between."""
    migration = importlib.import_module("kenpin.storage.migrations.versions.0007_searching")
    with writing(database) as conn, Operations.context(MigrationContext.configure(conn)):
        migration.downgrade()
        ask(conn, "K-OLD", received_at="2026-11-01T08:00:00Z")
        inspections.save_answer(conn, "K-OLD", replace(answer("SC-200：不良"), labels=(LOT,)))
        migration.upgrade()
        assert differences(conn) == []
        assert [one.lots for one in search.page(conn, Filters(words="不良")).found] == [("L2611-014",)]
        ask(conn, "K-NEW")
        assert [one.id for one in search.page(conn, Filters()).found] == ["K-NEW", "K-OLD"]
