"""Headers as the files write them, and as they are sent."""

import re
from collections.abc import Mapping
from typing import Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.project._comparing import find_kind
from tanzaku.workbench.project._templates import Template, write_scalar
from tanzaku.workbench.project._variables import Scope

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
CONTENT_TYPE: Final = "content-type"

type Headers = Mapping[str, "Value | None"]
"""By name in lower case; None for one that shall not be sent, whoever else sets it."""


class Value:
    """What fills into one text: of a header, a query parameter, a path."""

    def __init__(self, entry: Entry) -> None:
        if isinstance(entry.content, float):
            # `1.10` has become 1.1, and nobody can tell any more.
            raise InputFileError(
                "{place}: `{key}` is text, and {found} may have been written in another way.",
                hint="Put quotes around it.",
                place=entry.place,
                key=entry.key,
                found=entry.found,
            )
        if entry.content is None or isinstance(entry.content, dict | list):
            raise InputFileError(
                "{place}: `{key}` must be text; found {kind}.",
                hint="Write a text here.",
                place=entry.place,
                key=entry.key,
                kind=find_kind(entry.content),
            )
        self.place = entry.place
        self._key = entry.key
        self._template = Template(entry)

    def fill(self, scope: Scope) -> str:
        """InputFileError when what fills it is no text, number or boolean."""
        return write_scalar(self._template.fill(scope), self.place)

    def fill_header(self, scope: Scope) -> bytes:
        """As a header's value; line breaks and the like are refused, without showing it."""
        text = self.fill(scope)
        if _CONTROL.search(text) or text != text.strip():
            raise InputFileError(
                "{place}: the value of `{key}` has a line break, a control character or a space at its ends.",
                place=self.place,
                key=self._key,
            )
        return text.encode()


def parse_headers(entry: Entry | None) -> dict[str, Value | None]:
    """Names in lower case; a name may stand once, whatever its case."""
    found: dict[str, Value | None] = {}
    for name, one in lower_names(entry).items():
        check_header_name(name, one.name_place)
        found[name] = None if one.content is None else Value(one)
    return found


def lower_names(entry: Entry | None) -> dict[str, Entry]:
    """The fields with their names in lower case."""
    found: dict[str, Entry] = {}
    for name, one in (entry.as_mapping() if entry else {}).items():
        if name.lower() in found:
            raise InputFileError(
                "{place}: the key `{name}` stands here a second time; first in line {line}.",
                place=one.name_place,
                name=name.lower(),
                line=found[name.lower()].name_place.line,
            )
        found[name.lower()] = one
    return found


def check_header_name(name: str, place: Place) -> None:
    """InputFileError for what HTTP does not take as a header's name (RFC 9110 section 5.6.2)."""
    if _NAME.fullmatch(name) is None:
        raise InputFileError(
            "{place}: `{name}` cannot be the name of a header.", place=place, name=name
        )
