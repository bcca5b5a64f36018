"""What an answer must be, as the `expect` list of a case."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._shapes import Shapes, find_types
from tanzaku.workbench.openapi import Operation, Schema, find_content

INVALID: Final = (400, 422)
ANY_4XX: Final = "4xx"
_MOST_ECHOES: Final = 12
_REWRITTEN: Final = frozenset({"date-time", "time", "duration", "password", "binary", "byte"})
"""Formats that a server may write in another way than they were sent."""
_EVENTS: Final = "text/event-stream"
NOT_5XX: Final[Mapping[str, Any]] = {"status": {"lt": 500}}
DOCUMENTED: Final[Mapping[str, Any]] = {"documented": True}


class Oracles:
    """Expectations of one operation, by its document."""

    def __init__(self, shapes: Shapes, operation: Operation, *, may_echo: bool = True) -> None:
        self._shapes = shapes
        self._operation = operation
        self.good = sorted(
            int(status) for status in operation.responses if status.isdigit() and status[0] == "2"
        )
        self._answer = self._find_answer() if may_echo else None

    def accept(self, body: Any = None, *, ways: Iterable[str] | None = None) -> list[Any]:
        """A documented success; of `body`, what was sent comes back where the document shows that it
        does: everything, or what is at or below one of `ways` (`/items/0`)."""
        found: list[Any] = [{"status": self._write_good()}, DOCUMENTED]
        kind = self._find_kind(body)
        if kind:
            found.append({"content_type": kind})
        for path, value in list(self._iter_echoes(body))[:_MOST_ECHOES]:
            if ways is None or any(_is_at(path, way) for way in ways):
                found.append({"jsonpath": path, "equals": value})
        return found

    def accept_default(self, name: str, default: Any) -> list[Any]:
        """A success that shows the default of what was not sent; nothing of it where the document
        does not show that it would."""
        found = self.accept()
        properties = self._answer or {}
        if name in properties and not isinstance(default, dict | list):
            found.append({"jsonpath": _join("$", name), "equals": default})
        return found

    def refuse(self, *wanted: int) -> list[Any]:
        """A refusal with one of the wanted statuses that the document has; where it has none, only
        no server error: and a success is worth a warning."""
        listed = self.list_documented(wanted)
        if listed:
            return [{"status": listed}, DOCUMENTED]
        return [NOT_5XX, {"status": ANY_4XX, "severity": "warn"}]

    def list_documented(self, wanted: Iterable[int]) -> list[Any]:
        """Those of the wanted statuses that the document has by name; a class it has as a whole."""
        responses = self._operation.responses
        named: list[Any] = [one for one in wanted if str(one) in responses]
        if not named and any(key.lower() == ANY_4XX for key in responses):
            return [ANY_4XX]
        return named

    def tolerate(self) -> list[Any]:
        """Whatever the answer, no server error; a success is a documented one."""
        good = [{"status": "2xx"}, DOCUMENTED]
        return [NOT_5XX, {"any": [{"not": {"status": "2xx"}}, {"all": good}]}]

    def hold(self, body: Any, way: str) -> list[Any]:
        """A value that a server need not be able to hold: refused, or kept as it is."""
        echoes = [
            {"jsonpath": path, "equals": value}
            for path, value in self._iter_echoes(body)
            if _is_at(path, way)
        ]
        good = [{"status": "2xx"}, DOCUMENTED, *echoes]
        return [NOT_5XX, {"any": [{"status": ANY_4XX}, {"all": good}]}]

    def _write_good(self) -> Any:
        return self.good or "2xx"

    def _find_kind(self, body: Any) -> str:
        """The content type that `stream` asks for, where the operation has both."""
        kinds = {
            kind for status in self.good for kind in self._operation.responses[str(status)].contents
        }
        if _EVENTS not in kinds or len(kinds) < 2 or not isinstance(body, Mapping):
            return ""
        other = next((kind for kind in kinds if "json" in kind), "")
        return _EVENTS if body.get("stream") is True else other

    def _find_answer(self) -> Mapping[str, Schema] | None:
        """The properties of the answer, when it is the thing that was sent: it has all of what the
        request must have."""
        own = next(iter(self._operation.request_bodies.values()), None)
        if own is None or own.schema is None or not self.good:
            return None
        sent = self._shapes.flatten(own.schema)
        content = find_content(
            self._operation.responses[str(self.good[0])].contents, "application/json"
        )
        if content is None or content.schema is None or not sent.get("properties"):
            return None
        properties: Mapping[str, Schema] = self._shapes.flatten(content.schema).get(
            "properties", {}
        )
        needed = sent.get("required") or list(sent["properties"])
        visible = [
            name
            for name in needed
            if not self._shapes.is_marked(sent["properties"].get(name, True), "writeOnly")
        ]
        shared = [name for name in sent["properties"] if name in properties]
        is_thing = all(name in properties for name in visible) and bool(shared)
        return properties if is_thing else None

    def _iter_echoes(self, body: Any) -> Iterator[tuple[str, Any]]:
        if self._answer is None or not isinstance(body, Mapping):
            return
        own = next(iter(self._operation.request_bodies.values())).schema
        assert own is not None
        sent = self._shapes.flatten(own).get("properties", {})
        for name, value in body.items():
            if name in sent and name in self._answer:
                yield from self._echo(value, sent[name], self._answer[name], _join("$", name))

    def _echo(
        self, value: Any, sent: Schema, shown: Schema, path: str
    ) -> Iterator[tuple[str, Any]]:
        own, other = self._shapes.flatten(sent), self._shapes.flatten(shown)
        if any(flat.get("writeOnly") or flat.get("readOnly") for flat in (own, other)):
            return
        if isinstance(value, Mapping):
            for name, one in value.items():
                inner, outer = own.get("properties", {}), other.get("properties", {})
                if name in inner and name in outer:
                    yield from self._echo(one, inner[name], outer[name], _join(path, name))
                elif not inner and not outer:
                    yield from self._echo(one, True, True, _join(path, name))
        elif isinstance(value, list):
            items, shown_items = own.get("items", True), other.get("items", True)
            for number, one in enumerate(value[:3]):
                yield from self._echo(one, items, shown_items, f"{path}[{number}]")
        elif value is not None and _is_kept(value, own, other):
            yield path, value


def _is_kept(value: Any, sent: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    if isinstance(value, int) and abs(value) >= 10**18:
        return False
    if {sent.get("format"), shown.get("format")} & _REWRITTEN:
        return False
    kinds, shown_kinds = set(find_types(sent)), set(find_types(shown))
    return not kinds or not shown_kinds or bool(kinds & shown_kinds)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isidentifier() and name.isascii() else f"{path}['{name}']"


def _is_at(path: str, way: str) -> bool:
    """Whether a JSONPath leads to a place at or below a JSON pointer, or right above it."""
    parts = path.replace("['", ".").replace("']", "").replace("[", ".").replace("]", "")
    pointer = parts.removeprefix("$").replace("..", ".").replace(".", "/")
    return pointer == way or pointer.startswith(f"{way}/")
