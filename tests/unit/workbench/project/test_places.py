"""`{{places}}`: what they stand for, with their types, and what is said when they cannot be filled."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Place, parse_yaml
from tanzaku.workbench.project import (
    MissingVariableError,
    Scope,
    Template,
    evaluate,
    fill_places,
)

HERE = Place("flows/x.flow.yaml", 7, 3)
WORK = {
    "results": [
        {"agent": {"text": "一", "n": 1, "tags": ["a", "b"]}},
        {"agent": None},
        {"agent": {"text": "three", "n": 3, "tags": ["c"]}},
    ],
    "ok_count": 2,
}
SCOPE = Scope(
    temporary={
        "city": "北京",
        "n": 3,
        "work": WORK,
        "raw": '{"a": [1, 2]}',
        "odd": {"a b": {"c": 0}},
        "one": {"a": 1, "b": 1},
        "other": {"a": 1, "b": 2},
        "yes": {"a": True, "b": 1},
        "part": {"a": 1},
    },
    environment={"city": "上海", "flag": False, "nothing": None, "ratio": 0.5},
    globals={"city": "广州", "model": "claude-haiku-4-5", "flag": True},
    secrets={"KEY": "s3cr3t-value"},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{n}}", 3),
        ("{{ n }}", 3),
        ("{{flag}}", False),
        ("{{nothing}}", None),
        ("{{ratio}}", 0.5),
        ("{{work.results[*].agent.text}}", ["一", "three"]),
        ("{{work.results[*].agent.tags[*]}}", ["a", "b", "c"]),
        ("{{work.results[0].agent}}", {"text": "一", "n": 1, "tags": ["a", "b"]}),
        ("{{work.results[-1].agent.n}}", 3),
        ("{{odd['a b'].c}}", 0),
        ('{{odd["a b"]["c"]}}', 0),
        ("{{city}}", "北京"),
        ("{{model}}", "claude-haiku-4-5"),
        ("{{raw | json}}", {"a": [1, 2]}),
        ("{{work.results[2].agent.tags | json}}", '["c"]'),
        ("{{city | length}}", 2),
        ("{{work.results | length}}", 3),
        ("{{raw | json | length}}", 1),
        ("{{nobody | default('谁')}}", "谁"),
        ("{{nobody | default(0)}}", 0),
        ("{{nobody | default(null)}}", None),
        ("{{nobody | default(city)}}", "北京"),
        ("{{work.results[9].x | default(1.5)}}", 1.5),
        ("{{nothing | default('x')}}", None),
        ("{{city | default('x')}}", "北京"),
        ("{{secret.NONE | default('')}}", ""),
        ("{{null}}", None),
        ("{{true}}", True),
        ("{{-12}}", -12),
        ("{{'it\\'s'}}", "it's"),
        ("{{n}}/{{ratio}}/{{flag}}", "3/0.5/false"),
        (" {{n}}", " 3"),
        ("在{{city}}，{{n}} 天", "在北京，3 天"),
        ("\\{{city}}", "{{city}}"),
        ("a \\{{b}} {{n}} \\{{", "a {{b}} 3 {{"),
        ('{"a":{"b":1}}', '{"a":{"b":1}}'),
        ("{{secret.KEY}}", "s3cr3t-value"),
    ],
)
def test_a_place_stands_for_its_value_with_its_type(text: str, value: Any) -> None:
    filled = fill_places(text, SCOPE, HERE)
    assert filled == value
    assert type(filled) is type(value)


def test_every_text_of_a_value_is_filled_and_no_key() -> None:
    value = {"{{n}}": ["{{n}}", {"deep": "x{{n}}"}], "same": 1}
    assert fill_places(value, SCOPE) == {"{{n}}": [3, {"deep": "x3"}], "same": 1}


def test_what_fills_a_place_is_not_filled_again() -> None:
    scope = Scope({"answer": "{{secret.KEY}}", "list": ["{{n}}"]}, secrets={"KEY": "hidden"})
    assert fill_places("{{answer}} {{list | json}}", scope) == '{{secret.KEY}} ["{{n}}"]'
    assert fill_places("{{list}}", scope) == ["{{n}}"]


@given(JSON)
def test_a_whole_value_place_gives_back_any_value(value: Any) -> None:
    filled = fill_places("{{x}}", Scope({"x": value}))
    assert filled == value
    assert type(filled) is type(value)


@given(JSON.filter(lambda value: "{{" not in repr(value)))
def test_a_value_without_places_stays_as_it_is(value: Any) -> None:
    assert fill_places(value, Scope()) == value


@given(st.text(st.sampled_from("{}\\ |.[]'\"*()-=<>axn1，"), max_size=30))
def test_any_text_is_filled_or_refused_with_its_place(text: str) -> None:
    refusals: list[str] = []
    try:
        fill_places("{{" + text, SCOPE, HERE)
    except InputFileError as error:
        refusals.append(error.message)
    assert all(message.startswith("flows/x.flow.yaml:7:3: ") for message in refusals)


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("{{ctiy}}", "variable `ctiy`", "Did you mean `city`?"),
        (
            "{{zzzz}}",
            "variable `zzzz`",
            "Known are city, flag, model, n, nothing, odd, one, other, part, ratio, ….",
        ),
        ("{{work.resluts}}", "`work` has no `resluts`", "Did you mean `results`?"),
        ("{{work.results[3]}}", "`work.results` (array, 3) has no `[3]`", ""),
        ("{{work.results.x}}", "`work.results` (array, 3) has no `.x`", ""),
        ("{{city.name}}", "`city` (string) has no `.name`", ""),
        ("{{city[*]}}", "`city` (string) has no `[*]`", ""),
        ("{{secret.KYE}}", "no secret `KYE`", "Did you mean `KEY`?"),
        ("{{city | upper}}", "no filter `upper`", "default('x'), json and length"),
        ("{{n | length}}", "found number", ""),
        ("{{city | json}}", "is no JSON", ""),
        ("{{work}} and more", "object cannot stand inside a text", "`| json`"),
        ("{{nothing}} and more", "null cannot stand inside a text", "`| json`"),
        ("{{city", "`city` is not a place", "\\{{"),
        ("{{}}", "is not a place", "{{name}}"),
        ("{{a b}}", "`a b` is not a place", ""),
        ("{{n + 1}}", "`n + 1` is not a place", ""),
        ("{{__import__('os')}}", "is not a place", ""),
        ("{{work.results[0.5]}}", "is not a place", ""),
        ("{{work.results[}}", "is not a place", ""),
        ("{{secret}}", "is not a place", ""),
        ("{{secret.KEY.x}}", "is not a place", ""),
        ("{{n >= 2}}", "is not a place", ""),
    ],
)
def test_a_place_that_cannot_be_filled_is_named_with_a_way_out(
    text: str, words: str, hint: str
) -> None:
    with pytest.raises(InputFileError) as caught:
        fill_places(["fine", text], SCOPE, HERE)
    assert caught.value.message.startswith("flows/x.flow.yaml:7:3: ")
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_a_mistake_in_a_file_has_the_place_of_its_value() -> None:
    entry = parse_yaml("a: fine\nb:\n  - c: '{{ctiy}}'\n", "requests/x.yaml")
    with pytest.raises(MissingVariableError, match=r"^requests/x\.yaml:3:8: "):
        Template(entry).fill(SCOPE)


def test_expressions_have_a_length_and_a_depth() -> None:
    with pytest.raises(InputFileError, match="is not a place"):
        fill_places("{{ n" + " " * 2000 + "}}", SCOPE)
    deep = "(" * 5000 + "true" + ")" * 5000
    with pytest.raises(InputFileError, match="is not a place"):
        evaluate(deep, SCOPE)
    with pytest.raises(InputFileError, match="is not a place"):
        evaluate("not " * 200 + "true", SCOPE)
    assert evaluate("(" * 15 + "true" + ")" * 15, SCOPE)
    with pytest.raises(InputFileError, match="is no JSON"):
        fill_places("{{x | json}}", Scope({"x": "[" * 100_000}))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("work.ok_count >= 2", True),
        ("{{work.ok_count >= 2}}", True),
        ("{{ work.ok_count > 2 }}", False),
        ("n >= 2", True),
        ("n > 2", True),
        ("n > 3", False),
        ("n >= 4", False),
        ("n < 3", False),
        ("one == one", True),
        ("one == other", False),
        ("one == part", False),
        ("one == yes", False),
        ("one != '1'", True),
        ("n < 4", True),
        ("n <= 3", True),
        ("n <= 2", False),
        ("n == 3.0", True),
        ("n != 3", False),
        ("city == '北京'", True),
        ("city < 'z'", False),
        ("flag == 0", False),
        ("flag != 0", True),
        ("nothing == null", True),
        ("nothing == false", False),
        ("work.results[0].agent.tags == ['a', 'b']", True),
        ("work.results[0].agent.tags == ['b', 'a']", False),
        ("city in ['上海', \"北京\"]", True),
        ("n in [1, 2]", False),
        ("true in [1]", False),
        ("'京' in city", True),
        ("'a b' in odd", True),
        ("not flag", True),
        ("not not flag", False),
        ("n == 1 or n == 3 and flag", False),
        ("(n == 1 or n == 3) and not flag", True),
        ("n == 3 or nobody == 1", True),
        ("n == 1 and nobody == 1", False),
        ("nobody | default(0) >= 1", False),
        ("work.results | length == 3", True),
        ("raw | json | length >= n", False),
        ("flag", False),
        ("true", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert evaluate(condition, SCOPE) is holds


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("n", "must be true or false; found number"),
        ("city", "must be true or false; found string"),
        ("n and flag", "found number"),
        ("not city", "found string"),
        ("n < '3'", "number and string cannot be compared by `<`"),
        ("flag >= false", "boolean and boolean"),
        ("nothing > 0", "null and number"),
        ("n in 3", "number and number cannot be compared by `in`"),
        ("1 < 2 < 3", "is not a place"),
        ("n = 3", "is not a place"),
        ("{{n >= 2", "does not end"),
        ("{{n >= 2}} and {{flag}}", "is not one condition"),
        ("", "is not a place"),
        ("n in [[1]]", "is not a place"),
        ("nobody >= 1", "variable `nobody`"),
    ],
)
def test_a_condition_that_cannot_be_judged_is_an_error(condition: str, words: str) -> None:
    with pytest.raises(InputFileError) as caught:
        evaluate(condition, SCOPE, HERE)
    assert caught.value.message.startswith("flows/x.flow.yaml:7:3: ")
    assert words in caught.value.message


def test_values_nested_too_deeply_are_an_error_with_a_place() -> None:
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]
    scope = Scope({"a": deep, "b": [deep]})
    with pytest.raises(InputFileError, match=r"^flows/x\.flow\.yaml:7:3: .* no JSON"):
        fill_places("{{a | json}}", scope, HERE)
    with pytest.raises(InputFileError, match=r"^flows/x\.flow\.yaml:7:3: .* too deeply"):
        evaluate("a == b", scope, HERE)


def test_no_secret_is_shown_by_an_error_or_a_repr() -> None:
    with pytest.raises(InputFileError) as caught:
        fill_places("{{secret.KEY | json}}", SCOPE)
    shown = f"{caught.value.message} {caught.value.hint} {caught.value.values} {SCOPE}"
    assert "s3cr3t" not in shown
