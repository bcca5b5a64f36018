"""Findings as cases: the shortest request that showed each, and what must hold instead."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tanzaku.core.plain_yaml import read_yaml
from tanzaku.workbench.cases import RequestSource
from tanzaku.workbench.fuzz._patch import BLOTTED, build_request_patch
from tanzaku.workbench.fuzz._read import Failure
from tanzaku.workbench.project import (
    Auth,
    parse_for_editing,
    prepare_yaml,
    render_edited,
    render_yaml,
    write_text,
)

_4XX: Final = [{"status": "4xx"}]
_EXPECT: Final[Mapping[str, list[Any]]] = {
    "not_a_server_error": [{"status": {"lt": 500}}],
    "negative_data_rejection": _4XX,
    "missing_required_header": _4XX,
    "positive_data_acceptance": [{"status": {"lt": 400}}],
    "unsupported_method": [{"status": 405}],
    "allow_header_conformance": [{"header": "allow", "exists": True}],
    "ignored_auth": [{"status": [401, 403]}],
    "object_level_authorization": [{"status": [401, 403, 404]}],
}
_DOCUMENTED: Final = [{"documented": True}]
_KINDS: Final = {
    "negative_data_rejection": "negative",
    "missing_required_header": "negative",
    "unsupported_method": "negative",
    "positive_data_acceptance": "positive",
    "ignored_auth": "security",
    "object_level_authorization": "security",
}
_TRIED: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: `case` is the id of the case that shows it, None where one request alone does not
    show it again or no file can hold that request. `fields` are the case's."""

    operation: str
    check: str
    title: str
    case: str | None = None
    fields: Mapping[str, Any] | None = None


type Repeat = Callable[[str, Mapping[str, Any]], Awaitable[int | None]]
"""Sends a request file with a patch: the answer's status, None when it cannot be sent."""


async def build_findings(
    failures: Iterable[Failure],
    sources: Mapping[str, RequestSource],
    auth: Auth | None,
    seed: int,
    repeat: Repeat,
) -> list[Finding]:
    """One finding for each operation and check, in order of their names. `sources` are by operation
    (`GET /orders`). A case is made of a request that is answered with the same status again."""
    grouped: dict[tuple[str, str], list[Failure]] = {}
    for one in failures:
        grouped.setdefault((one.operation, one.check), []).append(one)
    return [
        await _build(several, sources.get(operation), auth, seed, repeat)
        for (operation, _), several in sorted(grouped.items())
    ]


async def _build(
    several: Sequence[Failure],
    source: RequestSource | None,
    auth: Auth | None,
    seed: int,
    repeat: Repeat,
) -> Finding:
    first = several[0]
    finding = Finding(first.operation, first.check, first.title)
    if source is None:
        return finding
    alone = sorted((one for one in several if one.is_alone), key=_rank)
    for one in alone[:_TRIED]:
        if one.check == "ignored_auth" and BLOTTED in one.sent.headers.values():
            continue
        patch = build_request_patch(source.fields, one.sent, auth)
        if patch is None or await repeat(source.use, patch) != one.status:
            continue
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{one.operation} {one.check}").strip("-").lower()
        fields = {
            "id": name,
            "name": f"{one.operation}: {one.title}",
            "kind": _KINDS.get(one.check, "boundary"),
            "use": source.use,
            **({"with": patch} if patch else {}),
            "expect": _EXPECT.get(one.check, _DOCUMENTED),
            "origin": {"by": "schemathesis", "check": one.check, "seed": seed},
        }
        return replace(finding, case=name, fields=fields)
    return finding


def _rank(one: Failure) -> tuple[bool, int]:
    """Those with the credential first: without it a mended server may refuse for another reason."""
    return BLOTTED not in one.sent.headers.values(), one.sent.size


def write_findings(path: Path, document: str, findings: Sequence[Finding]) -> None:
    """Put the cases into a suite: those that stand there stay as they are."""
    made = [dict(one.fields) for one in findings if one.fields is not None]
    if not made:
        return
    if not path.exists():
        suite = {"tanzaku": "suite/v1", "name": f"Schemathesis · {document}", "cases": made}
        write_text(path, render_yaml(suite))
        return
    stood = {one.get("id") for one in read_yaml(path).plain.get("cases") or []}
    fresh = [one for one in made if one["id"] not in stood]
    if not fresh:
        return
    edited = parse_for_editing(path.read_text(encoding="utf-8"))
    edited["cases"] = edited.get("cases") or prepare_yaml([fresh.pop(0)])
    edited["cases"].extend(prepare_yaml(fresh))
    write_text(path, render_edited(edited))
