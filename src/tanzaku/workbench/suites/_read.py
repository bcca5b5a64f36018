"""Reads a suite's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.flows import load_rows, read_budget
from tanzaku.workbench.project import find_file, read_document
from tanzaku.workbench.suites._suite import KINDS, Case, Suite

SUFFIX: Final = ".suite.yaml"
MAX_CASES: Final = 20_000
MAX_RUNS: Final = 1000
MAX_TIMEOUT_S: Final = 86_400.0

_FIELDS: Final = ("name", "tags", "environment", "budget", "defaults", "data", "cases")
_DEFAULTS: Final = ("before", "use", "scenario", "mocks", "vars", "with", "expect", "timeout_s")
_CASE: Final = (
    "id", "name", "kind", "tags", "vars", "before", "use", "flow", "with", "expect", "capture", "runs",
    "pass_rate", "budget", "timeout_s", "skip", "origin",
)  # fmt: skip
_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class _Defaults:
    tags: tuple[str, ...] = ()
    before: Path | None = None
    use: Path | None = None
    variables: Mapping[str, Entry] = field(default_factory=dict)
    patches: tuple[Entry, ...] = ()
    expect: tuple[Entry, ...] = ()
    timeout_s: float | None = None


def find_suites(root: Path, places: list[Path]) -> list[Path]:
    """The suite files that `places` (files, or folders looked through) name, each once, in the
    order given and inside a folder by name; without places those below the project's `suites/`.
    """
    found: dict[Path, None] = {}
    for place in places or [root / "suites"]:
        if place.is_dir():
            found |= dict.fromkeys(sorted(place.rglob(f"*{SUFFIX}")))
        elif place.name.endswith(SUFFIX) and place.is_file():
            found[place] = None
        else:
            raise InputFileError(
                "{file}: is no suite.",
                hint="Name a file that ends with {suffix}, or a folder with such files.",
                file=place,
                suffix=SUFFIX,
            )
    return list(found)


def name_suite(path: Path, root: Path) -> str:
    """A suite's id: its path below `suites/` (else below `root`) without `.suite.yaml`."""
    whole, below = path.resolve(), root.resolve()
    for folder in (below / "suites", below):
        if whole.is_relative_to(folder):
            whole = whole.relative_to(folder)
            break
    return whole.as_posix().removesuffix(SUFFIX)


def load_suite(path: Path, root: Path) -> Suite:
    """The suite in `path`, its cases by the rows of its data; `root` is the project's folder, which
    other files are named from. InputFileError with the place of what is wrong."""
    fields = read_document(path, "suite", _FIELDS, ("cases",)).as_mapping()
    suite_id = name_suite(path, root)
    tags = _read_tags(fields.get("tags"))
    entry = fields.get("defaults")
    below = entry.as_fields(_DEFAULTS) if entry else {}
    defaults = _Defaults(
        tags=tags,
        before=_find_file(below.get("before"), root),
        use=_find_file(below.get("use"), root),
        variables=below["vars"].as_mapping() if "vars" in below else {},
        patches=(below["with"],) if "with" in below else (),
        expect=tuple(below["expect"].as_list()) if "expect" in below else (),
        timeout_s=_read_timeout(below.get("timeout_s")),
    )
    data = _find_file(fields.get("data"), root)
    rows = load_rows(data) if data else None
    entries = fields["cases"].as_list()
    if len(entries) * (1 if rows is None else len(rows)) > MAX_CASES:
        raise InputFileError(
            "{place}: more than {most} cases.",
            hint="Split the suite or its data.",
            place=fields["cases"].place,
            most=MAX_CASES,
        )
    _refuse_twins(entries)
    return Suite(
        suite_id=suite_id,
        path=path,
        name=fields["name"].as_text() if "name" in fields else suite_id,
        tags=tags,
        environment=fields["environment"].as_text() if "environment" in fields else None,
        budget=read_budget(fields.get("budget")),
        scenario=_find_file(below.get("scenario"), root),
        mocks=tuple(
            find_file(one, root) for one in (below["mocks"].as_list() if "mocks" in below else ())
        ),
        cases=tuple(
            case for entry in entries for case in _read_case(entry, suite_id, defaults, rows, root)
        ),
    )


