"""Cases of JSON bodies, right and wrong."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from tanzaku.workbench.cases._case import MadeCase, write_canonical
from tanzaku.workbench.cases._judge import Judge
from tanzaku.workbench.cases._oracles import INVALID
from tanzaku.workbench.cases._patches import build_patch, fits_yaml, write_value
from tanzaku.workbench.cases._target import Target
from tanzaku.workbench.cases._values import EndlessError
from tanzaku.workbench.cases._variants import Variant, Varier

MOST_JUDGED: Final = 2000
MOST_MADE: Final = 8000
_BASIC = frozenset({"object.minimal", "object.full"})


def list_body_cases(target: Target, judge: Judge, base: Any) -> list[MadeCase]:
    """Every variant of the body that its schema judges as it was meant."""
    content = target.json_content
    if content is None or content.schema is None or base is None:
        return []
    found = [_make(target, "base", base, base)]
    seen = {write_canonical(base)}
    varier = Varier(target.shapes, target.builder)
    for variant in _thin(varier.vary(content.schema, "", "", base)):
        if not _is_as_meant(variant, judge):
            continue
        key = write_canonical(variant.value)
        if key not in seen:
            seen.add(key)
            case = _make_case(target, variant, base)
            if case is not None:
                found.append(case)
    return [*found, *_list_defaults(target, judge, base)]


def _thin(variants: Iterator[Variant]) -> Iterator[Variant]:
    """All of a few; of very many the first of each goal, until there are MOST_JUDGED: judging a
    body by a schema of hundreds of branches takes half a millisecond."""
    seen: set[tuple[str, str, bool | None]] = set()
    for number, one in enumerate(variants):
        goal = (one.at, one.keyword, one.is_valid)
        if number < MOST_JUDGED or (goal not in seen and len(seen) < MOST_JUDGED):
            seen.add(goal)
            yield one
        if number >= MOST_MADE:
            return


def pick_base(target: Target, judge: Judge) -> Any:
    """The right body that others are made of: the file's when it is right, else one that is built;
    None when none could be."""
    content = target.json_content
    if content is None or content.schema is None:
        return None
    schema = content.schema
    bodies = [target.base_body, *content.examples]
    for is_full in (False, True):
        with suppress(EndlessError):
            bodies.append(target.builder.build(schema, is_full=is_full))
    for body in bodies:
        if judge.accepts(body) and target.judge_body(body) is None and body is not None:
            return body
    return None


def _is_as_meant(variant: Variant, judge: Judge) -> bool:
    """Right ones fit the schema; wrong ones break it in one place, and not by the way."""
    if variant.is_valid is not False:
        return judge.accepts(variant.value)
    if not judge.refuses(variant.value):
        return False
    ways = {way for _, way in judge.list_faults(variant.value)}
    return len(ways) == 1 and _is_on_way(next(iter(ways)), variant.at)


def _is_on_way(fault: str, at: str) -> bool:
    """A fault in a union is told of at the union; what is missing, at what lacks it."""
    return at.startswith(fault)


def _make(target: Target, rule: str, body: Any, base: Any) -> MadeCase:
    return MadeCase(
        rule=rule,
        at="",
        kind="positive",
        patch=write_body(target, body),
        expect=target.accept(body),
        goal=("", "type", "", True),
        weight=0,
    )


def _make_case(target: Target, variant: Variant, base: Any) -> MadeCase | None:
    known = target.judge_body(variant.value)
    if variant.is_valid is not False and known is not None:
        return None
    is_basic = variant.rule in _BASIC and variant.at == ""
    if variant.is_valid:
        ways = None if is_basic else [variant.at]
        kind = "positive" if variant.rule.partition(".")[2] in _PLAIN else "boundary"
        expect = target.accept(variant.value, ways=ways)
    elif variant.is_valid is None:
        kind, expect = "boundary", target.oracles.hold(variant.value, variant.at)
    else:
        kind, expect = "negative", target.oracles.refuse(*INVALID)
        if target.is_claude and known is None and target.knows_bodies:
            # The API itself is more lenient than its document.
            expect = target.oracles.tolerate()
    return MadeCase(
        rule=variant.rule,
        at=variant.at or "/",
        kind=kind,  # type: ignore[arg-type]
        patch=write_body(target, variant.value),
        expect=expect,
        goal=(*variant.goal, variant.is_valid),
        branch=variant.branch,
        weight=1 if is_basic else 5,
    )


_PLAIN = frozenset({"minimal", "full", "optional", "value", "true", "false", "sent", ""})


def write_body(target: Target, body: Any) -> dict[str, Any]:
    """The patch over the request's file that sends this body."""
    if not fits_yaml(body):
        return {"raw": str(write_value(json.dumps(body, ensure_ascii=False)))}
    if "body" not in target.fields:
        return {"body": write_value(body)}
    patch = build_patch(target.base_body, body)
    return {} if patch == {} and isinstance(body, dict) else {"body": patch}


def _list_defaults(target: Target, judge: Judge, base: Any) -> Iterator[MadeCase]:
    """What is left out is answered with its default."""
    content = target.json_content
    assert content is not None
    assert content.schema is not None
    properties = target.shapes.flatten(content.schema).get("properties", {})
    if target.operation.method == "PATCH" or not isinstance(base, dict):
        return
    for name, one in properties.items():
        default = target.shapes.flatten(one).get("default")
        body = {key: value for key, value in base.items() if key != name}
        if default is None or not judge.accepts(body) or not target.has_things:
            continue
        case = _make(target, "default.unsent", body, base)
        expect = target.oracles.accept_default(name, default)
        if len(expect) > 2:
            yield replace(case, at=f"/{name}", expect=expect, weight=3,
                          goal=(f"/{name}", "default", "", True))  # fmt: skip
