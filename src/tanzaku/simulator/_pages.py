"""Pages between two ids: the form of the lists of batches, and of files in their beta."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tanzaku.wire import ApiError


class Listed(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Page[T: Listed]:
    items: Sequence[T]
    has_more: bool

    def show(self, data: list[Any]) -> dict[str, Any]:
        """The page as the API shows it, with `data` for its items."""
        return {
            "data": data,
            "has_more": self.has_more,
            "first_id": self.items[0].id if self.items else None,
            "last_id": self.items[-1].id if self.items else None,
        }


def cut_page[T: Listed](
    newest_first: Sequence[T], places: Mapping[str, int], wanted: Mapping[str, Any]
) -> Page[T]:
    """The `limit` items next to `after_id` or `before_id`, or the first ones.

    `places` has for each id, also of what was deleted, where it stands in the order of creation.
    ApiError 400 for an id that never was (the text is a guess, and that this is refused).
    """
    items = newest_first
    limit: int = wanted["limit"]
    if "after_id" in wanted:
        place = _find_place(places, wanted, "after_id")
        items = [item for item in items if places[item.id] < place]
    if "before_id" in wanted:
        place = _find_place(places, wanted, "before_id")
        items = [item for item in items if places[item.id] > place]
        return Page(items[-limit:], len(items) > limit)
    return Page(items[:limit], len(items) > limit)


def _find_place(places: Mapping[str, int], wanted: Mapping[str, Any], name: str) -> int:
    place = places.get(wanted[name])
    if place is None:
        raise ApiError.invalid_request(f"{name}: nothing has the id {wanted[name]}")
    return place
