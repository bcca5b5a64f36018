"""Reads a flow's file."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, cast, get_args

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions import Assertion, read_assertions
from tanzaku.workbench.flows._capture import read_captures
from tanzaku.workbench.flows._checks import read_checks
from tanzaku.workbench.flows._data import load_rows
from tanzaku.workbench.flows._flow import (
    DELAY_S,
    MAX_TURNS,
    TOOL_TIMEOUT_S,
    Flow,
    OnError,
    Retry,
    Step,
    ToolLoop,
)
from tanzaku.workbench.flows._meter import read_budget
from tanzaku.workbench.flows._order import NamedStep, order_steps
from tanzaku.workbench.project import (
    Condition,
    Project,
    RequestFile,
    Template,
    find_file,
    load_request,
    read_document,
)

SUFFIX: Final = ".flow.yaml"
MAX_STEPS: Final = 500
MAX_PARALLEL: Final = 1000
MAX_RETRIES: Final = 20
MOST_TURNS: Final = 100
MAX_DELAY_S: Final = 60.0
MAX_SECONDS: Final = 86_400.0
MAX_DEPTH: Final = 8
MAX_VARIANTS: Final = 100_000

FLOW_KEYS: Final = ("name", "vars", "data", "matrix", "budget", "steps", "expect")
_OF_REQUEST: Final = ("with", "capture", "expect", "retry", "tools", "timeout_s")
_OF_ITEMS: Final = ("as", "parallel")
STEP_KEYS: Final = (
    "id", "name", "use", "flow", "steps", "vars", "needs", "when", "foreach", *_OF_ITEMS,
    "wait_s", "on_error", *_OF_REQUEST,
)  # fmt: skip
_RESERVED: Final = frozenset(
    {"state", "results", "count", "ok_count", "failed_count", "item", "index", "secret",
     "true", "false", "null", "not", "and", "or", "in"}
)  # fmt: skip
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_TROUBLES: Final = ("timeout", "broken", "4xx", "5xx")
_DEFAULT_ON: Final = frozenset({"429", "5xx", "timeout", "broken"})


def load_flow(path: Path, project: Project) -> Flow:
    """The flow in `path`, with the requests, flows and data it names; their paths are ways below
    the project's folder. InputFileError with the place of what is wrong."""
    return _Loader(project.root).load(path.resolve(), ())


def name_flow(path: Path, root: Path) -> str:
    """A flow's id: its path below `flows/` (else below `root`) without `.flow.yaml`."""
    whole, below = path.resolve(), root.resolve()
    for folder in (below / "flows", below):
        if whole.is_relative_to(folder):
            whole = whole.relative_to(folder)
            break
    return whole.as_posix().removesuffix(SUFFIX)


