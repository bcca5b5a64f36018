"""Values that know where they stand, made and merged."""

from collections.abc import Mapping
from typing import Any

from tanzaku.core.plain_yaml import Entry, Place


class FileText(Entry):
    """A text that is a file's content; its place is the file's first character."""

    __slots__ = ()


def build_entry(value: Any, place: Place, key: str = "$") -> Entry:
    """A plain value as an entry that stands, with all its parts, at `place`."""
    if isinstance(value, Entry):
        return value
    content: Any = value
    if isinstance(value, Mapping):
        begin = "" if key == "$" else f"{key}."
        content = {
            str(name): build_entry(one, place, f"{begin}{name}") for name, one in value.items()
        }
    elif isinstance(value, list | tuple):
        content = [build_entry(one, place, f"{key}[{at}]") for at, one in enumerate(value)]
    return Entry(key, place, place, content)


def merge_entries(target: Entry | None, patch: Entry) -> Entry:
    """`target` changed by a JSON merge patch (RFC 7386); every part keeps its own place."""
    if not isinstance(patch.content, dict):
        return patch
    merged = dict(target.content) if target and isinstance(target.content, dict) else {}
    for name, one in patch.content.items():
        if one.content is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_entries(merged.get(name), one)
    return Entry(patch.key, patch.place, patch.name_place, merged)


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` changed by a JSON merge patch (RFC 7386), both plain: mappings merge, null removes a
    key, everything else (lists too) takes the place of what was there."""
    nowhere = Place("", 1, 1)
    return merge_entries(build_entry(target, nowhere), build_entry(patch, nowhere)).plain
