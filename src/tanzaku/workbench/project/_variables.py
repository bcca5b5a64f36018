"""`{{places}}` in a project's files, and the variables that fill them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tanzaku.core import InputFileError


class MissingVariableError(InputFileError):
    """A path leads to nothing; what the filter `default` is for."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables at one point: `temporary` ones (captures, a case's own, `--var`) before those
    of the `environment`, before the project's `globals`. `secrets` stand under `{{secret.NAME}}`
    only.
    """

    temporary: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    globals: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> Any:
        """KeyError when no layer has it."""
        for layer in (self.temporary, self.environment, self.globals):
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def with_temporary(self, values: Mapping[str, Any]) -> "Scope":
        """This scope with more temporary variables before the ones it has."""
        return Scope({**self.temporary, **values}, self.environment, self.globals, self.secrets)
