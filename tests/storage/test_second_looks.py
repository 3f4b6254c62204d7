"""Second looks: who and what is drawn, that the first reply stands, and how agreement is counted."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from shop_floor import ShopFloor, ask
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import second_looks
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.second_looks import Agreement
from kenpin.storage.vocabulary import SecondLook, Verdict


def judged(conn: Connection, id: str, verdict: Verdict, part: str = "SC-200") -> None:
    ask(conn, id)
    conn.execute(
        sa.text("UPDATE inspections SET verdict = :verdict, part = :part WHERE id = :id"),
        {"verdict": verdict.value, "part": part, "id": id},
    )


def test_about_the_share_asked_for_is_drawn_and_the_same_ones_every_time() -> None:
    ids = [f"K-{n:07d}" for n in range(20_000)]
    drawn = {id for id in ids if second_looks.is_drawn(id, 0.02)}
    assert 330 < len(drawn) < 470  # 400 expected; four standard deviations are 79
    assert drawn == {id for id in ids if second_looks.is_drawn(id, 0.02)}
    assert drawn < {id for id in ids if second_looks.is_drawn(id, 0.1)}
    assert not any(second_looks.is_drawn(id, 0.0) for id in ids)
    assert all(second_looks.is_drawn(id, 1.0) for id in ids)


def test_the_person_is_drawn_too_and_everybody_gets_some() -> None:
    crowd = ("Aiko", "Chika", "Emi")
    chosen = [second_looks.person_for(f"K-{n}", crowd) for n in range(300)]
    assert chosen == [second_looks.person_for(f"K-{n}", crowd[::-1]) for n in range(300)]
    assert all(60 < chosen.count(person) < 140 for person in crowd)
    assert second_looks.person_for("K-1", ()) is None


def test_one_person_is_asked_and_their_first_reply_stands(database: Engine, floor: ShopFloor) -> None:
    with writing(database) as conn:
        judged(conn, "K-1", Verdict.OK)
        assert second_looks.asked(conn, "K-1") is None
        assert second_looks.draw(conn, "K-1", "Aiko")
        assert not second_looks.draw(conn, "K-1", "Chika")
        assert second_looks.asked(conn, "K-1") == "Aiko"
        with pytest.raises(UnknownRowError, match="Chika was not asked for a second look at K-1"):
            second_looks.reply(conn, "K-1", "Chika", SecondLook.OK)
        first = second_looks.reply(conn, "K-1", "Aiko", SecondLook.NOT_OK, "Ev-1")
        assert second_looks.reply(conn, "K-1", "Aiko", SecondLook.OK, "Ev-2") == first == second_looks.reply_of(conn, "K-1")


def test_agreement_is_counted_by_part_and_in_all(database: Engine, floor: ShopFloor) -> None:
    said = [
        *[(Verdict.OK, SecondLook.OK)] * 4,
        *[(Verdict.NOT_OK, SecondLook.NOT_OK)] * 3,
        (Verdict.OK, SecondLook.NOT_OK),
        *[(Verdict.NOT_OK, SecondLook.OK)] * 2,
        (Verdict.OK, SecondLook.CANNOT_TELL),
        (Verdict.NOT_OK, None),
    ]
    with writing(database) as conn:
        for number, (verdict, reply) in enumerate(said):
            judged(conn, f"K-{number}", verdict)
            second_looks.draw(conn, f"K-{number}", "Aiko")
            if reply is not None:
                second_looks.reply(conn, f"K-{number}", "Aiko", reply)
        judged(conn, "K-300", Verdict.OK, "SC-300")
        second_looks.draw(conn, "K-300", "Chika")
        second_looks.reply(conn, "K-300", "Chika", SecondLook.OK)
    with reading(database) as conn:
        found = second_looks.agreement(conn, "sc 200")
        assert second_looks.agreement(conn).ok_both == 5
        with pytest.raises(UnknownRowError, match="no part 'SC-999'"):
            second_looks.agreement(conn, "SC-999")
    assert found == Agreement(drawn=12, replied=11, cannot_tell=1, ok_both=4, not_ok_both=3, answer_ok_only=1, person_ok_only=2)
    assert (found.n, found.agreement) == (10, 0.7)
    # By hand: the answers say OK 5 of 10 times and the person 6 of 10, so chance alone agrees in .5 * .6 + .5 * .4 = .5 of them.
    assert found.kappa == pytest.approx((0.7 - 0.5) / (1 - 0.5))


def test_without_two_kinds_of_judgements_there_is_no_kappa() -> None:
    nothing = {"cannot_tell": 0, "not_ok_both": 0, "answer_ok_only": 0, "person_ok_only": 0}
    none = Agreement(drawn=0, replied=0, ok_both=0, **nothing)
    assert (none.agreement, none.kappa) == (None, None)
    alike = Agreement(drawn=9, replied=9, ok_both=9, **nothing)
    assert (alike.agreement, alike.kappa) == (1.0, None)
