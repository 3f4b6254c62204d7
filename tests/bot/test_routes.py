"""kenpin route: questions in, the tools that they ask for out."""

from __future__ import annotations

import json
import subprocess
import sys

from typer.testing import CliRunner

from kenpin.bot.cli import app


def lines(*arguments: str, typed: str = "") -> list[dict[str, object]]:
    shown = CliRunner().invoke(app, ["route", "--json", *arguments], input=typed)
    assert shown.exit_code == 0, shown.output
    return [json.loads(line) for line in shown.stdout.splitlines()]


def test_each_question_gets_a_line_of_json_with_its_tools() -> None:
    first, second = lines("is it OK, and which lot?", "これSC-200の原因は？")
    assert (first["question"], first["language"], first["tools"]) == ("is it OK, and which lot?", "en", ["compare", "read_label"])
    assert (second["language"], second["tools"], second["part_words"]) == ("ja", ["reason"], ["SC-200"])


def test_what_no_tool_can_do_gets_help_and_is_named() -> None:
    (line,) = lines("what is the weather like?")
    assert (line["tools"], line["cannot"]) == (["help"], ["off_topic"])


def test_questions_are_read_from_a_pipe_and_empty_lines_left_out() -> None:
    assert [line["question"] for line in lines(typed="is it ok?\n\n どこ？ \n")] == ["is it ok?", "どこ？"]


def test_questions_of_one_thread_lean_on_each_other_and_others_do_not() -> None:
    asked = ("which lot is this?", "and the left one?")
    assert lines("--thread", *asked)[1]["tools"] == ["read_label"]
    assert lines(*asked)[1]["tools"] == ["compare", "locate"]


def test_without_json_a_table_shows_the_same() -> None:
    shown = CliRunner().invoke(app, ["route", "is photo 2 of SC-200 ok?", "SC-300"])
    assert shown.exit_code == 0
    first, second = (line for line in shown.stdout.splitlines() if "SC-" in line)
    assert "compare" in first
    assert " 2 " in first
    assert "(unclear: the default)" in second


def test_no_network_and_no_chain_is_loaded_to_route() -> None:
    program = "import sys; from kenpin.bot import routes; list(routes.of(['is the pallet full?'], one_thread=False)); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "kenpin.tools.guess" in loaded
    assert not {"torch", "onnxruntime", "langchain_core", "sklearn", "sqlalchemy", "kenpin.tools.chain"} & set(loaded)