def _read_case(
    entry: Entry,
    suite_id: str,
    defaults: _Defaults,
    rows: list[dict[str, Any]] | None,
    root: Path,
) -> list[Case]:
    fields = entry.as_fields(_CASE, ("id",))
    case_id = _read_slug(fields["id"])
    use, flow = _find_file(fields.get("use"), root), _find_file(fields.get("flow"), root)
    if use and flow:
        raise InputFileError(
            "{place}: a case has `use` or `flow`, not both.", place=fields["flow"].name_place
        )
    if flow is None and (use := use or defaults.use) is None:
        raise InputFileError(
            "{place}: the case `{case}` names nothing to send.",
            hint="Give it `use: requests/x.yaml` or `flow: flows/y.flow.yaml`, or a `use` in `defaults`.",
            place=entry.place,
            case=case_id,
        )
    if flow and "with" in fields:
        raise InputFileError(
            "{place}: `with` changes one request; a flow has several.",
            hint="Write it at the flow's steps, or pass `vars`.",
            place=fields["with"].name_place,
        )
    if flow and "before" in fields:
        raise InputFileError(
            "{place}: `before` is for a case with `use`; a flow has steps of its own.",
            place=fields["before"].name_place,
        )
    before = _find_file(fields.get("before"), root) or defaults.before
    own = fields["vars"].as_mapping() if "vars" in fields else {}
    numbered: list[tuple[int | None, Mapping[str, Any]]] = (
        [(None, {})] if rows is None else list(enumerate(rows, start=1))
    )
    expect = fields["expect"].as_list() if "expect" in fields else []
    patches = (*defaults.patches, fields["with"]) if "with" in fields else defaults.patches
    origin = fields.get("origin")
    return [
        Case(
            suite=suite_id,
            case_id=case_id,
            row=row,
            name=fields["name"].as_text() if "name" in fields else case_id,
            kind=fields["kind"].as_choice(KINDS) if "kind" in fields else "manual",
            tags=tuple(dict.fromkeys((*defaults.tags, *_read_tags(fields.get("tags"))))),
            variables={**defaults.variables, **own},
            values=values,
            use=None if flow else use,
            before=None if flow else before,
            flow=flow,
            patches=() if flow else patches,
            expect=(*defaults.expect, *expect),
            capture=fields.get("capture"),
            runs=fields["runs"].as_integer(1, MAX_RUNS) if "runs" in fields else 1,
            pass_rate=_read_pass_rate(fields.get("pass_rate")),
            budget=read_budget(fields.get("budget")),
            timeout_s=_read_timeout(fields.get("timeout_s")) or defaults.timeout_s,
            skip=fields["skip"].as_text() if "skip" in fields else "",
            origin=None if origin is None else _read_origin(origin),
            place=entry.place,
        )
        for row, values in numbered
    ]


def _refuse_twins(entries: list[Entry]) -> None:
    seen: dict[str, int] = {}
    for entry in entries:
        one = entry.as_mapping().get("id")
        if one is None or not isinstance(one.content, str):
            continue
        if one.content in seen:
            raise InputFileError(
                "{place}: the id `{name}` stands here a second time; first in line {line}.",
                place=one.place,
                name=one.content,
                line=seen[one.content],
            )
        seen[one.content] = one.place.line


def _read_slug(entry: Entry) -> str:
    text = entry.as_text()
    if _SLUG.fullmatch(text) is None:
        raise InputFileError(
            "{place}: `{key}` must be letters, digits, `.`, `_`, `-`, and begin with a letter or "
            "digit; found {found}.",
            hint="What people read stands in `name`.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )
    return text


def _read_tags(entry: Entry | None) -> tuple[str, ...]:
    return () if entry is None else tuple(_read_slug(one) for one in entry.as_list())


def _read_origin(entry: Entry) -> dict[str, Any]:
    return {name: one.plain for name, one in entry.as_mapping().items()}


def _read_timeout(entry: Entry | None) -> float | None:
    return None if entry is None else entry.as_number(0.001, MAX_TIMEOUT_S)


def _read_pass_rate(entry: Entry | None) -> float:
    if entry is None:
        return 1.0
    return entry.as_fields(("gte",), ("gte",))["gte"].as_number(0, 1)


def _find_file(entry: Entry | None, root: Path) -> Path | None:
    return None if entry is None else find_file(entry, root)
