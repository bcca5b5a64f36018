"""Cases made ready: every file they need is read before anything is sent."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions import Assertion, Need, read_assertions
from tanzaku.workbench.flows import (
    Flow,
    FlowMachine,
    Judging,
    Variant,
    build_one_step,
    list_variants,
    load_flow,
)
from tanzaku.workbench.openapi import DocumentedAnswers, load_document
from tanzaku.workbench.project import (
    Environment,
    Project,
    RequestFile,
    Template,
    load_environment,
    load_request,
)
from tanzaku.workbench.runner._case import Prepared
from tanzaku.workbench.suites import Case, Choice, Suite


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is said on the command line about every case. `environment` comes before the suites' own,
    `variables` before the cases'. What an assertion `needs` is carried out for `allowed` alone."""

    seed: int
    environment: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    allowed: frozenset[Need] = frozenset()
    update_snapshots: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A suite, the environment that answers it, and those of its cases that were chosen."""

    suite: Suite
    environment: Environment
    cases: tuple[Prepared, ...]


class Preparer:
    """Makes suites of one project ready. A file that several cases use is read once."""

    def __init__(self, project: Project, wishes: Wishes) -> None:
        self._project = project
        self._wishes = wishes
        self._environments: dict[str | None, Environment] = {}
        self._requests: dict[Path, RequestFile] = {}
        self._patched: dict[tuple[Path, int], RequestFile] = {}
        self._flows: dict[Path, Flow] = {}
        self._answers: dict[tuple[str, str], DocumentedAnswers] = {}
        self._assertions: dict[tuple[int, ...], list[Assertion]] = {}

    def prepare(self, suite: Suite, choice: Choice) -> Chosen:
        """The suite's chosen cases; a case whose flow has several variants is as many cases.
        InputFileError for anything that cannot be read."""
        name = self._wishes.environment or suite.environment
        if name not in self._environments:
            self._environments[name] = load_environment(self._project, name)
        environment = self._environments[name]
        pairs = [pair for case in suite.cases for pair in self._list_variants(case)]
        picked = set(map(id, choice.pick(case for case, _ in pairs)))
        cases = [
            self._prepare(suite, case, variant, environment)
            for case, variant in pairs
            if id(case) in picked
        ]
        return Chosen(suite, environment, tuple(cases))

    def _list_variants(self, case: Case) -> list[tuple[Case, Variant]]:
        if case.flow is None:
            return [(case, Variant())]
        variants = list_variants(self._load_flow(case.flow))
        return [(replace(case, variant=one.name), one) for one in variants]

    def _prepare(
        self, suite: Suite, case: Case, variant: Variant, environment: Environment
    ) -> Prepared:
        flow, skip = self._build_step(case) if case.flow is None else (self._extend(case), "")
        wishes = self._wishes
        scope = environment.scope.with_temporary({**case.values, **wishes.variables})
        judging = Judging(
            allowed=wishes.allowed | {"repeat"},
            may_run_code="code" in wishes.allowed,
            update_snapshots=wishes.update_snapshots,
            find_schema=self._find_schema,
        )

        def begin(turn: int) -> FlowMachine:
            return FlowMachine(
                flow,
                environment,
                scope,
                wishes.seed + turn - 1,
                variant,
                judging,
            )

        return Prepared(case, begin, case.skip or skip, self._reproduce(suite, case))

    def _build_step(self, case: Case) -> tuple[Flow, str]:
        """The case's one request as a flow, and why it is not to be sent."""
        assert case.use is not None
        request = self._load_request(case.use)
        for patch in case.patches[:-1]:
            request = self._patch(request, patch)
        for patch in case.patches[-1:]:
            request = request.patched(patch)
        flow = build_one_step(
            request,
            before=None if case.before is None else self._load_flow(case.before),
            variables=case.variables,
            capture=case.capture,
            expect=self._read_expect(case),
            timeout_s=case.timeout_s,
        )
        return flow, request.skip or ""

    def _extend(self, case: Case) -> Flow:
        """The case's flow with the case's variables in place of its own, and what both expect."""
        assert case.flow is not None
        flow = self._load_flow(case.flow)
        own = {name: Template(entry) for name, entry in case.variables.items()}
        expect = self._read_expect(case, len(flow.expect))
        return replace(flow, variables={**flow.variables, **own}, expect=(*flow.expect, *expect))

    def _load_request(self, path: Path) -> RequestFile:
        if path not in self._requests:
            self._requests[path] = load_request(path, self._project.root)
        return self._requests[path]

    def _patch(self, request: RequestFile, patch: Entry) -> RequestFile:
        """By the suite's own patch, which all its cases have."""
        key = request.path, id(patch)
        if key not in self._patched:
            self._patched[key] = request.patched(patch)
        return self._patched[key]

    def _load_flow(self, path: Path) -> Flow:
        if path not in self._flows:
            self._flows[path] = load_flow(path, self._project)
        return self._flows[path]

    def _read_expect(self, case: Case, first: int = 0) -> list[Assertion]:
        key = (first, *map(id, case.expect))
        if key not in self._assertions:
            whole = Entry("expect", case.place, case.place, list(case.expect))
            self._assertions[key] = read_assertions(whole, first=first)
        return self._assertions[key]

    def _find_schema(self, request: RequestFile) -> DocumentedAnswers | None:
        if request.document is None or request.operation is None:
            return None
        document = _load_document(self._project.root / request.document)
        operation = document.find_operation(request.operation)
        if operation is None:
            return None
        key = request.document, operation.id
        if key not in self._answers:
            self._answers[key] = DocumentedAnswers(document, operation)
        return self._answers[key]

    def _reproduce(self, suite: Suite, case: Case) -> str:
        words = ["tanzaku", "test", os.path.relpath(suite.path), "--case", case.key]
        if self._wishes.environment is not None:
            words += ["-e", self._wishes.environment]
        words += [f"--var={name}={value}" for name, value in self._wishes.variables.items()]
        return shlex.join([*words, "--seed", str(self._wishes.seed)])


_load_document = cache(load_document)
