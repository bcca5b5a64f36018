"""Generated files meet what stands there: what people edited stays, the rest follows the document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tanzaku.core.plain_yaml import Entry, read_yaml
from tanzaku.look import Messages
from tanzaku.workbench.cases._case import MadeCase, make_digest
from tanzaku.workbench.cases._files import FlowFile, SuiteFile
from tanzaku.workbench.cases._names import name_case, name_flow
from tanzaku.workbench.cases._texts import make_unique
from tanzaku.workbench.cases._writing import write_item, write_yaml

type ChangeKind = Literal["added", "changed", "removed", "edited"]
_GENERATED: Final = re.compile(r"^# tanzaku generate, digest ([0-9a-f]+)$", re.MULTILINE)
GENERATOR: Final = "generator"


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What happened to a case or a flow: `edited` ones were changed by hand and kept."""

    kind: ChangeKind
    file: str
    case: str = ""


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What a file is to hold, None when it is to go; `unchanged` counts cases."""

    path: Path
    text: str | None
    changes: tuple[CaseChange, ...] = ()
    unchanged: int = 0


@dataclass
class _Stood:
    """A case as it stands in a file: its lines, and whether they are as they were generated."""

    lines: list[str]
    digest: str = ""
    is_edited: bool = True
    name: str = ""


@dataclass
class _StoodSuite:
    head: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, _Stood] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)


def plan_suite(suite: SuiteFile, root: Path, messages: Messages) -> FilePlan:
    """The suite's text, with what a person changed in it. InputFileError for a file that cannot be
    read."""
    path = root / suite.path
    stood = _read_suite(path) if path.is_file() else None
    made = {case_id: _build_fields(case_id, case, suite, messages) for case_id, case in suite.cases}
    changes: list[CaseChange] = []
    if stood is None:
        head = write_yaml({"tanzaku": "suite/v1", "name": suite.title,
                           "defaults": suite.defaults}).splitlines()  # fmt: skip
        lines = [*head, "cases:"]
        for fields in made.values():
            lines += write_item(fields)
        changes = [CaseChange("added", suite.path, case_id) for case_id in made]
        return FilePlan(path, "\n".join(lines) + "\n", tuple(changes))
    unchanged = 0
    lines = _join_head(stood, suite)
    for case_id, one in stood.cases.items():
        fields = made.pop(case_id, {})
        if one.is_edited:
            kind: ChangeKind = "edited"
            lines += one.lines
        elif not fields:
            kind = "removed"
        elif one.digest == fields["origin"]["digest"]:
            unchanged += 1
            lines += one.lines
            continue
        else:
            kind = "changed"
            lines += write_item(fields)
        if kind != "edited" or one.digest:
            changes.append(CaseChange(kind, suite.path, case_id))
    for case_id, fields in made.items():
        lines += write_item(fields)
        changes.append(CaseChange("added", suite.path, case_id))
    return FilePlan(path, "\n".join([*lines, *stood.tail]) + "\n", tuple(changes), unchanged)


def _build_fields(
    case_id: str, case: MadeCase, suite: SuiteFile, messages: Messages
) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": case_id, "name": name_case(case, messages), "kind": case.kind}
    if suite.own_values:
        mark = f"{suite.path} {case_id}"
        fields["vars"] = {k: make_unique(one, mark) for k, one in suite.own_values.items()}
    if case.flow:
        fields["flow"] = case.flow
    if case.patch:
        fields["with"] = dict(case.patch)
    if case.expect:
        fields["expect"] = [dict(one) for one in case.expect]
    origin: dict[str, Any] = {"by": GENERATOR, "rule": case.rule}
    if case.at:
        origin["at"] = case.at
    if not case.is_certain:
        origin["confidence"] = "heuristic"
    fields["origin"] = {**origin, "seed": suite.seed, "digest": make_digest(fields)}
    return fields


def _join_head(stood: _StoodSuite, suite: SuiteFile) -> list[str]:
    """The head as it stands, unless its cases would no longer be sent as they are meant."""
    own = stood.fields.get("defaults") or {}
    wanted = {**own, **suite.defaults}
    if wanted == own:
        return stood.head
    fields = {**stood.fields, "defaults": wanted}
    return [*write_yaml(fields).splitlines(), "cases:"]


def _read_suite(path: Path) -> _StoodSuite:
    top = read_yaml(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    fields = top.as_mapping()
    entries = fields["cases"].as_list() if "cases" in fields else []
    stood = _StoodSuite(fields={k: one.plain for k, one in fields.items() if k != "cases"})
    if not entries:
        stood.head = [*write_yaml(stood.fields).splitlines(), "cases:"]
        return stood
    starts = [_find_start(lines, entry) for entry in entries]
    end = _find_end(lines, starts[-1])
    stood.head, stood.tail = lines[: starts[0]], lines[end:]
    for number, entry in enumerate(entries):
        last = starts[number + 1] if number + 1 < len(starts) else end
        one = _judge_stood(entry)
        one.lines = lines[starts[number] : last]
        stood.cases[str(entry.plain.get("id"))] = one
    return stood


def _find_start(lines: list[str], entry: Entry) -> int:
    """The first line of a case, with the comments right above it."""
    start = entry.place.line - 1
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _find_end(lines: list[str], start: int) -> int:
    """The line behind the last case: the end, or where the file's next key stands."""
    for number in range(start + 1, len(lines)):
        if lines[number] and not lines[number][0].isspace() and lines[number][0] not in "#-":
            return number
    return len(lines)


