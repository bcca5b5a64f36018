"""A list of which a caller may see a part has the pages that a list of that part alone would have."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import parse_qs

import pytest

from tanzaku.gateway.keys._owned_lists import UnreadableListError, list_seen, read_page

type Answer = Callable[[list[str], str], dict[str, Any]]


def answer_by_ids(ids: list[str], query: str) -> dict[str, Any]:
    """What the API says to `query` of the things `ids`, newest first (api/list-message-batches)."""
    wanted = {name: values[0] for name, values in parse_qs(query).items()}
    limit = int(wanted.get("limit", "20"))
    if "after_id" in wanted:
        ids = [one for one in ids if int(one) < int(wanted["after_id"])]
    if "before_id" in wanted:
        ids = [one for one in ids if int(one) > int(wanted["before_id"])]
    page = ids[-limit:] if "before_id" in wanted else ids[:limit]
    return {
        "data": [{"id": one, "text": f"of {one}"} for one in page],
        "has_more": len(page) < len(ids),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }


def answer_by_cursors(ids: list[str], query: str) -> dict[str, Any]:
    """The same for a list whose pages hang on cursors (api/files-list)."""
    wanted = {name: values[0] for name, values in parse_qs(query).items()}
    limit = int(wanted.get("limit", "20"))
    if "page" in wanted:
        ids = [one for one in ids if int(one) < int(wanted["page"].removeprefix("page_"))]
    page = ids[:limit]
    return {
        "data": [{"id": one, "text": f"of {one}"} for one in page],
        "next_page": f"page_{page[-1]}" if len(page) < len(ids) else None,
    }


class Listing:
    """An upstream's list, of which `seen` may be seen."""

    def __init__(self, answer: Answer, ids: list[str], seen: list[str]) -> None:
        self._answer, self._ids, self._seen = answer, ids, seen
        self.asked: list[str] = []

    def show(self, query: str) -> dict[str, Any]:
        return asyncio.run(list_seen(query, self._fetch, self._is_seen))

    async def _fetch(self, query: str) -> dict[str, Any]:
        self.asked.append(query)
        return read_page(json.dumps(self._answer(self._ids, query)).encode())

    async def _is_seen(self, one: str) -> bool:
        return one in self._seen


def draw(seed: int, most: int = 60) -> tuple[list[str], list[str], int]:
    chance = Random(seed)
    ids = [str(number) for number in range(1000 + chance.randrange(most), 1000, -1)]
    share = chance.choice([0.0, 0.05, 0.5, 0.95, 1.0])
    return ids, [one for one in ids if chance.random() < share], chance.randrange(1, 9)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("way", ["after_id", "before_id"])
def test_pages_between_ids_are_those_of_what_is_seen(way: str, seed: int) -> None:
    ids, seen, limit = draw(seed)
    place = str(1000 + Random(f"{seed} place").randrange(61))
    for query in (f"limit={limit}", f"beta=true&limit={limit}&{way}={place}", f"{way}={place}"):
        assert Listing(answer_by_ids, ids, seen).show(query) == answer_by_ids(seen, query)


@pytest.mark.parametrize("seed", range(60))
def test_cursors_lead_through_all_that_is_seen_and_end_with_it(seed: int) -> None:
    ids, seen, limit = draw(seed)
    query = f"limit={limit}"
    pages: list[list[str]] = []
    while True:
        page = Listing(answer_by_cursors, ids, seen).show(query)
        pages.append([one["id"] for one in page["data"]])
        if page["next_page"] is None:
            break
        query = f"limit={limit}&page={page['next_page']}"
    expected = [seen[begin : begin + limit] for begin in range(0, len(seen), limit)]
    assert pages == (expected or [[]])


@pytest.mark.parametrize("answer", [answer_by_ids, answer_by_cursors], ids=["ids", "cursors"])
def test_what_is_far_behind_is_found_in_large_pages(answer: Answer) -> None:
    ids = [str(number) for number in range(9000, 4000, -1)]
    listing = Listing(answer, ids, ["4001"])
    assert [one["id"] for one in listing.show("limit=2")["data"]] == ["4001"]
    assert len(listing.asked) == 6


@pytest.mark.parametrize("query", ["limit=2", "limit=0", "limit=x", "limit=1001", "ids=3&ids=2"])
@pytest.mark.parametrize("answer", [answer_by_ids, answer_by_cursors], ids=["ids", "cursors"])
def test_nothing_else_is_shown_whatever_is_asked(answer: Answer, query: str) -> None:
    def answer_anyhow(ids: list[str], query: str) -> dict[str, Any]:
        return answer(ids, "limit=4" if query in ("limit=0", "limit=x") else query)

    page = Listing(answer_anyhow, list("4321"), ["3"]).show(query)
    assert [one["id"] for one in page["data"]] == ["3"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"data":{"id":"a"}}', b'{"data":[1]}', b'{"data":[{}]}', b"\xff"],
)
def test_a_list_that_is_none_is_not_shown(body: bytes) -> None:
    with pytest.raises(UnreadableListError):
        read_page(body)
