"""Lists of batches and files, of which a key sees only a part: pages of what it may see."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from pydantic_core import from_json

from tanzaku.core import TanzakuError

# The API's largest page, and the one it gives unasked (api/list-message-batches, 2026-09-02).
_MOST: Final = 1000
_USUAL: Final = 20

type Page = dict[str, Any]
type Fetch = Callable[[str], Awaitable[Page]]
"""The upstream's page for a query. What it raises passes through."""
type IsSeen = Callable[[str], Awaitable[bool]]


class UnreadableListError(TanzakuError):
    """What should be a list of batches or files is none."""


def read_page(body: bytes) -> Page:
    """A page as the API writes it: an object whose `data` is a list of objects with ids. Raises
    UnreadableListError for anything else, of which nothing may be shown."""
    try:
        page = from_json(body)
        if all(isinstance(item["id"], str) for item in page["data"]):
            return dict(page)
    except (ValueError, KeyError, TypeError):
        pass
    raise UnreadableListError("The list cannot be read.")


async def list_seen(query: str, fetch: Fetch, is_seen: IsSeen) -> Page:
    """The page that `query` would be answered with if there were nothing but what `is_seen`.

    The upstream is asked for as many pages as that takes, and for one entry more than is shown, so
    that what the page says of further ones holds.
    """
    wanted = _Wanted(query)
    page = await fetch(query)
    if wanted.limit is None or not ("has_more" in page or "next_page" in page):
        return page | {"data": await _pick(page, is_seen)}
    if "next_page" in page:
        return await _follow_cursors(wanted, wanted.limit, page, fetch, is_seen)
    return await _follow_ids(wanted, wanted.limit, page, fetch, is_seen)


class _Wanted:
    """A query, and how many entries it asks for: None for a limit that the API refuses."""

    def __init__(self, query: str) -> None:
        self._pairs = parse_qsl(query, keep_blank_values=True)
        names = {name.removesuffix("[]"): value for name, value in self._pairs}
        self.is_backwards = "before_id" in names
        self.cursor = names.get("page")
        limit = names.get("limit", str(_USUAL))
        is_limit = limit.isascii() and limit.isdigit() and len(limit) < 5
        self.limit = int(limit) if is_limit and 1 <= int(limit) <= _MOST else None

    def move(self, name: str, value: str | None, limit: int) -> str:
        """The same query from another place on."""
        moved = [(n, v) for n, v in self._pairs if n.removesuffix("[]") not in (name, "limit")]
        place = [] if value is None else [(name, value)]
        return urlencode([*moved, *place, ("limit", str(limit))])


async def _follow_ids(
    wanted: _Wanted, limit: int, page: Page, fetch: Fetch, is_seen: IsSeen
) -> Page:
    """Pages between two ids, newest first; with `before_id` they go towards the newest."""
    back = wanted.is_backwards
    seen: list[Mapping[str, Any]] = []
    while True:
        found = await _pick(page, is_seen)
        seen = [*found, *seen] if back else [*seen, *found]
        if len(seen) > limit or not page["has_more"] or not page["data"]:
            break
        next_id = page["data"][0 if back else -1]["id"]
        page = await fetch(wanted.move("before_id" if back else "after_id", next_id, _MOST))
    shown = seen[-limit:] if back else seen[:limit]
    return page | {
        "data": shown,
        "has_more": len(seen) > limit,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


async def _follow_cursors(
    wanted: _Wanted, limit: int, page: Page, fetch: Fetch, is_seen: IsSeen
) -> Page:
    """Pages behind cursors that only the upstream can make: where one of its pages has more than is
    wanted, it is asked again for so much of it that its cursor stands behind the last one shown."""
    seen: list[Mapping[str, Any]] = []
    cursor = wanted.cursor
    while True:
        found = await _pick(page, is_seen)
        left = limit - len(seen)
        if len(found) > left:
            break
        seen += found
        cursor = page["next_page"]
        if cursor is None or not page["data"]:
            return page | {"data": seen, "next_page": None}
        page = await fetch(wanted.move("page", cursor, _MOST))
    if left == 0:
        return page | {"data": seen, "next_page": cursor}
    size = page["data"].index(found[left - 1]) + 1
    page = await fetch(wanted.move("page", cursor, size))
    seen += await _pick(page, is_seen)
    return page | {"data": seen}


async def _pick(page: Page, is_seen: IsSeen) -> Sequence[Mapping[str, Any]]:
    return [item for item in page["data"] if await is_seen(item["id"])]
