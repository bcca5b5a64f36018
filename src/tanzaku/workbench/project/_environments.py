"""Environments: which server answers, with which variables, headers and credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, cast

from tanzaku.core import InputFileError, UserError
from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import RequestRefusedError, parse_origin
from tanzaku.workbench.project._auth import Auth, parse_auth
from tanzaku.workbench.project._documents import find_file, parse_variables, read_document
from tanzaku.workbench.project._headers import Headers, parse_headers
from tanzaku.workbench.project._project import ENVIRONMENTS, Project, raise_unknown_environment
from tanzaku.workbench.project._secrets import DOTENV, Secrets, parse_secrets, read_dotenv
from tanzaku.workbench.project._variables import Scope

type Upstream = Literal["simulator", "url", "live"]

ENVIRONMENT_KEYS: Final = (
    "name",
    "upstream",
    "base_url",
    "variables",
    "headers",
    "auth",
    "secrets",
    "simulator",
)
SIMULATOR_KEYS: Final = ("scenario", "mocks", "pace", "faults")


@dataclass(frozen=True, slots=True)
class SimulatorDefaults:
    """What an environment's simulator is started with where nothing else is said."""

    scenario: Path | None = None
    mocks: tuple[Path, ...] = ()
    pace: str = "instant"
    faults: Path | None = None


@dataclass(frozen=True)
class Environment:
    """`upstream` says who answers: the simulator in this process, the server at `base_url`, or
    `live`, which costs money. `base_url` is None where it need not be named: for the simulator, and
    for `live` when it is the API's own. `id` is the file's name, `name` what people call it."""

    id: str
    name: str
    upstream: Upstream
    base_url: str | None
    variables: Mapping[str, Any]
    headers: Headers
    auth: Auth | None
    secrets: Secrets
    simulator: SimulatorDefaults
    path: Path
    globals: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def scope(self) -> Scope:
        """The variables without any temporary ones."""
        return Scope({}, self.variables, self.globals, self.secrets)


def load_environment(project: Project, name: str | None = None) -> Environment:
    """The environment of that name; without one, the project's default. UserError for one that is
    not there."""
    wanted = name or project.default_environment
    if wanted is None:
        raise UserError(
            "{file}: the project names no environment.",
            hint="Write `environment: mock` into it, or name one with -e.",
            file=project.root / "tanzaku.yaml",
        )
    if wanted not in project.environments:
        raise_unknown_environment(wanted, project.environments, str(project.root))
    path = project.environments[wanted]
    fields = read_document(path, "environment", ENVIRONMENT_KEYS, ("upstream",)).as_mapping()
    upstream = cast(Upstream, fields["upstream"].as_choice(("simulator", "url", "live")))
    dotenv = read_dotenv(project.root / ENVIRONMENTS / DOTENV)
    return Environment(
        id=wanted,
        name=fields["name"].as_text() if "name" in fields else wanted,
        upstream=upstream,
        base_url=_parse_base_url(fields, upstream),
        variables=parse_variables(fields.get("variables")),
        headers=parse_headers(fields.get("headers")),
        auth=parse_auth(fields.get("auth")),
        secrets=Secrets(
            parse_secrets(fields.get("secrets")),
            dotenv | {name: value for name, value in project.environ.items() if value},
            project.root,
        ),
        simulator=_parse_simulator(fields.get("simulator"), project.root),
        path=path,
        globals=project.variables,
    )


def _parse_base_url(fields: dict[str, Entry], upstream: Upstream) -> str | None:
    entry = fields.get("base_url")
    if entry is None:
        if upstream == "url":
            raise InputFileError(
                "{place}: `upstream: url` needs a `base_url`.",
                hint="Write `base_url: http://127.0.0.1:8000`.",
                place=fields["upstream"].place,
            )
        return None
    if upstream == "simulator":
        raise InputFileError(
            "{place}: the simulator runs in this process and has no `base_url`.",
            hint="For a server that is running already write `upstream: url`.",
            place=entry.name_place,
        )
    try:
        parse_origin(entry.as_text())
    except RequestRefusedError as error:
        raise InputFileError(
            "{place}: `base_url` cannot be used: {reason}.", place=entry.place, reason=error
        ) from None
    return entry.as_text()


def _parse_simulator(entry: Entry | None, root: Path) -> SimulatorDefaults:
    fields = entry.as_fields(SIMULATOR_KEYS) if entry else {}
    scenario, mocks, faults = (fields.get(name) for name in ("scenario", "mocks", "faults"))
    return SimulatorDefaults(
        scenario=find_file(scenario, root) if scenario else None,
        mocks=tuple(find_file(one, root) for one in mocks.as_list()) if mocks else (),
        pace=fields["pace"].as_text() if "pace" in fields else "instant",
        faults=find_file(faults, root) if faults else None,
    )
