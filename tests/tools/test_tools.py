"""The tools as a language model meets them: through LangChain, with JSON to read, typed results beside it, and refusals it can act on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from langchain_core.messages import ToolMessage
from workbench import Workbench, plate

from kenpin.storage import parts
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Comparison, Disposition, Language, PastCase, Proposed, Region
from kenpin.tools.context import Context
from kenpin.tools.toolbox import tools_for

MARKED = plate(marks={"bottom left": 16}, seed=2)


def context_of(bench: Workbench, *photos: bytes, part: str | None = "SC-200") -> Context:
    with reading(bench.engine) as conn:
        found = parts.find(conn, part) if part else None
    return Context(question=bench.question("ok?", *photos), site=bench.site, language=Language.EN, part=found)


def call(context: Context, name: str, **arguments: object) -> ToolMessage:
    tool = next(tool for tool in tools_for(context) if tool.name == name)
    message = tool.invoke({"type": "tool_call", "id": "1", "name": name, "args": arguments})
    assert isinstance(message, ToolMessage)
    return message


def test_each_tool_tells_the_model_what_it_does_and_what_its_arguments_mean(bench: Workbench) -> None:
    tools = {tool.name: tool for tool in tools_for(context_of(bench, MARKED))}
    assert list(tools) == [
        "compare", "locate", "classify", "describe", "ask", "reason", "read_label", "history", "propose",
    ]  # fmt: skip
    for tool in tools.values():
        assert len(tool.description) > 80
        for argument in tool.args.values():
            assert argument["description"]


def test_compare_returns_evidence_as_json_and_keeps_the_comparison(bench: Workbench) -> None:
    message = call(context_of(bench, MARKED), "compare", photo=1)
    evidence = json.loads(message.text)
    assert (evidence["verdict"], evidence["anomaly_score"], evidence["good_references"]) == ("not_ok", 4.0, 5)
    assert isinstance(message.artifact, Comparison)
    assert message.artifact.map_sha256 is not None
    assert bench.store.has(message.artifact.map_sha256)


def test_locate_compares_first_when_nobody_has(bench: Workbench) -> None:
    context = context_of(bench, MARKED)
    message = call(context, "locate", photo=1)
    assert json.loads(message.text)["regions"] == [{"where": "bottom left", "percent_of_part": 3.2, "score": 4.0}]
    assert all(isinstance(region, Region) for region in message.artifact)
    assert [entry.tool for entry in context.trail] == ["quality", "compare", "locate"]


def test_a_photo_is_compared_once_however_often_it_is_asked_for(bench: Workbench) -> None:
    context = context_of(bench, MARKED)
    for _ in range(3):
        call(context, "compare", photo=1)
    assert [entry.tool for entry in context.trail] == ["quality", "compare"]


def test_history_returns_past_cases(bench: Workbench) -> None:
    from kenpin.storage.inspections import past_photos

    bench.past("K-1", MARKED, disposition=Disposition.SCRAP)
    context = context_of(bench, plate(marks={"bottom left": 15}))
    with reading(bench.engine) as conn:
        context.past = past_photos(conn, "SC-200", context.question.asked_at, 10)
    message = call(context, "history")
    assert json.loads(message.text)["similar"][0]["disposition"] == "scrap"
    assert isinstance(message.artifact[0], PastCase)


def test_nothing_is_proposed_before_every_photo_was_compared(bench: Workbench) -> None:
    context = context_of(bench, MARKED, plate())
    call(context, "compare", photo=1)
    refused = call(context, "propose")
    assert refused.status == "error"
    assert refused.text == "Nothing can be proposed before every photo was compared; call compare for each photo first."
    call(context, "compare", photo=2)
    allowed = call(context, "propose")
    assert isinstance(allowed.artifact, Proposed)
    assert json.loads(allowed.text)["disposition"] == "hold"


@pytest.mark.parametrize(
    ("part", "arguments", "told"),
    [
        ("SC-200", {"photo": 2}, "There is no photo 2; this question has 1, numbered from 1."),
        ("SC-200", {"photo": 0}, "There is no photo 0"),
        ("SC-200", {"photo": "first"}, "These arguments are wrong. photo: Input should be a valid integer"),
        ("SC-400", {"photo": 1}, "There is no good photo of part SC-400 to compare with"),
        (None, {"photo": 1}, "It is not known which part this is"),
    ],
)
def test_a_refusal_tells_the_model_what_to_do(bench: Workbench, part: str | None, arguments: dict[str, object], told: str) -> None:
    refused = call(context_of(bench, MARKED, part=part), "compare", **arguments)
    assert refused.status == "error"
    assert refused.text.startswith(told)


def test_a_refused_call_is_on_the_trail_too(bench: Workbench) -> None:
    context = context_of(bench, MARKED, part="SC-400")
    call(context, "compare", photo=1)
    assert "CannotBeDoneError" in context.trail[0].outputs["error"]


def test_answering_without_a_chat_model_imports_neither_langchain_nor_a_network() -> None:
    heavy = ("langchain", "langchain_core", "openai", "torch", "onnxruntime", "cv2")
    code = f"import sys, kenpin.tools.chain; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
