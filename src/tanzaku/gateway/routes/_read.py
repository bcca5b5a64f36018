"""The section `routes` of a configuration."""

import difflib
from collections.abc import Collection
from typing import Final, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway._stages import EVERY_TROUBLE, Trouble
from tanzaku.gateway.routes._rules import Rule, Way, When

_WHEN: Final = ("model", "path", "key", "team", "tag", "headers")
_TROUBLES: Final = ("429", "529", "5xx", "timeout", "connect")
_HEAVIEST: Final = 1000


def read_routes(entry: Entry, upstreams: Collection[str]) -> tuple[Rule, ...]:
    """The rules in order. Raises InputFileError, also for an upstream that the file does not have
    and for a rule that no call can reach."""
    rules: list[Rule] = []
    for place, one in enumerate(entry.as_list(), 1):
        rule = _read_rule(one, f"route {place}", upstreams)
        if any(rule.name == before.name for before in rules):
            raise InputFileError(
                "{place}: there are two routes `{name}`.", place=one.place, name=rule.name
            )
        if rules and rules[-1].when == When():
            raise InputFileError(
                "{place}: no call reaches `{name}`: the route `{before}` takes every one.",
                hint="Put the route without `when` last.",
                place=one.place,
                name=rule.name,
                before=rules[-1].name,
            )
        rules.append(rule)
    if not rules:
        raise InputFileError("{place}: `{key}` is empty.", place=entry.place, key=entry.key)
    return tuple(rules)


def _read_rule(entry: Entry, name: str, upstreams: Collection[str]) -> Rule:
    fields = entry.as_fields(("name", "when", "to", "fall_back", "on"), ("to",))
    to = _read_ways(fields["to"], upstreams, ("upstream", "weight", "model"))
    if not to:
        raise InputFileError(
            "{place}: `{key}` names no upstream.", place=fields["to"].place, key=fields["to"].key
        )
    fall_back: tuple[Way, ...] = ()
    if "fall_back" in fields:
        fall_back = _read_ways(fields["fall_back"], upstreams, ("upstream", "model"))
    return Rule(
        name=fields["name"].as_text() if "name" in fields else name,
        to=to,
        when=read_when(fields["when"]) if "when" in fields else When(),
        fall_back=fall_back,
        on=_read_on(fields["on"]) if "on" in fields else EVERY_TROUBLE,
    )


def _read_on(entry: Entry) -> frozenset[Trouble]:
    """Statuses may stand there as numbers or as texts."""
    troubles = {str(one.content): one for one in entry.as_list()}
    for name, one in troubles.items():
        if name not in EVERY_TROUBLE:
            one.as_choice(_TROUBLES)
    return frozenset(cast("Trouble", name) for name in troubles)


def _read_ways(entry: Entry, upstreams: Collection[str], known: Collection[str]) -> tuple[Way, ...]:
    """A name alone, or a list of names and of mappings with the keys `known`."""
    entries = entry.as_list() if entry.kind == "list" else [entry]
    return tuple(_read_way(one, upstreams, known) for one in entries)


def _read_way(entry: Entry, upstreams: Collection[str], known: Collection[str]) -> Way:
    if entry.kind == "text":
        return Way(_read_name(entry, upstreams))
    fields = entry.as_fields(known, ("upstream",))
    return Way(
        _read_name(fields["upstream"], upstreams),
        fields["weight"].as_number(0.001, _HEAVIEST) if "weight" in fields else 1.0,
        fields["model"].as_text() if "model" in fields else None,
    )


def _read_name(entry: Entry, upstreams: Collection[str]) -> str:
    name = entry.as_text()
    if name not in upstreams:
        near = "".join(difflib.get_close_matches(name, upstreams, n=1))
        raise InputFileError(
            "{place}: there is no upstream `{name}`.",
            hint="Did you mean `{near}`?" if near else "Known are {known}.",
            place=entry.place,
            name=name,
            near=near,
            known=", ".join(upstreams),
        )
    return name


def read_when(entry: Entry) -> When:
    """Conditions on a call. Raises InputFileError."""
    fields = entry.as_fields(_WHEN)
    headers: tuple[tuple[bytes, str], ...] = ()
    if "headers" in fields:
        headers = tuple(
            (name.lower().encode(), value.as_text())
            for name, value in fields["headers"].as_mapping().items()
        )
    plain = {name: value.as_text() for name, value in fields.items() if name != "headers"}
    return When(**plain, headers=headers)
