"""Why a request could not go on from another's cache."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.simulator._diagnose import CacheDiagnoses, read_fingerprint
from unit.simulator.cache_driver import MARK, assistant, request, text, user

PAGE = "build-with-claude/cache-diagnostics, 2026-10"
SDK = "anthropic 2.12.0 types/cache_miss_*.py"
TOOLS = [
    {"name": name, "description": "Looks.", "input_schema": {"type": "object"}}
    for name in ("look", "find")
]
FIRST = request(
    user(text(400)),
    system=[text(200, "day", **MARK), text(100, "time")],
    tools=TOOLS,
    diagnostics={"previous_message_id": None},
)
SECOND = FIRST | {"messages": [*FIRST["messages"], assistant("A book."), user("And now?")]}
NOTHING_CHANGED = None


def rule(behaviour: str, standing: str = "documented", source: str = PAGE) -> pytest.MarkDecorator:
    return pytest.mark.fidelity("cache diagnostics", behaviour, standing, source)


class Diagnosing:
    """Sends requests; each has the id `msg_` and its number."""

    def __init__(self) -> None:
        self.diagnoses = CacheDiagnoses()
        self.now = 1_795_000_000.0
        self.betas: tuple[str, ...] = ()

    def send(
        self, asked: dict[str, Any], message_id: str, previous: str | None, workspace: str = "w"
    ) -> dict[str, Any] | None:
        fingerprint = read_fingerprint(asked, asked["model"], self.betas)
        found = self.diagnoses.diagnose(self.now, workspace, previous, fingerprint)
        self.diagnoses.remember(self.now, workspace, message_id, fingerprint)
        return found

    def compare(self, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any] | None:
        """The reason that the second of two requests gets."""
        self.send(first, "msg_1", None)
        found = self.send(second, "msg_2", "msg_1")
        return None if found is None else found["cache_miss_reason"]


@pytest.fixture
def diagnosing() -> Diagnosing:
    return Diagnosing()


@rule("null on a first turn, and where nothing changed but what was appended")
def test_nothing_to_tell(diagnosing: Diagnosing) -> None:
    assert diagnosing.send(FIRST, "msg_1", None) is None
    assert diagnosing.send(SECOND, "msg_2", "msg_1") is None
    assert diagnosing.send(SECOND, "msg_3", "msg_2") is None


CHANGES: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "model": ("model_changed", lambda asked: asked.update(model="claude-haiku-4-5")),
    "speed": ("model_changed", lambda asked: asked.update(speed="fast")),
    "a tool more": ("tools_changed", lambda asked: asked["tools"].append({"name": "third"})),
    "a tool less": ("tools_changed", lambda asked: asked["tools"].pop()),
    "tools turned round": ("tools_changed", lambda asked: asked["tools"].reverse()),
    "keys of a schema turned round": (
        "tools_changed",
        lambda asked: asked["tools"][0].update(input_schema={"title": "T", "type": "object"}),
    ),
    "system": ("system_changed", lambda asked: asked["system"][0].update(text="At 12:01.")),
    "system longer": ("system_changed", lambda asked: asked["system"].append(text(1))),
    "no system": ("system_changed", lambda asked: asked.pop("system")),
    "a message edited": (
        "messages_changed",
        lambda asked: asked["messages"].__setitem__(0, user("Else.")),
    ),
    "history cut off": ("messages_changed", lambda asked: asked["messages"].pop(0)),
    "tool choice": ("unavailable", lambda asked: asked.update(tool_choice={"type": "any"})),
    "thinking": ("unavailable", lambda asked: asked.update(thinking={"type": "disabled"})),
    "effort": ("unavailable", lambda asked: asked.update(output_config={"effort": "low"})),
    "context management": (
        "unavailable",
        lambda asked: asked.update(context_management={"edits": []}),
    ),
}
SCHEMA = {"title": "T", "type": "object"}


@pytest.mark.parametrize("change", sorted(CHANGES))
@rule(
    "the reason: model (or speed), tools, system, messages, or another parameter",
    source=f"{PAGE}; {SDK}",
)
def test_reasons(diagnosing: Diagnosing, change: str) -> None:
    expected, apply = CHANGES[change]
    first = copy.deepcopy(FIRST)
    first["tools"][0]["input_schema"] = {"type": "object", "title": "T"}
    second = copy.deepcopy(SECOND)
    second["tools"][0]["input_schema"] = {"type": "object", "title": "T"}
    apply(second)
    reason = diagnosing.compare(first, second)
    assert reason is not None
    assert reason["type"] == expected
    assert ("cache_missed_input_tokens" in reason) == expected.endswith("_changed")


@rule("the reason: another set of betas is `unavailable`")
def test_other_betas(diagnosing: Diagnosing) -> None:
    diagnosing.betas = ("b", "a")
    diagnosing.send(FIRST, "msg_1", None)
    diagnosing.betas = ("a", "b")
    assert diagnosing.send(SECOND, "msg_2", "msg_1") is NOTHING_CHANGED
    diagnosing.betas = ("a",)
    assert diagnosing.send(SECOND, "msg_3", "msg_2") == {
        "cache_miss_reason": {"type": "unavailable"}
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda asked: asked["system"][0].pop("cache_control"),
        lambda asked: asked["tools"][0].update(MARK),
        lambda asked: asked["messages"][-1].update(content=[text(9, **MARK)]),
        lambda asked: asked.update(max_tokens=7, stream=True, stop_sequences=["."]),
        lambda asked: asked.update(speed="standard"),
        lambda asked: asked["messages"][0].update(content=text(400)["text"]),
    ],
    ids=[
        "a mark gone",
        "a mark on a tool",
        "the new end",
        "no part of the prompt",
        "the default speed",
        "a string",
    ],
)
@rule("marks, and what is no part of the prompt, are no change")
def test_no_reasons(diagnosing: Diagnosing, change: Callable[[dict[str, Any]], Any]) -> None:
    second = copy.deepcopy(SECOND)
    change(second)
    assert diagnosing.compare(FIRST, second) is NOTHING_CHANGED


@rule("only the earliest difference is told")
def test_earliest_difference(diagnosing: Diagnosing) -> None:
    changes = {
        "messages_changed": {"messages": [user("Else.")]},
        "system_changed": {"system": "Else."},
        "model_changed": {"model": "claude-haiku-4-5"},
    }
    second = SECOND
    for number, (expected, fields) in enumerate(changes.items()):
        second = second | fields
        diagnosing.send(FIRST, f"msg_{number}", None)
        found = diagnosing.send(second, "msg_other", f"msg_{number}")
        assert found is not None
        assert found["cache_miss_reason"]["type"] == expected


@rule("tools come before system, other parameters before messages", "guess", "not published")
def test_guess_order_of_reasons(diagnosing: Diagnosing) -> None:
    both = SECOND | {"system": "Else.", "tools": TOOLS[:1]}
    assert diagnosing.compare(FIRST, both)["type"] == "tools_changed"  # type: ignore[index]
    both = SECOND | {"messages": [user("Else.")], "tool_choice": {"type": "any"}}
    assert diagnosing.compare(FIRST, both)["type"] == "unavailable"  # type: ignore[index]


@rule("what was lost: the earlier prompt behind the change, at 4 bytes a token", "guess", PAGE)
def test_guess_missed_tokens(diagnosing: Diagnosing) -> None:
    """The page says: estimated from bytes, what fell behind the point of divergence."""

    def miss(**fields: Any) -> int:
        reason = diagnosing.compare(FIRST, SECOND | fields)
        assert reason is not None
        tokens: int = reason["cache_missed_input_tokens"]
        return tokens

    # `book `, `day ` and `time ` are 5, 4 and 5 bytes; blocks and turns have a few more.
    messages = miss(messages=[user("Else.")])
    assert messages == pytest.approx(400 * 5 / 4, abs=9)
    second_block = miss(system=[text(200, "day"), text(1)])
    assert second_block == pytest.approx(messages + 100 * 5 / 4, abs=9)
    first_block = miss(system=[text(1)])
    assert first_block == pytest.approx(second_block + 200 * 4 / 4, abs=9)
    assert first_block < miss(tools=[TOOLS[0]]) < miss(tools=[]) <= miss(model="claude-haiku-4-5")


@rule("an unknown id, another workspace's, and one never asked about are not found")
def test_previous_message_not_found(diagnosing: Diagnosing) -> None:
    not_found = {"cache_miss_reason": {"type": "previous_message_not_found"}}
    assert diagnosing.send(FIRST, "msg_1", "msg_0") == not_found
    assert diagnosing.send(SECOND, "msg_2", "msg_1", workspace="other") == not_found
    assert diagnosing.send(SECOND, "msg_3", "msg_1") is NOTHING_CHANGED


@pytest.mark.parametrize(("seconds", "is_found"), [(3599, True), (3600, False)])
@rule("a fingerprint is kept for an hour", "guess", "the page says: a short period")
def test_guess_retention(diagnosing: Diagnosing, seconds: float, is_found: bool) -> None:
    diagnosing.send(FIRST, "msg_1", None)
    diagnosing.now += seconds
    assert (diagnosing.send(SECOND, "msg_2", "msg_1") is NOTHING_CHANGED) == is_found


@pytest.mark.parametrize(
    ("edited", "expected"), [(1999, "messages_changed"), (2000, "unavailable"), (2100, None)]
)
@rule(
    "a change beyond the first 2,000 messages is `unavailable`",
    "guess",
    "the horizon is not published",
)
def test_guess_comparison_horizon(
    diagnosing: Diagnosing, edited: int, expected: str | None
) -> None:
    first = request(*[user(f"{number}") for number in range(2100)])
    second = copy.deepcopy(first)
    second["messages"].append(user("And?"))
    second["messages"][edited]["content"] = "Else."
    reason = diagnosing.compare(first, second)
    assert (reason and reason["type"]) == expected


@rule("fingerprints are bounded; the oldest goes first", "guess", "a bound of the simulator")
def test_guess_bounded_memory() -> None:
    diagnoses = CacheDiagnoses(max_fingerprints=2)
    fingerprint = read_fingerprint(FIRST, FIRST["model"])
    for number in range(3):
        diagnoses.remember(0, "w", f"msg_{number}", fingerprint)
    found = [diagnoses.diagnose(0, "w", f"msg_{number}", fingerprint) for number in range(3)]
    assert [each is NOTHING_CHANGED for each in found] == [False, True, True]
