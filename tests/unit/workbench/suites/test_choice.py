"""Which cases are chosen; shards are disjoint and leave nothing out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import UserError
from tanzaku.workbench.suites import Case, Choice, Shard, load_suite, parse_shard

SUITE = """\
tanzaku: suite/v1
tags: [all]
data: rows.json
defaults: {use: r.yaml}
cases:
  - {id: one, tags: [fast, a.b]}
  - {id: two, tags: [slow]}
  - {id: two-more}
"""


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Case, ...]:
    (tmp_path / "suites").mkdir()
    (tmp_path / "r.yaml").touch()
    (tmp_path / "rows.json").write_text('[{"x": 1}, {"x": 2}]')
    path = tmp_path / "suites/s.suite.yaml"
    path.write_text(SUITE)
    return load_suite(path, tmp_path).cases


@pytest.mark.parametrize(
    ("choice", "keys"),
    [
        (Choice(), "one[1] one[2] two[1] two[2] two-more[1] two-more[2]"),
        (Choice(tags=["fast", "slow"]), "one[1] one[2] two[1] two[2]"),
        (Choice(tags=["all"], not_tags=["slow", "fast"]), "two-more[1] two-more[2]"),
        (Choice(tags=["nobody"]), ""),
        (Choice(patterns=["s#two[2]"]), "two[2]"),
        (Choice(patterns=["two"]), "two[1] two[2]"),
        (Choice(patterns=["s#two"]), "two[1] two[2]"),
        (Choice(patterns=["one[1]", "*more[?]"]), "one[1] two-more[1] two-more[2]"),
        (Choice(patterns=["t.o"]), ""),
        (Choice(patterns=["tw"]), ""),
    ],
)
def test_choice(cases: tuple[Case, ...], choice: Choice, keys: str) -> None:
    assert [case.key for case in choice.pick(cases)] == [f"s#{key}" for key in keys.split()]


@given(st.lists(st.text(), unique=True), st.integers(1, 40))
def test_shards_are_disjoint_and_complete(keys: list[str], count: int) -> None:
    shards = [Shard(index, count) for index in range(1, count + 1)]
    assert [sum(shard.has(key) for shard in shards) for key in keys] == [1] * len(keys)


def test_a_key_stays_in_its_shard_whatever_else_there_is(cases: tuple[Case, ...]) -> None:
    """By the key alone: taking cases away moves none of the others."""
    half = Choice(shard=parse_shard("1/2"))
    whole = half.pick(cases)
    assert half.pick(cases[::2]) == [case for case in cases[::2] if case in whole]
    assert 0 < len(whole) < len(cases)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "1/99999", "-1/2", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="I/N"):
        parse_shard(text)
