"""Every kind of assertion, by group."""

from collections.abc import Mapping

from tanzaku.workbench.assertions._kind import Kind
from tanzaku.workbench.assertions.kinds._body import BODY_KINDS, TEXT_KINDS
from tanzaku.workbench.assertions.kinds._http import HTTP_KINDS

GROUPS: Mapping[str, Mapping[str, Kind]] = {
    "http": HTTP_KINDS,
    "body": BODY_KINDS,
    "text": TEXT_KINDS,
}


def list_kinds() -> list[str]:
    """Their names."""
    return [name for group in GROUPS.values() for name in group]


def find_kind(name: str) -> Kind | None:
    """The kind of this name, None when there is none."""
    return next((group[name] for group in GROUPS.values() if name in group), None)


__all__ = ["GROUPS", "find_kind", "list_kinds"]
