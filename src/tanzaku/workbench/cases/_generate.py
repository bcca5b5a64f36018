"""From a document and its request files to suites and flows, as plain values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tanzaku.workbench.cases._access import list_access_cases, list_method_cases
from tanzaku.workbench.cases._before import BeforeFlows
from tanzaku.workbench.cases._bodies import list_body_cases, pick_base
from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._choose import choose_cases
from tanzaku.workbench.cases._claude import build_body_judge, list_domain_cases
from tanzaku.workbench.cases._coverage import (
    Coverage,
    OperationCoverage,
    list_cells,
    list_expected,
)
from tanzaku.workbench.cases._files import FlowFile, SuiteFile, name_suite, unite_ids
from tanzaku.workbench.cases._judge import build_request_judge
from tanzaku.workbench.cases._oracles import Oracles
from tanzaku.workbench.cases._parameters import list_parameter_cases
from tanzaku.workbench.cases._raw import list_accept_cases, list_raw_cases, list_text_cases
from tanzaku.workbench.cases._resources import Resources, find_success_schema
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.cases._stateful import list_state_suites
from tanzaku.workbench.cases._target import RequestSource, Target
from tanzaku.workbench.cases._together import list_pair_cases
from tanzaku.workbench.cases._unique import spread_unique
from tanzaku.workbench.cases._values import Builder
from tanzaku.workbench.openapi import Document, DocumentedAnswers, Operation

MAX_CASES: Final = 600


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be generated. `auth` is what the environment says where a request's file says
    nothing. `most` cases an operation; without `operations` all that are served."""

    requests: Mapping[str, RequestSource]
    folder: str
    auth: Mapping[str, Any] | None = None
    most: int = MAX_CASES
    seed: int = 1
    operations: Sequence[str] = ()
    hint: Callable[[str], Any] = lambda name: None
    is_claude: bool = False


@dataclass(frozen=True)
class Generated:
    """`left_out` are operations without a request's file, or that their files skip."""

    suites: tuple[SuiteFile, ...]
    flows: tuple[FlowFile, ...]
    coverage: Coverage
    left_out: Mapping[str, str] = field(default_factory=dict)


def generate(document: Document, wanted: Wanted) -> Generated:
    """The same for the same document, requests and seed, whatever process asks."""
    shapes = Shapes(document)
    resources = Resources(document, shapes)
    before = BeforeFlows(resources, wanted.requests, wanted.folder, shapes)
    suites: list[SuiteFile] = []
    covered: list[OperationCoverage] = []
    left_out: dict[str, str] = {}
    paths: set[str] = set()
    for operation in document.operations:
        source = wanted.requests.get(operation.id)
        if wanted.operations and operation.id not in wanted.operations:
            continue
        if source is None or source.fields.get("skip"):
            left_out[operation.id] = "" if source is None else str(source.fields["skip"])
            continue
        target = _build_target(document, operation, source, shapes, wanted)
        target.before, target.path_params, target.own_values = before.find(operation)
        every = list_cases(target, wanted, is_first=operation.path not in paths)
        paths.add(operation.path)
        chosen = choose_cases(every, wanted.most)
        suites.append(_write_suite(target, chosen, wanted))
        covered.append(_measure(document, operation, every, chosen))
    state_suites: list[SuiteFile] = []
    flows: list[FlowFile] = []
    if not wanted.is_claude and not wanted.operations:
        state_suites, flows = list_state_suites(
            document, resources, wanted.requests, wanted.folder, seed=wanted.seed
        )
    return Generated(
        (*suites, *state_suites), (*before.flows, *flows), Coverage(tuple(covered)), left_out
    )


def _build_target(
    document: Document, operation: Operation, source: RequestSource, shapes: Shapes, wanted: Wanted
) -> Target:
    judge = build_body_judge(operation, source.fields) if wanted.is_claude else None
    target = Target(
        document=document,
        operation=operation,
        use=source.use,
        fields=source.fields,
        shapes=shapes,
        builder=Builder(shapes, wanted.hint),
        oracles=Oracles(shapes, operation, may_echo=not wanted.is_claude),
        is_claude=wanted.is_claude,
        knows_bodies=judge is not None,
    )
    if judge is not None:
        target.judge_body = judge
    return target


def list_cases(target: Target, wanted: Wanted, *, is_first: bool = True) -> list[MadeCase]:
    """Every case of one operation, before any is left out."""
    content = target.json_content
    found: list[MadeCase] = []
    if not target.operation.request_bodies:
        found.append(MadeCase("plain", "", "positive", {}, target.accept(),
                              ("", "type", "", True), weight=0))  # fmt: skip
    if content is not None and content.schema is not None:
        judge = build_request_judge(target.document, target.shapes, content.schema)
        base = pick_base(target, judge)
        found += list_body_cases(target, judge, base)
        if base is not None:
            found += list_raw_cases(target, judge, base)
            found += list_pair_cases(target, judge, base)
            found += list_domain_cases(target, base)
    else:
        found += list_pair_cases(target, None, None)
    found += list_parameter_cases(target)
    found += list_access_cases(target, _find_auth(target, wanted))
    found += list_method_cases(target, is_first)
    found += list_text_cases(target)
    found += list_accept_cases(target)
    return [_settle(target, one) for one in spread_unique(target, found)]


def _find_auth(target: Target, wanted: Wanted) -> Mapping[str, Any] | None:
    own = target.fields.get("auth")
    return own if isinstance(own, dict) else wanted.auth


def _settle(target: Target, case: MadeCase) -> MadeCase:
    """A status alone says of HEAD all that can be said."""
    if target.operation.method != "HEAD":
        return case
    return replace(case, expect=[one for one in case.expect if "status" in one])


def _write_suite(target: Target, cases: Sequence[MadeCase], wanted: Wanted) -> SuiteFile:
    defaults: dict[str, Any] = {"use": target.use}
    if target.before:
        defaults = {"before": target.before, **defaults, "with": {
            "path_params": dict(target.path_params)}}  # fmt: skip
    return SuiteFile(
        path=f"suites/{wanted.folder}/{name_suite(target.operation)}.suite.yaml",
        title=target.operation.summary or target.operation.id,
        operation=target.operation.id,
        defaults=defaults,
        cases=unite_ids(cases),
        seed=wanted.seed,
        own_values=target.own_values,
    )


def _measure(
    document: Document,
    operation: Operation,
    every: Sequence[MadeCase],
    chosen: Sequence[MadeCase],
) -> OperationCoverage:
    answers = DocumentedAnswers(document, operation)
    cells, reached = list_cells(every), list_cells(chosen)
    kinds = sorted(
        {kind for one in operation.responses.values() for kind in one.contents}
    )  # fmt: skip
    expected = list_expected(chosen, operation.responses)
    by_kind = {
        kind: any(
            expected[status] for status, one in operation.responses.items() if kind in one.contents
        )
        for kind in kinds
    }
    return OperationCoverage(
        operation=operation.id,
        cells=len(cells),
        reached=len(cells & reached),
        cases=len(chosen),
        statuses=expected,
        content_types=by_kind,
        has_answer_schema=find_success_schema(operation) is not None
        or set(operation.responses) & {"204", "205", "304"} != set(),
        missed=tuple(sorted({" ".join((at, keyword)) for at, keyword, _, _ in cells - reached})),
        left_out=tuple(answers.list_left_out()),
        has_odd_errors=answers.has_odd_errors,
    )
