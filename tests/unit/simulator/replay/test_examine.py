"""What is said of a recording before it is relied on."""

from dataclasses import replace
from typing import Any

import pytest

from tanzaku.exchange import Recording
from tanzaku.simulator.replay import examine
from tanzaku.wire import split_message

KEY = "sk-ant-api03-c4n4ryC4N4RY"
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def look(*exchanges: Any, torn_line: int | None = None) -> list[tuple[int, str, str]]:
    numbered = [replace(one, line=at) for at, one in enumerate(exchanges, start=2)]
    remarks = examine(Recording("talk.jsonl", numbered, torn_line))
    return [(remark.line, remark.kind, remark.detail) for remark in remarks]


def stream(message: Any) -> list[Any]:
    return [(0.0, event) for event in split_message(message)]


def test_a_sound_recording_needs_no_word(kit: Any) -> None:
    whole = kit.message("x", kit.call("toolu_1", api_key="[redacted]"))
    assert (
        look(
            kit.record(kit.ask("a"), whole),
            kit.record(kit.ask("b"), stream(whole)),
            kit.record(kit.ask("c"), ERROR, status=529),
            kit.record(kit.ask("d"), [*stream(whole)[:3], (1.0, ERROR)]),
            kit.record(None, {"data": []}, target="/v1/models"),
        )
        == []
    )


@pytest.mark.parametrize("where", ["question", "answer", "stream", "target", "header", "field"])
def test_a_credential_is_found(kit: Any, where: str) -> None:
    said = kit.message(f"It is {KEY}.", kit.call("t", password="x"))
    exchange = {
        "question": kit.record(kit.ask(KEY), kit.message("x")),
        "answer": kit.record(kit.ask("a"), said),
        "stream": kit.record(kit.ask("a"), stream(kit.message(*[said["content"][0]]))),
        "target": kit.record(kit.ask("a"), kit.message("x"), target=f"/v1/messages?key={KEY}"),
        "header": kit.record(kit.ask("a"), kit.message("x")),
        "field": kit.record(kit.ask("a"), kit.message(kit.call("t", authorization="abc"))),
    }[where]
    if where == "header":
        exchange.request.headers.append(("anthropic-beta", KEY))
    assert look(exchange) == [(2, "credential", "")]


def test_a_credential_that_comes_in_pieces_is_found(kit: Any) -> None:
    pieces = [kit.message("x")]
    events = split_message(pieces[0], pieces=lambda text: list(text))
    at = next(i for i, event in enumerate(events) if event["type"] == "content_block_delta")
    deltas = [
        {**events[at], "delta": {"type": "text_delta", "text": KEY[i : i + 3]}}
        for i in range(0, len(KEY), 3)
    ]
    spread = [(0.0, event) for event in [*events[:at], *deltas, *events[at + 1 :]]]
    assert look(kit.record(kit.ask("a"), spread)) == [(2, "credential", "")]


def test_an_answer_that_cannot_be_played_is_found(kit: Any) -> None:
    whole = stream(kit.message("x"))
    found = look(
        kit.record(kit.ask("a"), kit.message({"type": "text"})),
        kit.record(kit.ask("b"), whole[1:]),
        kit.record(kit.ask("c"), whole[1:], cut="upstream"),
    )
    assert [(line, kind) for line, kind, _ in found] == [
        (2, "unplayable"),
        (3, "unplayable"),
        (4, "cut"),
    ]


def test_equal_requests_edits_and_a_torn_line_are_told(kit: Any) -> None:
    normal = kit.record(kit.ask("a"), kit.message("x")).normalise()
    keys = {"exact": normal.exact, "anchor": normal.anchor}
    assert look(
        kit.record(kit.ask("a"), kit.message("x"), keys=keys),
        kit.record(kit.ask("b"), kit.message("x"), keys=keys),
        kit.record(kit.ask("a"), kit.message("y"), keys=keys),
        kit.record(kit.ask("a"), kit.message("z"), cut="client"),
        kit.record(kit.ask("a"), kit.message("z")),
        torn_line=7,
    ) == [
        (3, "edited", ""),
        (4, "repeated", "2"),
        (5, "cut", "client"),
        (6, "repeated", "2, 4"),
        (7, "torn", ""),
    ]  # fmt: skip
