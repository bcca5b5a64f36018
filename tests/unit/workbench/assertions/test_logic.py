"""`all`, `any`, `at_least` and `not` are Kleene's logic, checked against it over random trees."""

from json import dumps
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.replied import a_message, a_reply, a_subject
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.assertions import read_assertions

REPLY = a_reply(a_message("x"))
"""Status 200, and nobody knows what it cost."""
LEAVES = {1.0: {"status": 200}, 0.0: {"status": 201}, 0.5: {"cost_usd": 1}}
VERDICTS = {1.0: "pass", 0.0: "fail", 0.5: "error"}

type Tree = tuple[Any, float]
"""An assertion as plain YAML, and its truth: 1, 0 or a half."""


def join(parts: list[Tree], how: str) -> Tree:
    values = [value for _, value in parts]
    return {how: [item for item, _ in parts]}, min(values) if how == "all" else max(values)


def join_at_least(parts: list[Tree], wish: int) -> Tree:
    """True when even without the unclear ones there are enough, false when with them too few."""
    least = 1 + wish % len(parts)
    values = [value for _, value in parts]
    sure, possible = values.count(1.0), values.count(1.0) + values.count(0.5)
    truth = 1.0 if sure >= least else 0.5 if possible >= least else 0.0
    return {"at_least": least, "of": [item for item, _ in parts]}, truth


def turn(tree: Tree, beside: bool) -> Tree:
    item, value = tree
    return ({**item, "not": True} if beside and "not" not in item else {"not": item}), 1 - value


trees: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from([(item, value) for value, item in LEAVES.items()]),
    lambda parts: st.one_of(
        st.builds(join, st.lists(parts, min_size=1, max_size=4), st.sampled_from(["all", "any"])),
        st.builds(join_at_least, st.lists(parts, min_size=1, max_size=4), st.integers(0, 9)),
        st.builds(turn, parts, st.booleans()),
    ),
    max_leaves=12,
)


@given(trees)
def test_sets_are_kleenes_logic(tree: Tree) -> None:
    item, truth = tree
    # JSON is YAML.
    (assertion,) = read_assertions(parse_yaml(f"[{dumps(item)}]", "x.yaml"))
    outcome = assertion.check(a_subject(REPLY))
    assert outcome.verdict == VERDICTS[truth]
    assert bool(outcome.message) == (outcome.verdict != "pass")


def test_what_is_not_there_passes_under_no_not() -> None:
    """A path mistyped under `not` would pass for ever."""
    for text in (
        "[{jsonpath: $.nope, equals: 1, not: true}]",
        "[{not: {jsonpath: $.nope, contains: x}}]",
        "[{jsonpath: $.nope, not: {contains: x}}]",
        "[{not: {header: {x-nope: y}}}]",
        "[{not: {json: {path: $.a, equals: 1}}}]",
    ):
        (assertion,) = read_assertions(parse_yaml(text, "x.yaml"))
        assert assertion.check(a_subject(REPLY)).verdict == "fail", text


def test_a_failed_set_says_what_each_part_found() -> None:
    text = "[{any: [{status: 404}, {contains: y}]}]"
    (assertion,) = read_assertions(parse_yaml(text, "x.yaml"))
    message = assertion.check(a_subject(REPLY)).message
    assert "status: the status is 200, not 404" in message
    assert 'contains: "x" does not contain "y"' in message
