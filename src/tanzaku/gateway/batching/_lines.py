"""The results of a batch as they pass: cut into lines, each read for itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tanzaku.gateway._spans import find_members
from tanzaku.wire import ApiError, get_error_type, parse_error_body

LONGEST_LINE = 32 * 1024 * 1024

type Kind = Literal["succeeded", "errored", "canceled", "expired"]


class LineCutter:
    """Cuts what is fed into lines without their ends; holds one unfinished line at most, of
    `longest` bytes. A longer one is passed over and counted in `lost`."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._held = bytearray()
        self._is_losing = False
        self.lost = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that end in `chunk`; take them all before feeding more."""
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            self._hold(chunk[begin:end])
            begin = end + 1
            if line := self._take():
                yield line
        self._hold(chunk[begin:])

    def end(self) -> Iterator[bytes]:
        """The last line, where no line end followed it."""
        if line := self._take():
            yield line

    def _hold(self, piece: bytes) -> None:
        if self._is_losing or len(self._held) + len(piece) > self._longest:
            self._is_losing = True
            self._held.clear()
        else:
            self._held += piece

    def _take(self) -> bytes:
        if self._is_losing:
            self._is_losing = False
            self.lost += 1
        line = bytes(self._held).strip()
        self._held.clear()
        return line


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One request's result. `body` is the message or the error envelope, byte for byte as the
    upstream wrote it; `status` what a plain call would have been answered with."""

    custom_id: str
    kind: Kind
    status: int
    body: bytes


def read_line(line: bytes) -> ResultLine | None:
    """The result in a line of JSON; None for what is none. The errors that stand for `canceled`
    and `expired` are Tanzaku's own."""
    try:
        text = line.decode()
        top = find_members(text)
        custom_id = _read_text(text, top["custom_id"])
        result = find_members(text, top["result"][0])
        kind = _read_text(text, result["type"])
        match kind:
            case "succeeded":
                return ResultLine(custom_id, kind, 200, _cut(text, result["message"]))
            case "errored":
                body = _cut(text, result["error"])
                return ResultLine(custom_id, kind, parse_error_body(body).status, body)
            case "canceled":
                return _fail(custom_id, kind, 409, "The batch was canceled at the upstream.")
            case "expired":
                return _fail(custom_id, kind, 504, "The batch expired before this request ran.")
            case _:
                return None
    except (ValueError, KeyError, RecursionError):
        return None


def _fail(custom_id: str, kind: Kind, status: int, message: str) -> ResultLine:
    error = ApiError(status, get_error_type(status), message)
    return ResultLine(custom_id, kind, status, error.body(""))


def _read_text(text: str, span: tuple[int, int]) -> str:
    value = text[slice(*span)]
    if not value.startswith('"') or "\\" in value:
        raise ValueError("a name must be plain text")
    return value[1:-1]


def _cut(text: str, span: tuple[int, int]) -> bytes:
    return text[slice(*span)].encode()
