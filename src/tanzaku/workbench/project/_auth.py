"""How a request shows who asks."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.project._headers import Value, check_header_name
from tanzaku.workbench.project._variables import Scope

type AuthKind = Literal["none", "api_key", "bearer", "basic"]
type Carrier = Literal["header", "query", "cookie"]

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "api_key": ("type", "in", "name", "value"),
    "bearer": ("type", "token"),
    "basic": ("type", "username", "password"),
}


@dataclass(frozen=True, slots=True)
class Auth:
    """A way to show who asks. `carrier` and `name` are an API key's: where it goes and under which
    name."""

    kind: AuthKind
    values: tuple[Value, ...] = ()
    carrier: Carrier = "header"
    name: str = "authorization"

    def build(self, scope: Scope) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]]]:
        """The headers and query parameters that it adds."""
        if self.kind == "none":
            return [], []
        if self.kind == "bearer":
            return [(self.name, b"Bearer " + self.values[0].fill_header(scope))], []
        if self.kind == "basic":
            # RFC 7617, with UTF-8.
            pair = ":".join(value.fill(scope) for value in self.values)
            return [(self.name, b"Basic " + b64encode(pair.encode()))], []
        if self.carrier == "query":
            return [], [(self.name, self.values[0].fill(scope))]
        value = self.values[0].fill_header(scope)
        if self.carrier == "cookie":
            return [("cookie", self.name.encode() + b"=" + value)], []
        return [(self.name, value)], []


def parse_auth(entry: Entry | None) -> Auth | None:
    """None when nothing is said."""
    if entry is None or entry.content is None:
        return None
    if entry.content == "none":
        return Auth("none")
    if not isinstance(entry.content, dict):
        raise InputFileError(
            "{place}: `{key}` must be `none` or say its `type`.",
            hint="Types are api_key, bearer and basic.",
            place=entry.place,
            key=entry.key,
        )
    kind = entry.as_fields(
        ("type", "in", "name", "value", "token", "username", "password"), ("type",)
    )["type"].as_choice(tuple(_KEYS))
    needed = [name for name in _KEYS[kind] if name != "in"]
    fields = entry.as_fields(_KEYS[kind], needed)
    if kind == "bearer":
        return Auth("bearer", (Value(fields["token"]),))
    if kind == "basic":
        return Auth("basic", (Value(fields["username"]), Value(fields["password"])))
    carrier = fields["in"].as_choice(("header", "query", "cookie")) if "in" in fields else "header"
    name = fields["name"].as_text()
    if carrier != "query":
        check_header_name(name, fields["name"].place)
    if carrier == "header":
        name = name.lower()
    return Auth("api_key", (Value(fields["value"]),), cast(Carrier, carrier), name)
