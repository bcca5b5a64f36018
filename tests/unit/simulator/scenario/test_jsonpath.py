"""JSONPath: examples of RFC 9535 for the part that is read, and what is refused."""

from typing import Any

import pytest

from tanzaku.simulator.scenario._jsonpath import BadPathError, JsonPath

# The store of RFC 9535, section 1.5.
STORE: dict[str, Any] = {
    "store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "isbn": "0-553-21311-3"},
            {"category": "fiction", "author": "J. R. R. Tolkien", "price": 22.99},
        ],
        "bicycle": {"color": "red", "price": 399},
    }
}
AUTHORS = ["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [STORE]),
        ("$.store.book[*].author", AUTHORS),
        ("$..author", AUTHORS),
        ("$.store.*", [STORE["store"]["book"], STORE["store"]["bicycle"]]),
        ("$.store..price", [8.95, 12.99, 22.99, 399]),
        ("$..book[2].author", ["Herman Melville"]),
        ("$..book[2].publisher", []),
        ("$..book[-1].author", ["J. R. R. Tolkien"]),
        ("$..book[4]", []),
        ("$..book[-5]", []),
        ("$['store']['bicycle'][\"color\"]", ["red"]),
        ("$.store.book.author", []),
        ("$.store[0]", []),
        ("$.store.bicycle.color.deeper", []),
    ],
)
def test_a_path_finds_what_the_rfc_says(path: str, found: list[Any]) -> None:
    # The order of members is that of the document; `..` gives parents before what is in them.
    assert JsonPath(path).find(STORE) == found


def test_descent_takes_in_everything() -> None:
    value = {"o": {"j": 1, "k": 2}, "a": [5, 3, [{"j": 4}, {"k": 6}]]}
    assert sorted(JsonPath("$..j").find(value)) == [1, 4]
    assert len(JsonPath("$..*").find(value)) == 11
    assert JsonPath("$.a..[0]").find(value) == [5, {"j": 4}]


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$['it\\'s']", {"it's": 1}, [1]),
        ("$[\"a.b\"]['']", {"a.b": {"": 2}}, [2]),
        ("$.é_1", {"é_1": 3}, [3]),
        ("$['*']", {"*": 4, "x": 5}, [4]),
    ],
)
def test_names_may_be_quoted(path: str, value: Any, found: list[Any]) -> None:
    assert JsonPath(path).find(value) == found


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("", 1),
        ("store", 1),
        ("$store", 2),
        ("$.", 2),
        ("$.a..", 4),
        ("$.a b", 4),
        ("$[01]", 2),
        ("$[-0]", 2),
        ("$[1:2]", 2),
        ("$.a[?@.b]", 4),
        ("$['a','b']", 2),
        ("$['a", 2),
        ("$.1a", 2),
    ],
)
def test_what_is_no_path_is_refused_where_it_stops_being_one(path: str, at: int) -> None:
    with pytest.raises(BadPathError) as caught:
        JsonPath(path)
    assert str(caught.value) == str(at)


def test_a_wide_value_is_read_up_to_ten_thousand_places() -> None:
    wide = {"a": [{"b": number} for number in range(30_000)]}
    found = JsonPath("$.a[*].b").find(wide)
    assert found == list(range(10_000))
    assert len(JsonPath("$..b").find(wide)) <= 10_000
