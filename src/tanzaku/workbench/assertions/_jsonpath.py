"""JSONPath as RFC 9535 has it, by python-jsonpath in its strict mode."""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, override

from tanzaku.core import InputFileError, TanzakuError, UserError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._regex import compile_regex

if TYPE_CHECKING:
    from jsonpath import JSONPath as _Query
    from jsonpath import JSONPathEnvironment, JSONPathMatch

MAX_NODES: Final = 100_000

type Steps = tuple[str | int, ...]


class JsonPathError(TanzakuError):
    """A path that cannot be followed through a value; the text says why, in English."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path that can be followed; JsonPathError where the value is too much for it."""

    source: str
    _query: "_Query"

    def find(self, value: Any) -> list[tuple[str, Any]]:
        """(normalized path, value) of each node it leads to, in order."""
        return [(node.path, node.obj) for node in self._follow(value)]

    def locate(self, value: Any) -> list[Steps]:
        """The names and indices to each node it leads to, in order."""
        return [node.parts for node in self._follow(value)]

    def _follow(self, value: Any) -> "list[JSONPathMatch]":
        from jsonpath import JSONPathError

        try:
            nodes = list(islice(self._query.finditer(value), MAX_NODES + 1))
        except JSONPathError as error:
            raise JsonPathError(str(error.args[0])) from None
        except RecursionError:
            raise JsonPathError("the value is nested too deeply") from None
        if len(nodes) > MAX_NODES:
            raise JsonPathError(f"it leads to more than {MAX_NODES} values")
        return nodes


def read_path(entry: Entry) -> JsonPath:
    """A path of a file; InputFileError for what is none."""
    try:
        return compile_path(entry.as_text())
    except ValueError as error:
        raise InputFileError(
            "{place}: `{key}` is no JSONPath (RFC 9535): {reason}.",
            place=entry.place,
            key=entry.key,
            reason=str(error),
        ) from None


@lru_cache(maxsize=1024)
def compile_path(source: str) -> JsonPath:
    """ValueError, saying where and why, for what is no path."""
    environment = _load()
    from jsonpath import CompoundJSONPath, JSONPathError

    try:
        query = environment.compile(source)
    except JSONPathError as error:
        at = "" if error.token is None else f" at character {error.token.index + 1}"
        raise ValueError(f"{error.args[0]}{at}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(query, CompoundJSONPath):
        raise ValueError("two paths in one")
    return JsonPath(source, query)


@cache
def _load() -> "JSONPathEnvironment":
    try:
        from jsonpath import JSONPathEnvironment
        from jsonpath.function_extensions import ExpressionType, FilterFunction
    except ModuleNotFoundError as error:
        raise UserError(
            "JSONPath needs the package python-jsonpath.", hint="pip install 'tanzaku[workbench]'"
        ) from error

    class Regex(FilterFunction):
        """`match` or `search`: the library's own can take forever."""

        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - as the base has it
        return_type = ExpressionType.LOGICAL

        def __init__(self, around: str) -> None:
            self._around = around

        @override
        def __call__(self, value: object, pattern: object) -> bool:
            if not isinstance(value, str) or not isinstance(pattern, str):
                return False
            try:
                return compile_regex(self._around.format(pattern)).isinstance_python(value)
            except ValueError:
                return False

    class Environment(JSONPathEnvironment):
        @override
        def getitem(self, obj: Any, key: Any) -> Any:
            # The library takes slices of texts too; RFC 9535 (2.3.4.2) selects nothing there.
            if isinstance(key, slice) and isinstance(obj, str):
                return ()
            return super().getitem(obj, key)

    environment = Environment(strict=True)
    environment.function_extensions["match"] = Regex(r"(?R)\A(?:{})\z")
    environment.function_extensions["search"] = Regex("(?R){}")
    return environment
