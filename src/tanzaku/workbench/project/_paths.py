"""From a variable's name to a value inside it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tanzaku.core.plain_yaml import Place
from tanzaku.workbench.project._comparing import find_kind, find_near
from tanzaku.workbench.project._secrets import UnsetSecretError
from tanzaku.workbench.project._variables import MissingVariableError, Scope

STAR: Final = object()


class VariablePath:
    """A variable, and the way into its value."""

    def __init__(self, name: str, steps: list[Any], place: Place) -> None:
        self._name = name
        self._steps = steps
        self._place = place

    def __call__(self, scope: Scope) -> Any:
        try:
            value = scope.find(self._name)
        except KeyError:
            near = find_near(self._name, {*scope.temporary, *scope.environment, *scope.globals})
            raise MissingVariableError(
                "{place}: the variable `{name}` is not known.",
                hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
                place=self._place,
                name=self._name,
                **near,
            ) from None
        return self._walk(value, 0)

    def _walk(self, value: Any, begin: int) -> Any:
        for number in range(begin, len(self._steps)):
            step = self._steps[number]
            if step is STAR:
                return self._gather(value, number)
            if isinstance(step, int):
                if not _is_list(value) or not -len(value) <= step < len(value):
                    raise self._miss(value, number)
            elif not isinstance(value, Mapping) or step not in value:
                raise self._miss(value, number)
            value = value[step]
        return value

    def _gather(self, value: Any, number: int) -> list[Any]:
        if not _is_list(value):
            raise self._miss(value, number)
        found: list[Any] = []
        for element in value:
            try:
                one = self._walk(element, number + 1)
            except MissingVariableError:
                continue
            if STAR in self._steps[number + 1 :]:
                found += one
            else:
                found.append(one)
        return found

    def _miss(self, value: Any, number: int) -> MissingVariableError:
        way = self._name + "".join(map(_show_step, self._steps[:number]))
        if isinstance(value, Mapping):
            name = str(self._steps[number])
            near = find_near(name, [str(key) for key in value])
            return MissingVariableError(
                "{place}: `{way}` has no `{name}`.",
                hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
                place=self._place,
                way=way,
                name=name,
                **near,
            )
        return MissingVariableError(
            "{place}: `{way}` ({kind}) has no `{name}`.",
            place=self._place,
            way=way,
            kind=f"array, {len(value)}" if _is_list(value) else find_kind(value),
            name=_show_step(self._steps[number]),
        )


class SecretPath:
    def __init__(self, name: str, place: Place) -> None:
        self._name = name
        self._place = place

    def __call__(self, scope: Scope) -> str:
        try:
            return scope.secrets[self._name]
        except UnsetSecretError as error:
            raise error.build(self._place) from None
        except KeyError:
            near = find_near(self._name, scope.secrets)
            raise MissingVariableError(
                "{place}: the environment declares no secret `{name}`.",
                hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
                place=self._place,
                name=self._name,
                **near,
            ) from None


def _show_step(step: Any) -> str:
    if step is STAR:
        return "[*]"
    return f"[{step}]" if isinstance(step, int) else f".{step}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
