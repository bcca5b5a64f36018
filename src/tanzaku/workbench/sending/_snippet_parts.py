"""A request taken apart for people: its texts with names where secrets stood."""

import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from tanzaku.look import strip_controls
from tanzaku.transport import CREDENTIAL_HEADERS, HOP_BY_HOP, HttpRequest, redact_body
from tanzaku.wire import ANTHROPIC_VERSION
from tanzaku.workbench.sending._mask import SHORTEST, spell_in_json, spell_in_url
from tanzaku.workbench.sending._read import read_json

BASE_URL: Final = "https://api.anthropic.com"
_NOT_SENT: Final = HOP_BY_HOP | {b"content-length", b"host", b"expect", b"http2-settings"}
_CREDENTIAL_PARAMETERS: Final = frozenset(
    [
        "access_token",
        "api-key",
        "api_key",
        "apikey",
        "key",
        "password",
        "secret",
        "sig",
        "signature",
        "token",
    ]
)


@dataclass(frozen=True, slots=True)
class Ref:
    """An environment variable in a text. `is_quoted`: percent-encoded there, as part of a URL.
    `default` is what stands there without the variable."""

    name: str
    is_quoted: bool = False
    default: str | None = None


type Text = tuple[str | Ref, ...]
"""A text in pieces, no two strings side by side. In a JSON value a tuple is such a text."""


@dataclass(frozen=True, slots=True)
class Basic:
    """The value of an Authorization header of RFC 7617."""

    user: Text
    password: Text


@dataclass(frozen=True, slots=True)
class Parts:
    """`url` and what stands in a header or in the body. `text` is the body as text, None for bytes
    that are none (or that would harm a terminal); `json` its value where writing that again gives
    the same bytes, with `is_json`."""

    method: str
    path: str
    query: str
    base: Text
    target: Text
    headers: tuple[tuple[str, Text | Basic], ...]
    body: bytes
    text: Text | None
    json: Any = None
    is_json: bool = False

    @property
    def url(self) -> Text:
        return join_texts(self.base, self.target)

    def find(self, name: str) -> Text | Basic | None:
        """The first header of that name."""
        return next((value for one, value in self.headers if one == name), None)


def take_apart(request: HttpRequest, base_url: str | None, secrets: Mapping[str, str]) -> Parts:
    """`secrets` are the values by the names of their variables. What is a credential by its place
    and none of them gets a variable too, named after the place."""
    names = _Names(secrets)
    path, _, query = request.target.partition("?")
    is_claudes = any(name.lower() == ANTHROPIC_VERSION for name, _ in request.headers)
    headers = tuple(
        (name.lower().decode("latin-1"), names.find_in_header(name.lower(), value, is_claudes))
        for name, value in request.headers
        if name.lower() not in _NOT_SENT
    )
    text = _decode(request.body)
    value, is_json = _read_faithfully(text)
    return Parts(
        method=request.method,
        path=path,
        query=query,
        base=_spell_base(base_url),
        target=names.find_in_target(path, query),
        headers=headers,
        body=request.body,
        text=None if text is None else names.find(text),
        json=names.find_in_json(value),
        is_json=is_json,
    )


def join_texts(*texts: Text) -> Text:
    joined: list[str | Ref] = []
    for piece in (piece for text in texts for piece in text):
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


def _spell_base(base_url: str | None) -> Text:
    if base_url is None:
        return (Ref("ANTHROPIC_BASE_URL", default=BASE_URL),)
    return (base_url.rstrip("/"),)


class _Names:
    """Finds secrets in texts, spelled as `Mask` knows them."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._known = {
            spelled: Ref(name, is_quoted="%" in spelled or "+" in spelled)
            for name, value in secrets.items()
            if len(value) >= SHORTEST
            for spelled in [*spell_in_json(value), *spell_in_url(value)]
        }
        self._known |= {
            value: Ref(name) for name, value in secrets.items() if len(value) >= SHORTEST
        }

    def find(self, text: str) -> Text:
        return _split(text, self._known)

    def find_in_json(self, value: Any) -> Any:
        if isinstance(value, str):
            found = self.find(value)
            return found if has_ref(found) else "".join(map(str, found))
        if isinstance(value, list):
            return [self.find_in_json(one) for one in value]
        if isinstance(value, dict):
            return {name: self.find_in_json(one) for name, one in value.items()}
        return value

    def find_in_target(self, path: str, query: str) -> Text:
        pieces = [self.find(path)]
        for number, parameter in enumerate(query.split("&") if query else ()):
            found = self.find(parameter)
            name, equals, value = parameter.partition("=")
            plain = unquote_plus(name).lower()
            if value and found == (parameter,) and plain in _CREDENTIAL_PARAMETERS:
                found = (name + equals, Ref(_name_variable(plain), is_quoted=True))
            pieces += [("&" if number else "?",), found]
        return join_texts(*pieces)

    def find_in_header(self, name: bytes, value: bytes, is_claudes: bool) -> Text | Basic:
        text = _decode(value) or value.decode("latin-1")
        if name not in CREDENTIAL_HEADERS:
            return self.find(text)
        scheme, space, rest = text.partition(" ")
        if scheme.lower() == "basic" and (pair := _read_basic(rest)):
            user, password = (
                self._find_or_name(one, word) for one, word in zip(pair, _BASIC, strict=True)
            )
            return Basic(user, password)
        found = self.find(text)
        if has_ref(found):
            return found
        if name in (b"x-api-key", b"authorization") and is_claudes:
            variable = "ANTHROPIC_API_KEY"
        else:
            variable = _name_variable(name.decode("latin-1"))
        is_token = name == b"authorization" and space
        return (scheme + space, Ref(variable)) if is_token else (Ref(variable),)

    def _find_or_name(self, text: str, variable: str) -> Text:
        """A user's name may be shown, a password never."""
        found = self.find(text)
        is_open = variable != _BASIC[1] or has_ref(found)
        return found if is_open else (Ref(variable),)


_BASIC: Final = ("USERNAME", "PASSWORD")


def _read_basic(credentials: str) -> tuple[str, str] | None:
    try:
        user, colon, password = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def _name_variable(word: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", word.upper())


def _split(text: str, known: Mapping[str, Ref]) -> Text:
    pieces: Sequence[str] = [text]
    if known:
        longest_first = sorted(known, key=lambda one: (-len(one), one))
        pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
    shown = (known.get(piece) or redact_body(piece.encode()).decode() for piece in pieces if piece)
    return join_texts(tuple(shown))


def _decode(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _read_faithfully(text: str | None) -> tuple[Any, bool]:
    """The JSON value of a text that writing it again, compactly, gives back."""
    if not text:
        return None, False
    try:
        value = read_json(text)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return None, False
    is_same = again == text or json.dumps(value, ensure_ascii=False) == text
    return value, is_same and isinstance(value, dict | list)


def is_harmless(text: Text) -> bool:
    """Whether showing it changes nothing in a terminal but the text shown."""
    return all(isinstance(piece, Ref) or strip_controls(piece) == piece for piece in text)


def has_ref(value: Any) -> bool:
    """Whether a variable is needed for it."""
    match value:
        case Ref():
            return True
        case Basic():
            return has_ref((value.user, value.password))
        case Mapping():
            return any(map(has_ref, value.values()))
        case tuple() | list():
            return any(map(has_ref, value))
        case _:
            return False
