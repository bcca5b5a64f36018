"""A scenario file, read to rules that are ready to run."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tanzaku.core import InputFileError, canonical_json
from tanzaku.core.plain_yaml import Entry, parse_yaml, read_yaml
from tanzaku.simulator.scenario import _keys
from tanzaku.simulator.scenario._conditions import Condition, When, read_when
from tanzaku.simulator.scenario._replies import Reply, read_reply
from tanzaku.simulator.scenario._templates import Fill, read_value

MAX_RULES = 10_000
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `id` is `file-stem/id`, or `file-stem/number` (from 1) for one without an id;
    `text` is what the file says of it, so that a reload knows the rules that stayed the same."""

    id: str
    conditions: tuple[Condition, ...]
    when: When
    reply: Reply
    set_state: dict[str, Fill]
    text: bytes


@dataclass(frozen=True, slots=True)
class Scenario:
    """The rules of one file, in order."""

    name: str
    rules: tuple[Rule, ...]


def load_scenario(path: Path | str) -> Scenario:
    """Read a scenario file; raises InputFileError with file, line and column."""
    path = Path(path)
    return _read_scenario(read_yaml(path), path.stem)


def parse_scenario(text: str, name: str) -> Scenario:
    """The same of a text; `name` stands for the file in rule ids and messages."""
    return _read_scenario(parse_yaml(text, name), name)


def _read_scenario(entry: Entry, name: str) -> Scenario:
    # Rule ids travel in a header.
    stem = quote(name, safe="")
    entries = entry.as_fields(_keys.FILE, needed=_keys.FILE)["rules"].as_list()
    if len(entries) > MAX_RULES:
        raise InputFileError(
            "{place}: more than {most} rules.", place=entries[MAX_RULES].place, most=MAX_RULES
        )
    rules: dict[str, Rule] = {}
    for number, item in enumerate(entries, 1):
        rule = _read_rule(item, stem, number)
        if rule.id in rules:
            raise InputFileError(
                "{place}: another rule is called `{id}` already.",
                place=item.place,
                id=rule.id.rpartition("/")[2],
            )
        rules[rule.id] = rule
    return Scenario(name, tuple(rules.values()))


def _read_rule(entry: Entry, stem: str, number: int) -> Rule:
    fields = entry.as_fields(_keys.RULE, needed=("reply",))
    rule_id = str(number)
    if "id" in fields:
        rule_id = fields["id"].as_text()
        if not _ID.fullmatch(rule_id):
            raise InputFileError(
                "{place}: `{key}` must be 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `-`; found {found}.",
                place=fields["id"].place,
                key=fields["id"].key,
                found=fields["id"].found,
            )
    when = read_when(fields["when"]) if "when" in fields else When()
    states = fields["set_state"].as_mapping() if "set_state" in fields else {}
    return Rule(
        id=f"{stem}/{rule_id}",
        conditions=tuple(when.conditions),
        when=when,
        reply=read_reply(fields["reply"], when),
        set_state={key: read_value(value, when) for key, value in states.items()},
        text=canonical_json(entry.plain),
    )
