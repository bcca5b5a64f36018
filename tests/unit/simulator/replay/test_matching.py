"""Which recording answers: agent loops, repeated questions, strict and lenient."""

from typing import Any

import pytest

SOURCE = "docs/recordings.md"


def loop(kit: Any, *results: str, last: Any = None) -> dict[str, Any]:
    """The conversation of an agent that has called its tool once for each of `results`."""
    said: list[Any] = ["Where is parcel 7?"]
    for at, text in enumerate(results):
        content = [kit.result(f"toolu_{at}", text)]
        if last is not None and at == len(results) - 1:
            content.append({"type": "text", "text": last})
        said += [
            {"role": "assistant", "content": [kit.call(f"toolu_{at}", id=7)]},
            {"role": "user", "content": content},
        ]
    return kit.ask(*said)


@pytest.mark.fidelity("replay", "a loop of tool calls goes forward turn by turn", "exact", SOURCE)
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_a_loop_is_not_answered_by_its_first_turn_again(kit: Any, mode: str) -> None:
    turns = [loop(kit), loop(kit, "on its way"), loop(kit, "on its way", "on its way")]
    player = kit.Player([kit.record(turn, kit.message("x")) for turn in turns], mode)
    assert player.lines(*turns) == ["2", "3", "4"]


@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_two_agents_that_hear_the_same_words_are_kept_apart(kit: Any, mode: str) -> None:
    bodies = [
        kit.ask("Go", system="You plan."),
        kit.ask("Go", system="You judge."),
        kit.ask("Go", tools=[{"name": "track", "input_schema": {"type": "object"}}]),
        kit.ask("Go", model="claude-haiku-5-5"),
        kit.ask("Go"),
    ]
    player = kit.Player([kit.record(body, kit.message("x")) for body in bodies], mode)
    assert player.lines(*reversed(bodies)) == ["6", "5", "4", "3", "2"]


@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_a_person_who_says_the_same_twice_gets_both_answers(kit: Any, mode: str) -> None:
    """Human in the loop: `yes` after each of two questions."""
    first = kit.ask("Book it", "For two?", "yes")
    second = kit.ask("Book it", "For two?", "yes", "At noon?", "yes")
    player = kit.Player([kit.record(b, kit.message("x")) for b in (first, second)], mode)
    assert player.lines(second, first) == ["3", "2"]


@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_a_result_that_comes_with_words_is_another_turn(kit: Any, mode: str) -> None:
    bare, spoken = loop(kit, "lost"), loop(kit, "lost", last="Be quick.")
    other = loop(kit, "found", last="Be quick.")
    player = kit.Player([kit.record(b, kit.message("x")) for b in (bare, spoken, other)], mode)
    assert player.lines(other, spoken, bare) == ["4", "3", "2"]


@pytest.mark.parametrize(("mode", "expected"), [("lenient", "3"), ("strict", "miss")])
@pytest.mark.fidelity(
    "replay",
    "equal requests get their recordings in order, then (lenient) the last again",
    "exact",
    SOURCE,
)
def test_equal_questions_are_answered_in_order_then_by_the_last(
    kit: Any, mode: str, expected: str
) -> None:
    question = kit.ask("Roll a die")
    answers = [kit.record(question, kit.message("4")), kit.record(question, kit.message("6"))]
    player = kit.Player(answers, mode)
    assert player.lines(*[question] * 4) == ["2", "3", expected, expected]
    player.replay.rewind()
    assert player.lines(question) == ["2"]


def test_a_retry_sees_the_overload_and_then_the_answer(kit: Any) -> None:
    question = kit.ask("Hi")
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    player = kit.Player(
        [kit.record(question, overloaded, status=529), kit.record(question, kit.message("Hello"))]
    )
    assert [player.send(question).status for _ in range(3)] == [529, 200, 200]


def test_settings_choose_between_equal_conversations(kit: Any) -> None:
    bodies = [kit.ask("Hi", **more) for more in ({"max_tokens": 0}, {"stream": True}, {"top_k": 5})]
    player = kit.Player([kit.record(body, kit.message("x")) for body in bodies])
    assert player.lines(*reversed(bodies)) == ["4", "3", "2"]
    assert player.lines(bodies[1]) == ["3"]
    strict = kit.Player([kit.record(body, kit.message("x")) for body in bodies], "strict")
    assert strict.lines(kit.ask("Hi"), kit.ask("Hi"), bodies[2], bodies[2]) == [
        "2",
        "3",
        "4",
        "miss",
    ]