def _judge_stood(entry: Entry) -> _Stood:
    plain = entry.plain
    origin = plain.get("origin") or {}
    digest = str(origin.get("digest", "")) if origin.get("by") == GENERATOR else ""
    fields = {key: one for key, one in plain.items() if key != "id"}
    return _Stood([], digest, make_digest({"id": plain.get("id"), **fields}) != digest)


def plan_flow(flow: FlowFile, root: Path, messages: Messages) -> FilePlan:
    """The flow's text; one that a person changed stays as it is."""
    path = root / flow.path
    fields = {"tanzaku": "flow/v1", "name": name_flow(flow, messages), **flow.fields}
    digest = make_digest(fields)
    head, _, rest = write_yaml(fields).partition("\n")
    text = f"{head}\n# tanzaku generate, digest {digest}\n{rest}"
    if not path.is_file():
        return FilePlan(path, text, (CaseChange("added", flow.path),))
    stood = path.read_text(encoding="utf-8")
    said = _GENERATED.search(stood)
    if said is None or make_digest(read_yaml(path).plain) != said[1]:
        return FilePlan(path, stood, (CaseChange("edited", flow.path),))
    if said[1] == digest:
        return FilePlan(path, stood, (), 1)
    return FilePlan(path, text, (CaseChange("changed", flow.path),))


def plan_removals(
    root: Path, folder: str, suites: Mapping[str, Any], flows: Mapping[str, Any]
) -> list[FilePlan]:
    """Files that were generated for what the document has no longer; those with edits stay."""
    found: list[FilePlan] = []
    for path in sorted((root / "flows" / folder).glob("*.flow.yaml")):
        name = path.relative_to(root).as_posix()
        said = _GENERATED.search(path.read_text(encoding="utf-8"))
        if name not in flows and said and make_digest(read_yaml(path).plain) == said[1]:
            found.append(FilePlan(path, None, (CaseChange("removed", name),)))
    for path in sorted((root / "suites" / folder).glob("*.suite.yaml")):
        name = path.relative_to(root).as_posix()
        if name in suites:
            continue
        stood = _read_suite(path)
        if stood.cases and not any(one.is_edited for one in stood.cases.values()):
            gone = tuple(CaseChange("removed", name, case_id) for case_id in stood.cases)
            found.append(FilePlan(path, None, gone))
    return found
