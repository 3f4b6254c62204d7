"""What the console refuses, beside what it allows: over real HTTP, on both databases."""

from __future__ import annotations

from signed_in import Running, words


def test_a_stranger_is_sent_to_sign_in_and_back_to_where_they_were_going(console: Running) -> None:
    reply = console.stranger().get("/account?tab=1")
    assert (reply.status_code, reply.headers["location"]) == (303, "/sign-in?to=/account%3Ftab%3D1")


def test_somebody_signed_in_sees_the_page_with_their_name_and_role(console: Running) -> None:
    reply = console.browser("Vera").get("/account")
    assert reply.status_code == 200
    assert "Vera" in words(reply)
    assert "Viewer" in words(reply)
