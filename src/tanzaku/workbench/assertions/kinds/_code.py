"""A person's Python function as an assertion. Off unless allowed: it can do anything."""

import importlib.util
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import CannotJudge, Check, Finding, Sight, fails, passes
from tanzaku.workbench.assertions._kind import Kind
from tanzaku.workbench.assertions._numbers import to_exact
from tanzaku.workbench.assertions._outcome import Subject
from tanzaku.workbench.assertions._paths import resolve_inside
from tanzaku.workbench.assertions._places import read_later

type Function = Callable[[Subject], Any]

_NAME: Final = re.compile(r"(?P<file>[^:]+\.py):(?P<function>[A-Za-z_]\w*)")


def _read_name(entry: Entry) -> tuple[str, str]:
    match = _NAME.fullmatch(entry.as_text())
    if match is None:
        raise InputFileError(
            "{place}: `{key}` must name a file and a function, `checks/foo.py:fn`; found {found}.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )
    return match["file"], match["function"]


def _read_python(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    read = read_later(entry, _read_name)

    def look(sight: Sight) -> Finding:
        file, name = read(sight.subject.scope)
        if not sight.subject.may_run_code:
            raise CannotJudge("Python of the project is not run: it is off unless allowed")
        function = _find_function(resolve_inside(sight.subject.root, file), name)
        try:
            found = function(sight.subject)
        except Exception as error:
            kind = type(error).__name__
            raise CannotJudge(
                "{name} raised {kind}: {reason}", name=name, kind=kind, reason=error
            ) from error
        return _judge(name, found)

    return Check(look, None, frozenset({"code"}))


def _find_function(path: Path, name: str) -> Function:
    try:
        module = _load_module(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise CannotJudge(
            "{file} cannot be read: {reason}", file=path.name, reason=error.strerror
        ) from None
    function: Function | None = module.get(name)
    if not callable(function):
        raise CannotJudge("{file} has no function {name}", file=path.name, name=name)
    return function


@lru_cache(maxsize=64)
def _load_module(path: Path, changed: int) -> Mapping[str, Any]:
    spec = importlib.util.spec_from_file_location(f"_tanzaku_checks_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise CannotJudge("{file} is no Python", file=path.name)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except OSError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise CannotJudge(
            "{name} raised {kind}: {reason}", name=path.name, kind=kind, reason=error
        ) from error
    return vars(module)


def _judge(name: str, found: Any) -> Finding:
    """A boolean, or `{pass: boolean, score: number, reason: text}`."""
    verdict = found.get("pass") if isinstance(found, dict) else found
    if not isinstance(verdict, bool):
        raise CannotJudge(
            "{name} returned {found}: neither true or false nor an object with `pass`",
            name=name,
            found=repr(found)[:100],
        )
    details = found if isinstance(found, dict) else {"pass": verdict}
    score = to_exact(details.get("score"))
    actual = {**details, "score": float(score)} if score is not None else details
    if verdict:
        return passes(actual)
    return fails(
        "{name}: {reason}", actual=actual, name=name, reason=str(details.get("reason", False))
    )


CODE_KINDS: Final = {
    "python": Kind(_read_python),
}
