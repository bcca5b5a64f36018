"""The body as JSON and as text."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._compare import PATH_FIELDS, read_at_path, read_ops
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Check,
    Finding,
    Look,
    Sight,
    fails,
    passes,
)
from tanzaku.workbench.assertions._kind import Kind, looked
from tanzaku.workbench.assertions._numbers import is_equal
from tanzaku.workbench.assertions._ops import TEXT
from tanzaku.workbench.assertions._schema import read_schema
from tanzaku.workbench.assertions._text import normalise
from tanzaku.workbench.assertions.kinds._http import find_error

_TEXT_KINDS: Final = (
    "contains", "contains_all", "contains_any", "icontains", "regex", "starts_with", "ends_with",
    "length", "word_count", "language", "json",
)  # fmt: skip


def find_text(sight: Sight) -> str:
    """The text of a message or of a body that is none; an error of the API has none."""
    reply = sight.whole
    if reply.message is None and find_error(sight) is not None:
        raise CannotJudge("the answer is an error of status {status}", status=reply.status)
    return reply.text


def _read_jsonpath(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    compare = read_at_path(entry, beside, entry)
    return Check(lambda sight: compare(sight.json, sight))


def _read_equals(entry: Entry) -> Look:
    wanted = entry.plain

    def look(sight: Sight) -> Finding:
        if isinstance(wanted, str):
            found = find_text(sight)
            same = normalise(found) == normalise(wanted)
        else:
            found = sight.json
            same = is_equal(found, wanted)
        if same:
            return passes(found, expected=wanted)
        return fails("{actual} is not {expected}", actual=found, expected=wanted)

    return look


def _read_schema(entry: Entry) -> Look:
    judge = read_schema(entry)

    def look(sight: Sight) -> Finding:
        finding = judge(sight.json, sight)
        return replace(finding, path=str(finding.values.get("at", "$")))

    return look


def _compare_text(name: str) -> Kind:
    def read(entry: Entry, beside: Mapping[str, Entry]) -> Check:
        op = read_ops(entry, {name: entry}, TEXT)
        return Check(lambda sight: op(find_text(sight), sight))

    return Kind(read)


BODY_KINDS: Final = {
    "jsonpath": Kind(_read_jsonpath, beside=PATH_FIELDS),
    "schema": looked(_read_schema),
    "equals": looked(_read_equals),
}
TEXT_KINDS: Final = {name: _compare_text(name) for name in _TEXT_KINDS}
