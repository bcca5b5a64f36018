"""Reads an `expect` list."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from json import dumps
from typing import Any, Final, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Check,
    Finding,
    Sight,
    find,
    list_questions,
    to_plain,
)
from tanzaku.workbench.assertions._kind import Kind
from tanzaku.workbench.assertions._logic import join_all, join_any, negate
from tanzaku.workbench.assertions._ops import need_some
from tanzaku.workbench.assertions._outcome import Assertion, Outcome, Severity, Subject
from tanzaku.workbench.assertions._sets import SETS, Named, join_set
from tanzaku.workbench.assertions.kinds import find_kind, list_kinds

MODIFIERS: Final = ("not", "on", "severity")
_SEVERITIES: Final = ("error", "warn")
_REACHES: Final = ("each", "final", "any")
_MIN_SECRET: Final = 4


def read_assertions(entry: Entry, *, first: int = 0) -> list[Assertion]:
    """The assertions of an `expect` list, in order, numbered from `first`.

    InputFileError, with file:line:column, for an unknown kind, comparison or key, a value of the
    wrong kind, and a comparison that can never fail or never hold. Values may hold `{{places}}`:
    what only a variable can get wrong is an outcome `error` when it is checked.
    """
    return [_read_top(number, one) for number, one in enumerate(entry.as_list(), first)]


def _read_top(number: int, entry: Entry) -> Assertion:
    fields = dict(need_some(entry).as_mapping())
    severity: Severity = "error"
    if "severity" in fields:
        severity = cast(Severity, fields.pop("severity").as_choice(_SEVERITIES))
    name, check = _read_check(entry, fields)

    def judge(subject: Subject) -> Outcome:
        finding = find(check, _see(subject, number))
        hide = _Mask(subject.scope.secrets.values())
        return Outcome(
            assertion=name,
            verdict=finding.verdict,
            expected=hide(finding.expected),
            actual=hide(finding.actual),
            path=finding.path,
            template=finding.template,
            values=hide({name: to_plain(one) for name, one in finding.values.items()}),
            severity=severity,
            place=entry.place,
        )

    def ask(subject: Subject) -> Sequence[HttpRequest]:
        return list_questions(check, _see(subject, number))

    return Assertion(
        name, number, entry.place, judge, ask if check.ask else None, severity, check.needs
    )


def _see(subject: Subject, number: int) -> Sight:
    return Sight(subject, subject.replies, subject.answers.get(number, ()))


def _read_check(entry: Entry, fields: dict[str, Entry]) -> Named:
    """An item without its severity: a set, `not` alone, or a kind with what stands beside it."""
    if list(fields) == ["not"]:
        name, check = _read_inner(fields["not"])
        return f"not {name}", _turn(check)
    turn = _keep
    if "not" in fields and fields["not"].kind == "boolean":
        turn = _turn if fields.pop("not").as_bool() else _keep
    chosen = [name for name in SETS if name in fields]
    if chosen:
        name, check = _read_set(replace(entry, content=fields), chosen[0])
        check = turn(check)
    else:
        name, check = _read_kind(entry, fields, turn)
    return ("" if turn is _keep else "not ") + name, check


def _read_inner(entry: Entry) -> Named:
    """An item within a set or `not`."""
    fields = dict(need_some(entry).as_mapping())
    if "severity" in fields:
        raise InputFileError(
            "{place}: `severity` stands at the outermost assertion only.",
            place=fields["severity"].name_place,
        )
    return _read_check(entry, fields)


def _read_set(entry: Entry, name: str) -> Named:
    known = [name, "of"] if name == "at_least" else [name]
    fields = entry.as_fields(known, known)
    parts = need_some(fields[known[-1]]).as_list()
    least = fields[name].as_integer(1, len(parts)) if name == "at_least" else 0
    return name, join_set([_read_inner(part) for part in parts], SETS[name](least))


def _read_kind(entry: Entry, fields: Mapping[str, Entry], turn: Callable[[Check], Check]) -> Named:
    """`turn` is done to what is found of each reply, before `on` joins them."""
    name, kind = _pick_kind(entry, fields)
    beside = {key: one for key, one in fields.items() if key in kind.beside}
    check = turn(kind.read(fields[name], beside))
    if "on" not in fields:
        return name, _reach_final(check) if kind.reach == "reply" else check
    if kind.reach == "case":
        raise InputFileError(
            "{place}: `{name}` is about the whole case and takes no `on`.",
            place=fields["on"].name_place,
            name=name,
        )
    on = fields["on"].as_choice(_REACHES)
    if on == "final":
        return name, _reach_final(check)
    if check.ask:
        raise InputFileError(
            "{place}: `{name}` is asked of the final reply only.",
            place=fields["on"].name_place,
            name=name,
        )
    return name, _reach(check, join_all if on == "each" else join_any)


def _pick_kind(entry: Entry, fields: Mapping[str, Entry]) -> tuple[str, Kind]:
    """The kind that all the other keys may stand beside; InputFileError names what is wrong."""
    found = {name: kind for name in fields if (kind := find_kind(name))}
    for name, kind in found.items():
        if all(key in (name, "on") or key in kind.beside for key in fields):
            return name, kind
    if not found:
        name = next(iter(fields))
        near = "".join(difflib.get_close_matches(name, [*list_kinds(), *SETS], n=1))
        raise InputFileError(
            "{place}: there is no assertion `{name}`.",
            hint="Did you mean `{near}`?" if near else "docs/assertions.md lists them.",
            place=fields[name].name_place,
            name=name,
            near=near,
        )
    name, kind = max(found.items(), key=lambda one: len(one[1].beside))
    other = next(key for key in found if key != name) if len(found) > 1 else ""
    if other and not kind.beside:
        raise InputFileError(
            "{place}: `{name}` is a second assertion in one item.",
            hint="Give each assertion its own `-`.",
            place=fields[other].name_place,
            name=other,
        )
    entry.as_fields([name, *kind.beside, *MODIFIERS])
    raise InputFileError(
        "{place}: `not` beside `{name}` must be true.",
        hint="Write `not: true` here, or the comparisons that must not hold inside `{name}`.",
        place=fields["not"].place,
        name=name,
    )


def _keep(check: Check) -> Check:
    return check


def _turn(check: Check) -> Check:
    return Check(lambda sight: negate(check.look(sight)), check.ask, check.needs)


def _reach_final(check: Check) -> Check:
    ask = check.ask
    return Check(
        lambda sight: check.look(_see_final(sight)),
        (lambda sight: ask(_see_final(sight))) if ask else None,
        check.needs,
    )


def _see_final(sight: Sight) -> Sight:
    return sight.only(sight.replies[-1]) if sight.replies else sight


def _reach(check: Check, join: Callable[[Sequence[Finding]], Finding]) -> Check:
    def look(sight: Sight) -> Finding:
        if not sight.replies:
            raise CannotJudge("no request was sent")
        return join([find(check, sight.only(reply)) for reply in sight.replies])

    return Check(look)


class _Mask:
    """Hides secrets in plain values, as they are and as a value quoted in a message has them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        long = [one for one in secrets if len(one) >= _MIN_SECRET]
        quoted = [
            dumps(one, ensure_ascii=is_ascii)[1:-1] for one in long for is_ascii in (True, False)
        ]
        self._secrets = sorted({*long, *quoted}, key=lambda one: (-len(one), one))

    def __call__[T](self, value: T) -> T:
        return cast(T, self._hide(value)) if self._secrets else value

    def _hide(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._hide(key): self._hide(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._hide(one) for one in value]
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "…")
        return value