def test_what_was_cut_is_never_played(kit: Any) -> None:
    question = kit.ask("Hi")
    cut = kit.record(question, kit.message("Hel"), cut="client")
    assert kit.Player([cut, kit.record(question, kit.message("x"))]).lines(question) == ["3"]
    assert kit.Player([cut]).lines(question) == ["miss"]


@pytest.mark.fidelity(
    "replay",
    "lenient answers by what was said last and the tool results since, where nothing is exact",
    "exact",
    SOURCE,
)
def test_lenient_goes_by_what_was_said_last(kit: Any) -> None:
    recorded = kit.ask("Hi", "Hello, how are you?", "Where is parcel 7?")
    asked = kit.ask("Hi", "Good day.", "Where is parcel 7?")
    exchange = kit.record(recorded, kit.message("x"))
    assert kit.Player([exchange]).lines(asked) == ["2"]
    assert kit.Player([exchange], "strict").lines(asked) == ["miss"]
    others = [
        kit.ask("Hi", "Good day.", "Where is parcel 8?"),
        kit.ask("Hi", "Good day.", "Where is parcel 7?", system="Be brief."),
        kit.ask("Hi", "Good day.", "Where is parcel 7?", tools=[{"name": "track"}]),
        loop(kit, "on its way"),
    ]
    assert kit.Player([exchange]).lines(*others) == ["miss"] * 4


def test_lenient_still_goes_by_the_results_of_tools(kit: Any) -> None:
    exchanges = [
        kit.record(loop(kit, *results), kit.message("x")) for results in (("a",), ("a", "b"))
    ]
    player = kit.Player(exchanges)
    other_words = [loop(kit, *results, last=None) for results in (("a", "b"), ("a",), ("b",))]
    for body in other_words:
        body["messages"][1]["content"].insert(0, {"type": "text", "text": "Let me look."})
    assert player.lines(*other_words) == ["3", "2", "miss"]


def test_lenient_takes_the_conversation_that_agrees_for_longest(kit: Any) -> None:
    recorded = [
        kit.ask("A", "first", "yes"),
        kit.ask("A", "first", "B", "second", "yes"),
        kit.ask("A", "first", "C", "third", "yes"),
    ]
    player = kit.Player([kit.record(body, kit.message("x")) for body in recorded])
    asked = [
        kit.ask("A", "FIRST", "C", "third", "yes"),
        kit.ask("A", "FIRST", "B", "second", "yes"),
        kit.ask("A", "FIRST", "yes"),
        kit.ask("A", "FIRST", "yes"),
    ]
    assert player.lines(*asked) == ["4", "3", "2", "2"]


def test_a_credential_in_the_question_is_no_hindrance(kit: Any) -> None:
    """The recording has it masked; whoever asks has it still, or another."""
    recorded = kit.record(kit.ask("My key is [redacted], ok?"), kit.message("x"))
    for key in ("sk-ant-api03-aaaaaaaa", "sk-ant-api03-bbbbbbbb"):
        assert kit.Player([recorded], "strict").lines(kit.ask(f"My key is {key}, ok?")) == ["2"]


def test_a_long_conversation_is_found_too(kit: Any) -> None:
    body = kit.ask("word " * 100_000)
    assert kit.Player([kit.record(body, kit.message("x"))], "strict").lines(body) == ["2"]


def test_count_tokens_and_models_are_replayed(kit: Any) -> None:
    question = kit.ask("Hi")
    models = {"data": [], "has_more": False}
    player = kit.Player(
        [
            kit.record(question, {"input_tokens": 8}, target="/v1/messages/count_tokens"),
            kit.record(None, models, target="/v1/models?limit=2"),
            kit.record(None, {"id": "claude-x"}, target="/v1/models/claude-x"),
        ]
    )
    assert player.send(question, "/v1/messages/count_tokens").body == b'{"input_tokens":8}'
    assert (
        player.send(None, "/v1/models?limit=2&beta=true", "GET").body
        == b'{"data":[],"has_more":false}'
    )
    assert player.send(None, "/v1/models/claude-x", "GET").body == b'{"id":"claude-x"}'
    assert player.send(question).status == 404


def test_other_endpoints_are_a_miss_that_names_them(kit: Any) -> None:
    exchange = kit.record(kit.ask("Hi"), {"id": "file_1"}, target="/v1/files")
    answer = kit.Player([exchange]).send(kit.ask("Hi"), "/v1/files")
    assert answer.status == 404
    assert b"POST /v1/files is not replayed" in answer.body