class _Loader:
    """Loads a flow and all that it names, each file once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._requests: dict[Path, RequestFile] = {}

    def load(self, path: Path, above: tuple[Path, ...]) -> Flow:
        """`above` are the flows that this one is a step of."""
        fields = read_document(path, "flow", FLOW_KEYS, ("steps",)).as_mapping()
        expect = fields["expect"].as_list() if "expect" in fields else []
        variables = fields["vars"].as_mapping() if "vars" in fields else {}
        steps = self._read_steps(fields["steps"], (*above, path))
        checks, others = read_checks(expect, steps)
        flow = Flow(
            flow_id=name_flow(path, self._root),
            name=fields["name"].as_text() if "name" in fields else name_flow(path, self._root),
            root=self._root,
            steps=steps,
            variables={name: Template(one) for name, one in variables.items()},
            rows=self._read_rows(fields.get("data")),
            matrix=_read_matrix(fields.get("matrix")),
            budget=read_budget(fields.get("budget")),
            expect=_read_expect(replace(fields["expect"], content=others) if others else None),
            checks=checks,
        )
        _check_variants(flow, fields)
        return flow

    def _read_rows(self, entry: Entry | None) -> tuple[Mapping[str, object], ...]:
        return () if entry is None else tuple(load_rows(find_file(entry, self._root)))

    def _read_steps(self, entry: Entry, above: tuple[Path, ...]) -> tuple[Step, ...]:
        entries = entry.as_list()
        if not 1 <= len(entries) <= MAX_STEPS:
            raise InputFileError(
                "{place}: `{key}` must have from 1 to {most} steps; found {count}.",
                place=entry.place,
                key=entry.key,
                most=MAX_STEPS,
                count=len(entries),
            )
        named: list[NamedStep] = []
        lines: dict[str, int] = {}
        for one in entries:
            step = self._read_step(one, above)
            if step.step.step_id in lines:
                raise InputFileError(
                    "{place}: the id `{name}` stands here a second time; first in line {line}.",
                    place=step.step.place,
                    name=step.step.step_id,
                    line=lines[step.step.step_id],
                )
            lines[step.step.step_id] = step.step.place.line
            named.append(step)
        return order_steps(named)

    def _read_step(self, entry: Entry, above: tuple[Path, ...]) -> NamedStep:
        fields = entry.as_fields(STEP_KEYS, ("id",))
        _check_keys(entry, fields)
        request = self._read_request(fields) if "use" in fields else None
        step = Step(
            step_id=_read_id(fields["id"]),
            name=fields["name"].as_text() if "name" in fields else fields["id"].plain,
            place=fields["id"].place,
            when=_read_when(fields.get("when")),
            foreach=Template(fields["foreach"]) if "foreach" in fields else None,
            item_name=_read_id(fields["as"]) if "as" in fields else "item",
            parallel=fields["parallel"].as_integer(1, MAX_PARALLEL) if "parallel" in fields else 1,
            wait_s=fields["wait_s"].as_number(0, MAX_SECONDS) if "wait_s" in fields else 0.0,
            on_error=_read_on_error(fields.get("on_error")),
            variables=_read_variables(fields.get("vars")),
            request=request,
            capture=read_captures(fields.get("capture")),
            expect=_read_expect(fields.get("expect")),
            retry=_read_retry(fields.get("retry")),
            tools=_read_tools(fields.get("tools")),
            timeout_s=_read_timeout(fields.get("timeout_s")),
            steps=self._read_steps(fields["steps"], above) if "steps" in fields else (),
            flow=self._read_flow(fields["flow"], above) if "flow" in fields else None,
        )
        return NamedStep(step, fields.get("needs"))

    def _read_request(self, fields: Mapping[str, Entry]) -> RequestFile:
        path = find_file(fields["use"], self._root)
        if path not in self._requests:
            self._requests[path] = load_request(path, self._root)
        return self._requests[path].patched(fields.get("with"))

    def _read_flow(self, entry: Entry, above: tuple[Path, ...]) -> Flow:
        path = find_file(entry, self._root).resolve()
        if path in above:
            raise InputFileError(
                "{place}: a flow cannot be a step of itself: {circle}.",
                place=entry.place,
                circle=" → ".join(
                    name_flow(one, self._root) for one in (*above[above.index(path) :], path)
                ),
            )
        if len(above) > MAX_DEPTH:
            raise InputFileError(
                "{place}: flows in flows are nested deeper than {most} levels.",
                place=entry.place,
                most=MAX_DEPTH,
            )
        flow = self.load(path, above)
        if flow.rows or flow.matrix:
            raise InputFileError(
                "{place}: a flow with `data` or a `matrix` cannot be a step.",
                hint="Give it `vars` here, in a `foreach` where it is to be done several times.",
                place=entry.place,
            )
        return flow


def _check_keys(entry: Entry, fields: Mapping[str, Entry]) -> None:
    """What a step does is said once, and no key stands where it would mean nothing."""
    kinds = [name for name in ("use", "flow", "steps") if name in fields]
    if len(kinds) > 1 or not (kinds or "wait_s" in fields):
        raise InputFileError(
            "{place}: a step has one of `use`, `flow` and `steps`, or only a `wait_s`.",
            place=entry.place,
        )
    for needed, names in (("use", _OF_REQUEST), ("foreach", _OF_ITEMS)):
        for name in names:
            if name in fields and needed not in fields:
                raise InputFileError(
                    "{place}: `{name}` means nothing in a step without `{needed}`.",
                    place=fields[name].name_place,
                    name=name,
                    needed=needed,
                )


def _check_variants(flow: Flow, fields: Mapping[str, Entry]) -> None:
    count = max(1, len(flow.rows))
    for sets in flow.matrix.values():
        count *= len(sets)
    if count > MAX_VARIANTS:
        raise InputFileError(
            "{place}: data and matrix make {count} executions; at most {most} are allowed.",
            place=fields["matrix" if "matrix" in fields else "data"].place,
            count=count,
            most=MAX_VARIANTS,
        )


def _read_id(entry: Entry) -> str:
    text = entry.as_text()
    if _ID.fullmatch(text) is None or text in _RESERVED - {"item"}:
        raise InputFileError(
            "{place}: `{key}` must be letters, digits, `_` and `-`, begin with a letter, and be none "
            "of {reserved}; found {found}.",
            hint="What people read stands in `name`.",
            place=entry.place,
            key=entry.key,
            reserved=", ".join(sorted(_RESERVED)),
            found=entry.found,
        )
    return text


def _read_when(entry: Entry | None) -> Condition | None:
    return None if entry is None else Condition(entry.as_text(), entry.place)


def _read_variables(entry: Entry | None) -> Template | None:
    if entry is None:
        return None
    entry.as_mapping()
    return Template(entry)


def _read_expect(entry: Entry | None) -> tuple[Assertion, ...]:
    return () if entry is None else tuple(read_assertions(entry))


def _read_on_error(entry: Entry | None) -> OnError:
    return "stop" if entry is None else cast(OnError, entry.as_choice(get_args(OnError.__value__)))


def _read_timeout(entry: Entry | None) -> float | None:
    return None if entry is None else entry.as_number(0.001, MAX_SECONDS)


def _read_retry(entry: Entry | None) -> Retry:
    if entry is None:
        return Retry()
    fields = entry.as_fields(("times", "on", "delay_s"), ("times",))
    delay = fields.get("delay_s")
    return Retry(
        times=fields["times"].as_integer(0, MAX_RETRIES),
        on=frozenset(map(_read_trouble, fields["on"].as_list())) if "on" in fields else _DEFAULT_ON,
        delay_s=DELAY_S if delay is None else delay.as_number(0, MAX_DELAY_S),
    )


def _read_trouble(entry: Entry) -> str:
    if entry.kind == "integer":
        return str(entry.as_integer(400, 599))
    return entry.as_choice(_TROUBLES)


def _read_tools(entry: Entry | None) -> ToolLoop | None:
    if entry is None:
        return None
    fields = entry.as_fields(("sets", "max_turns", "timeout_s"))
    sets, turns, timeout = (fields.get(name) for name in ("sets", "max_turns", "timeout_s"))
    return ToolLoop(
        sets={name: one.as_text() for name, one in sets.as_mapping().items()} if sets else {},
        max_turns=turns.as_integer(1, MOST_TURNS) if turns else MAX_TURNS,
        timeout_s=timeout.as_number(0.001, MAX_SECONDS) if timeout else TOOL_TIMEOUT_S,
    )


def _read_matrix(entry: Entry | None) -> dict[str, tuple[str, ...]]:
    """By tool, the mock sets to try."""
    matrix: dict[str, tuple[str, ...]] = {}
    for tool, one in (entry.as_mapping() if entry else {}).items():
        sets = tuple(dict.fromkeys(name.as_text() for name in one.as_list()))
        if not sets or len(sets) < len(one.as_list()):
            raise InputFileError(
                "{place}: `{key}` must name mock sets, each once.", place=one.place, key=one.key
            )
        matrix[tool] = sets
    return matrix
