"""The project: the folder with `tanzaku.yaml`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.workbench.project._comparing import find_near
from tanzaku.workbench.project._documents import (
    SUFFIXES,
    parse_budget_usd,
    parse_variables,
    read_document,
)

PROJECT_FILE: Final = "tanzaku.yaml"
ENVIRONMENTS: Final = "environments"
PROJECT_KEYS: Final = ("name", "environment", "variables", "seed", "budget")
MAX_SEED: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Project:
    """`root` is its folder. `environments` are the files by name, `variables` the global ones. The
    default environment is the one that the project names, else the only one there is.
    `budget_usd` is the most that an execution may cost, None when nothing is said. `environ` is what
    secrets are read from."""

    root: Path
    name: str
    default_environment: str | None
    variables: Mapping[str, Any]
    seed: int
    budget_usd: Decimal | None
    environments: Mapping[str, Path]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


def load_project(start: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """The project that `start`, a file or folder, lies in. UserError when there is none."""
    root = find_root(start)
    fields = read_document(root / PROJECT_FILE, "project", PROJECT_KEYS).as_mapping()
    environments = {
        path.stem: path
        for path in sorted((root / ENVIRONMENTS).glob("*"))
        if path.suffix in SUFFIXES
    }
    default = fields.get("environment")
    if default is not None and default.as_text() not in environments:
        raise_unknown_environment(default.as_text(), environments, str(default.place))
    budget = parse_budget_usd(fields.get("budget"))
    named = None if default is None else default.as_text()
    only = next(iter(environments), None)
    return Project(
        root=root,
        name=fields["name"].as_text() if "name" in fields else root.name,
        default_environment=named or (only if len(environments) == 1 else None),
        variables=parse_variables(fields.get("variables")),
        seed=fields["seed"].as_integer(0, MAX_SEED) if "seed" in fields else 0,
        budget_usd=None if budget is None else Decimal(str(budget.content)),
        environments=environments,
        environ=environ,
    )


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds `tanzaku.yaml`."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise UserError(
        "{start} is in no project: neither it nor a folder above it holds tanzaku.yaml.",
        hint="Go into the project's folder, or make one with `tanzaku init`.",
        start=start,
    )


def raise_unknown_environment(name: str, known: Mapping[str, Path], place: str) -> None:
    """UserError with the nearest name."""
    near = find_near(name, known)
    raise UserError(
        "{where}: there is no environment `{name}`.",
        hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
        where=place,
        name=name,
        **near,
    )
