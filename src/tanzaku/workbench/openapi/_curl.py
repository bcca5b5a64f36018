"""A curl command, read as curl itself reads it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from tanzaku.core import UserError
from tanzaku.workbench.openapi._words import split_command

_SHORT: Final = {
    "X": "request", "H": "header", "d": "data", "u": "user", "G": "get", "F": "form", "b": "cookie",
    "A": "user-agent", "e": "referer", "k": "insecure", "I": "head", "T": "upload-file",
    "m": "max-time", "x": "proxy", "o": "output", "w": "write-out", "c": "cookie-jar", "E": "cert",
    "C": "continue-at", "D": "dump-header", "K": "config", "r": "range", "U": "proxy-user",
    "y": "speed-time", "Y": "speed-limit", "z": "time-cond", "P": "ftp-port", "Q": "quote",
    "t": "telnet-option", "h": "help",
    "L": "location", "s": "silent", "S": "show-error", "v": "verbose", "i": "include",
    "f": "fail", "N": "no-buffer", "g": "globoff", "O": "remote-name", "J": "remote-header-name",
    "#": "progress-bar", "j": "junk-session-cookies", "n": "netrc", "q": "disable",
    "0": "http1.0", "1": "tlsv1", "2": "sslv2", "3": "sslv3", "4": "ipv4", "6": "ipv6",
}  # fmt: skip
_TAKING: Final = frozenset(
    {
        "request", "header", "data", "data-raw", "data-binary", "data-ascii", "data-urlencode",
        "json", "user", "form", "form-string", "cookie", "user-agent", "referer", "url",
        "upload-file", "max-time", "proxy", "output", "write-out", "cookie-jar", "cert", "key",
        "cacert", "capath", "continue-at", "dump-header", "config", "range", "proxy-user",
        "connect-timeout", "retry", "retry-delay", "retry-max-time", "resolve", "connect-to",
        "interface", "limit-rate", "max-redirs", "oauth2-bearer", "aws-sigv4", "url-query",
        "variable", "unix-socket", "proxy-header", "noproxy", "tls-max", "ciphers", "speed-time",
        "speed-limit", "time-cond", "trace", "trace-ascii", "stderr", "netrc-file",
    }
)  # fmt: skip
_SILENT: Final = frozenset(
    {
        "location", "silent", "show-error", "verbose", "include", "fail", "no-buffer", "globoff",
        "compressed", "progress-bar", "output", "write-out", "remote-name", "fail-with-body",
        "http1.1", "http2", "http1.0", "http3", "no-progress-meter", "remote-header-name", "trace",
        "trace-ascii", "stderr", "dump-header", "disable", "ipv4", "ipv6", "connect-timeout",
        "styled-output", "no-styled-output", "parallel", "path-as-is", "help",
    }
)  # fmt: skip
"""What says nothing of the request itself."""


@dataclass
class CurlCommand:
    """What a curl command sends. `data` are the pieces of its body, a file's name where `is_file`.
    `left` are the options that a request file cannot say."""

    url: str = ""
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list["CurlData"] = field(default_factory=list)
    form: list[tuple[str, Any]] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    user: str | None = None
    bearer: str | None = None
    is_get: bool = False
    is_head: bool = False
    upload: str | None = None
    timeout_s: float | None = None
    left: list[str] = field(default_factory=list)

    @property
    def verb(self) -> str:
        """The method, as curl picks it where none is said."""
        if self.method:
            return self.method.upper()
        if self.is_head:
            return "HEAD"
        if self.upload is not None:
            return "PUT"
        return "POST" if (self.data or self.form) and not self.is_get else "GET"


@dataclass(frozen=True, slots=True)
class CurlData:
    """One `-d`: its text, or the file that holds it."""

    text: str
    is_file: bool = False


def parse_curl(command: str | Sequence[str]) -> CurlCommand:
    """A command as one text, or as the words a shell has made of it. UserError when it is no curl
    command or names no address."""
    words = split_command(command) if isinstance(command, str) else list(command)
    if not words or re.fullmatch(r"(?:.*[/\\])?curl(?:\.exe)?", words[0]) is None:
        raise UserError(
            "This is no curl command: it begins with {word}.",
            hint="It begins with `curl`.",
            word=words[0] if words else "nothing",
        )
    found = CurlCommand()
    left = iter(words[1:])
    for word in left:
        if word == "--":
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _TAKING:
                _take(found, name, value if equals else _next(left, word))
            else:
                _switch(found, name)
        elif word.startswith("-") and len(word) > 1:
            _read_cluster(found, word, left)
        elif not found.url:
            found.url = word
        else:
            found.left.append(word)
    if not found.url:
        raise UserError("The curl command names no URL.")
    if "://" not in found.url:
        found.url = f"http://{found.url}"
    return found


def _next(words: Any, option: str) -> str:
    value = next(words, None)
    if value is None:
        raise UserError("The curl command ends after {option}.", option=option)
    return str(value)


def _read_cluster(found: CurlCommand, word: str, left: Any) -> None:
    """Short options, several of which may share a word: `-sSL`, `-XPOST`, `-d@file`."""
    for at, letter in enumerate(word[1:], 1):
        name = _SHORT.get(letter, letter)
        if name in _TAKING:
            _take(found, name, word[at + 1 :] or _next(left, f"-{letter}"))
            return
        _switch(found, name)


def _switch(found: CurlCommand, name: str) -> None:
    if name == "get":
        found.is_get = True
    elif name == "head":
        found.is_head = True
    elif name not in _SILENT:
        found.left.append(f"--{name}" if len(name) > 1 else f"-{name}")


_FIELDS: Final = {
    "request": "method", "url": "url", "user": "user", "oauth2-bearer": "bearer",
    "upload-file": "upload",
}  # fmt: skip


def _take(found: CurlCommand, name: str, value: str) -> None:
    if name.startswith("data") or name == "json":
        _take_data(found, name, value)
    elif name in _FIELDS:
        setattr(found, _FIELDS[name], value)
    elif name == "header":
        _add_header(found, value)
    elif name in {"user-agent", "referer"}:
        found.headers.append((name, value))
    elif name == "cookie" and ("=" in value or "\0" in value):
        found.headers.append(("cookie", value))
    elif name in {"form", "form-string"}:
        found.form.append(_parse_part(value, is_text=name == "form-string"))
    elif name == "url-query":
        found.query.append(value)
    elif name == "max-time":
        found.timeout_s = _read_seconds(value)
    elif name not in _SILENT:
        found.left.append(f"--{name}")


def _read_seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UserError("{value} is no number of seconds.", value=value) from None


def _add_header(found: CurlCommand, value: str) -> None:
    """`name: value`; `name;` is sent empty, `name:` not at all."""
    name, colon, content = value.partition(":")
    if not colon and value.endswith(";"):
        found.headers.append((value[:-1].strip().lower(), ""))
    elif content.strip():
        found.headers.append((name.strip().lower(), content.strip()))


def _take_data(found: CurlCommand, name: str, value: str) -> None:
    if name == "json":
        given = {one for one, _ in found.headers}
        for header in ("content-type", "accept"):
            if header not in given:
                found.headers.append((header, "application/json"))
    if name == "data-urlencode":
        found.data.append(CurlData(_encode(value)))
    elif name != "data-raw" and value.startswith("@"):
        found.data.append(CurlData(value[1:], is_file=True))
    else:
        found.data.append(CurlData(value))


def _encode(value: str) -> str:
    """`content`, `=content` and `name=content`, its content percent-encoded."""
    name, equals, content = value.partition("=")
    if not equals:
        return quote(value, safe="")
    return f"{name}={quote(content, safe='')}" if name else quote(content, safe="")


def _parse_part(value: str, *, is_text: bool) -> tuple[str, Any]:
    """`name=content`, `name=@file;type=…;filename=…`, `name=<file`."""
    name, _, content = value.partition("=")
    if is_text or not content.startswith(("@", "<")):
        text = content if is_text else re.sub(r";\s*type=[^;]*$", "", content)
        return name, text.strip('"') if text.startswith('"') else text
    file, *rest = content[1:].split(";")
    part: dict[str, str] = {"file": file.strip('"')}
    for one in rest:
        key, _, said = one.strip().partition("=")
        if key in {"type", "filename"}:
            part["content_type" if key == "type" else "filename"] = said.strip('"')
    return name, part


def split_pairs(text: str) -> list[tuple[str, str]] | None:
    """`a=1&b=2`, decoded; None when it is no such text."""
    pieces = text.split("&")
    if not all(re.match(r"[^=\s{}\[\]\"]+=", piece) for piece in pieces):
        return None
    pairs = [piece.partition("=") for piece in pieces]
    return [(unquote(a.replace("+", " ")), unquote(b.replace("+", " "))) for a, _, b in pairs]


def parse_json(text: str) -> Any:
    """The value, or None when it is no JSON. A variable within a text may stand."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def split_url(url: str) -> tuple[str, str, str, str | None]:
    """(origin, path, query, user and password if the address has them)."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not host or parts.scheme not in {"http", "https"}:
        raise UserError("{url} is no address of an HTTP server.", url=url.replace("\0", "$"))
    return f"{parts.scheme}://{host}", parts.path or "/", parts.query, user if at else None
