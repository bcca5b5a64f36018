"""The requests that `tanzaku export` writes: of request files, of suites' cases, of executions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tanzaku.cli.admin import DEFAULT_URL
from tanzaku.cli.context import CliContext, parse_variable
from tanzaku.core import UserError

if TYPE_CHECKING:
    from tanzaku.workbench.openapi import NamedRequest, SecretNames
    from tanzaku.workbench.project import Environment, Project, RequestFile
    from tanzaku.workbench.suites import Case

_SUFFIXES: Final = (".yaml", ".yml")


@dataclass
class Exported:
    """`left` are those that cannot be exported, each with the key of the reason."""

    secrets: "SecretNames"
    requests: "list[NamedRequest]" = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def collect_requests(
    context: CliContext,
    paths: Sequence[Path],
    environment_name: str | None,
    variables: Sequence[str],
) -> Exported:
    """The requests of files, suites and folders of both, in the order given."""
    from tanzaku.workbench.openapi import SecretNames
    from tanzaku.workbench.project import load_environment, load_project

    project = load_project(paths[0], context.environment)
    environment = load_environment(project, environment_name)
    exported = Exported(SecretNames(list(environment.secrets)))
    collector = _Collector(project, environment, dict(map(parse_variable, variables)), exported)
    for path in _find_files(paths):
        collector.add(path)
    if not exported.requests and not exported.left:
        raise UserError("There is no request in {paths}.", paths=", ".join(map(str, paths)))
    return exported


def _find_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (one for one in sorted(path.rglob("*")) if one.suffix in _SUFFIXES)
        else:
            yield path


class _Collector:
    def __init__(
        self,
        project: "Project",
        environment: "Environment",
        variables: dict[str, Any],
        exported: Exported,
    ) -> None:
        from tanzaku.workbench.project import Scope

        self._project = project
        self._environment = environment
        self._variables = variables
        self._exported = exported
        self._scope = Scope(variables, environment.variables, environment.globals, exported.secrets)

    def add(self, path: Path) -> None:
        from tanzaku.workbench.project import load_request
        from tanzaku.workbench.suites import SUFFIX, load_suite

        if not path.name.endswith(SUFFIX):
            file = load_request(path.resolve(), self._project.root)
            self._add(file.name, file, None)
            return
        suite = load_suite(path, self._project.root)
        for case in suite.cases:
            if case.use is None or case.before is not None:
                self._exported.left.append((case.key, "export.flow"))
            elif case.skip:
                self._exported.left.append((case.key, "export.skipped"))
            else:
                self._add_case(case, load_request(case.use, self._project.root))

    def _add_case(self, case: "Case", file: "RequestFile") -> None:
        for patch in case.patches:
            file = file.patched(patch)
        self._add(case.key, file, case)

    def _add(self, name: str, file: "RequestFile", case: "Case | None") -> None:
        from tanzaku.workbench.openapi import NamedRequest
        from tanzaku.workbench.project import Template, build_request

        if file.skip:
            self._exported.left.append((name, "export.skipped"))
            return
        scope = self._scope
        if case is not None:
            scope = scope.with_temporary({**case.values, **self._variables})
            for variable, entry in case.variables.items():
                if variable not in scope.temporary:
                    scope = scope.with_temporary({variable: Template(entry).fill(scope)})
        request = build_request(file, self._environment, scope)
        expected = _find_statuses(case) if case is not None else ()
        base_url = self._find_base_url()
        self._exported.requests.append(NamedRequest(name, request, base_url, expected))

    def _find_base_url(self) -> str:
        """A simulator has no address of its own here; `tanzaku serve` gives it one."""
        from tanzaku.gateway.upstreams import ANTHROPIC_URL

        if self._environment.base_url is not None:
            return self._environment.base_url
        return ANTHROPIC_URL if self._environment.upstream == "live" else DEFAULT_URL


def _find_statuses(case: "Case") -> tuple[str, ...]:
    """What the case wants its status to be, where it says so plainly."""
    for entry in case.expect:
        fields = entry.plain if isinstance(entry.plain, dict) else {}
        wanted = fields.get("status")
        if isinstance(wanted, list):
            return tuple(map(str, wanted))
        if isinstance(wanted, int | str):
            return (str(wanted),)
    return ()
