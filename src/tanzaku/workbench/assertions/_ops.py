"""Single comparisons: what each takes and when it holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import CannotJudge, Finding, Sight, fails, passes
from tanzaku.workbench.assertions._numbers import (
    ANY,
    SPANS,
    Span,
    check_span,
    is_equal,
    need_number,
)
from tanzaku.workbench.assertions._regex import compile_regex, matches_always, occurs
from tanzaku.workbench.assertions._schema import read_schema
from tanzaku.workbench.assertions._text import LANGUAGES, fold, guess_language, normalise

type Op = Callable[[Any, Sight], Finding]
"""Compares what came; raises CannotJudge for what cannot be compared so."""

_NUMBER_OPS: Final = ("lt", "lte", "gt", "gte", "between")
_TEXT_OPS: Final = (
    "contains", "contains_all", "contains_any", "icontains", "starts_with", "ends_with", "regex",
    "length", "word_count", "language", "json",
)  # fmt: skip
_SIGNS: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "equals": "="}
_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True, slots=True)
class Domain:
    """What can come where a comparison looks: the comparisons that make sense there, the numbers
    that are possible, and whether there may be nothing."""

    ops: Sequence[str]
    span: Span = ANY
    may_lack: bool = False

    @property
    def known(self) -> list[str]:
        return [*self.ops, *(["exists"] if self.may_lack else []), "not"]


NUMBER: Final = Domain(("equals", "in", *_NUMBER_OPS))
TEXT: Final = Domain(("equals", "in", *_TEXT_OPS))
LIST: Final = Domain(("equals", "contains", "contains_all", "contains_any", "length"))
VALUE: Final = Domain(("equals", "in", "type", *_NUMBER_OPS, *_TEXT_OPS, "schema"), may_lack=True)


def need_some(entry: Entry) -> Entry:
    """The same entry; InputFileError for an empty text, list or mapping."""
    if entry.content in ("", [], {}):
        raise InputFileError("{place}: `{key}` is empty.", place=entry.place, key=entry.key)
    return entry


def need_text(value: Any) -> str:
    if not isinstance(value, str):
        raise CannotJudge("{found} is no text", found=value)
    return normalise(value)


def _read_equals(entry: Entry, domain: Domain) -> Op:
    if domain.ops == NUMBER.ops:
        return _read_span("equals")(entry, domain)
    wanted = _read_part(entry, domain)

    def equals(value: Any, sight: Sight) -> Finding:
        if _is_same(value, wanted):
            return passes(value, expected=wanted)
        return fails("{actual} is not {expected}", actual=value, expected=wanted)

    return equals


def _read_part(entry: Entry, domain: Domain) -> Any:
    """A value to compare with, of the kind that can come."""
    if domain.ops == TEXT.ops:
        return entry.as_text()
    if domain.ops == LIST.ops:
        entry.as_list()
    return entry.plain


def _is_same(value: Any, wanted: Any) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return normalise(value) == normalise(wanted)
    return is_equal(value, wanted)


def _read_in(entry: Entry, domain: Domain) -> Op:
    wanted = [_read_part(one, domain) for one in need_some(entry).as_list()]

    def is_in(value: Any, sight: Sight) -> Finding:
        if any(_is_same(value, one) for one in wanted):
            return passes(value, expected=wanted)
        return fails("{actual} is none of {expected}", actual=value, expected=wanted)

    return is_in


def _read_span(name: str) -> Callable[[Entry, Domain], Op]:
    def read(entry: Entry, domain: Domain) -> Op:
        span, wanted = SPANS[name](entry), entry.plain
        check_span(entry, span, domain.span)

        def compare(value: Any, sight: Sight) -> Finding:
            if need_number(value) in span:
                return passes(value, expected={name: wanted})
            return fails(
                "{actual} is not {op} {wanted}",
                actual=value,
                expected={name: wanted},
                op=_SIGNS.get(name, name),
                wanted=wanted,
            )

        return compare

    return read


def _read_type(entry: Entry, domain: Domain) -> Op:
    # `null` without quotes is what people write.
    wanted = "null" if entry.content is None else entry.as_choice(list(_TYPES))

    def has_type(value: Any, sight: Sight) -> Finding:
        if _TYPES[wanted](value):
            return passes(value, expected=wanted)
        return fails(
            "{actual} is not of type {wanted}", actual=value, expected=wanted, wanted=wanted
        )

    return has_type


def _holds(value: Any, part: Any) -> bool:
    """Whether a text has a part or a list an element."""
    if isinstance(value, list):
        return any(_is_same(one, part) for one in value)
    if not isinstance(value, str):
        raise CannotJudge("{found} is neither text nor a list", found=value)
    return need_text(part) in normalise(value)


def _read_contains(entry: Entry, domain: Domain) -> Op:
    part = _read_element(entry, domain)

    def contains(value: Any, sight: Sight) -> Finding:
        if _holds(value, part):
            return passes(value, expected=part)
        return fails("{actual} does not contain {expected}", actual=value, expected=part)

    return contains


def _read_parts(join: Callable[[Sequence[bool]], bool]) -> Callable[[Entry, Domain], Op]:
    """`contains_all` (join=all) and `contains_any`."""

    def read(entry: Entry, domain: Domain) -> Op:
        parts = [_read_element(one, domain) for one in need_some(entry).as_list()]

        def contains(value: Any, sight: Sight) -> Finding:
            held = [_holds(value, part) for part in parts]
            if join(held):
                return passes(value, expected=parts)
            return fails(
                "{actual} does not contain {missing}",
                actual=value,
                expected=parts,
                missing=[part for part, one in zip(parts, held, strict=True) if not one],
            )

        return contains

    return read


def _read_element(entry: Entry, domain: Domain) -> Any:
    """What a text or a list is to contain; the empty text is in every one."""
    if domain.ops == TEXT.ops:
        entry.as_text()
    return need_some(entry).plain if entry.kind == "text" else entry.plain


def _read_text(
    holds: Callable[[str, str], bool], miss: Callable[[str, str], Finding]
) -> Callable[[Entry, Domain], Op]:
    def read(entry: Entry, domain: Domain) -> Op:
        wanted = need_some(entry).as_text()

        def compare(value: Any, sight: Sight) -> Finding:
            text = need_text(value)
            return passes(text, expected=wanted) if holds(text, wanted) else miss(text, wanted)

        return compare

    return read


def _read_regex(entry: Entry, domain: Domain) -> Op:
    pattern = normalise(entry.as_text())
    try:
        compile_regex(pattern)
    except ValueError as error:
        raise InputFileError(
            "{place}: `{key}` is no regular expression that can be run: {reason}.",
            hint="Look-around and back-references are not read.",
            place=entry.place,
            key=entry.key,
            reason=str(error),
        ) from None
    if matches_always(pattern):
        raise InputFileError(
            "{place}: `{key}` can never fail: it matches every text.",
            place=entry.place,
            key=entry.key,
        )
    read = _read_text(
        lambda value, wanted: occurs(pattern, value),
        lambda value, wanted: fails(
            "{actual} does not match {expected}", actual=value, expected=wanted
        ),
    )
    return read(entry, domain)


def _read_language(entry: Entry, domain: Domain) -> Op:
    wanted = entry.as_choice(LANGUAGES)

    def is_in_language(value: Any, sight: Sight) -> Finding:
        language = guess_language(need_text(value))
        if language is None:
            raise CannotJudge("the text is too short or too mixed to tell its language")
        if language == wanted:
            return passes(language, expected=wanted)
        return fails(
            "the language looks like {actual}, not {expected} (a heuristic)",
            actual=language,
            expected=wanted,
        )

    return is_in_language


SINGLE_OPS: Final[Mapping[str, Callable[[Entry, Domain], Op]]] = {
    "equals": _read_equals,
    "in": _read_in,
    "type": _read_type,
    **{name: _read_span(name) for name in _NUMBER_OPS},
    "contains": _read_contains,
    "contains_all": _read_parts(all),
    "contains_any": _read_parts(any),
    "icontains": _read_text(
        lambda value, wanted: fold(wanted) in fold(value),
        lambda value, wanted: fails(
            "{actual} does not contain {expected} in any case", actual=value, expected=wanted
        ),
    ),
    "starts_with": _read_text(
        lambda value, wanted: value.startswith(normalise(wanted)),
        lambda value, wanted: fails(
            "{actual} does not start with {expected}", actual=value, expected=wanted
        ),
    ),
    "ends_with": _read_text(
        lambda value, wanted: value.endswith(normalise(wanted)),
        lambda value, wanted: fails(
            "{actual} does not end with {expected}", actual=value, expected=wanted
        ),
    ),
    "regex": _read_regex,
    "language": _read_language,
    "schema": lambda entry, domain: read_schema(entry),
}
