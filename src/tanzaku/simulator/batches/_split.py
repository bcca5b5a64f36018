"""The body of a new batch, cut into small bodies of the same form without reading it whole."""

import re
from collections.abc import Iterator
from typing import Never

from tanzaku.wire import ApiError

_MOST_REQUESTS = 256
_MOST_BYTES = 256 * 1024
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
# A quote that opens no whole string matches alone, so that nothing is searched twice for its end.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]|"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}\[{\":]++")
_REQUESTS = b'"requests"'


def split_batch(body: bytes) -> Iterator[bytes]:
    """Cut `body` into objects with `requests`, of at most 256 requests and about 256 KiB each (a
    longer request stands alone). A short body is not cut.

    Only the places of the requests are found here. Whoever takes a part reads it strictly; then
    all of the body has been read but what stands between requests, which is checked here. Members
    beside `requests` come with the last part. ApiError 400 for what cannot be cut.
    """
    if len(body) <= _MOST_BYTES:
        yield body
        return
    at = _pass(body, 0, b"{")
    members: list[bytes] = []
    held: list[bytes] = []
    while body[at : at + 1] != b"}":
        begin = at
        at = _pass(body, _find_string_end(body, at), b":")
        is_wanted = not held and body[begin:at].rstrip(b" \t\r\n:") == _REQUESTS
        if is_wanted and _begins_full_array(body, at):
            for group, end in _iter_groups(body, at):
                if held:
                    yield _build_part(held)
                held, at = group, end
        else:
            at = _find_end(body, at)
            members.append(body[begin:at])
        at = _skip_space(body, at)
        if body[at : at + 1] != b"}":
            at = _pass(body, at, b",")
            if body[at : at + 1] != b'"':
                _refuse(at)
    if _skip_space(body, at + 1) != len(body):
        _refuse(at + 1)
    yield _build_part(held, members)


def _build_part(requests: list[bytes], members: list[bytes] | None = None) -> bytes:
    whole = [*members] if members else []
    if requests:
        whole.append(_REQUESTS + b":[" + b",".join(requests) + b"]")
    return b"{" + b",".join(whole) + b"}"


def _begins_full_array(body: bytes, at: int) -> bool:
    return body[at : at + 1] == b"[" and not body.startswith(b"]", _skip_space(body, at + 1))


def _iter_groups(body: bytes, at: int) -> Iterator[tuple[list[bytes], int]]:
    """The elements of the array at `at` in groups, each with where the array ends or the next
    group begins."""
    group: list[bytes] = []
    size = 0
    at = _skip_space(body, at + 1)
    while True:
        end = _find_end(body, at)
        if group and (len(group) == _MOST_REQUESTS or size + end - at > _MOST_BYTES):
            yield group, at
            group, size = [], 0
        group.append(body[at:end])
        size += end - at
        at = _skip_space(body, end)
        if body[at : at + 1] == b"]":
            yield group, at + 1
            return
        at = _pass(body, at, b",")


def _find_end(body: bytes, at: int) -> int:
    """Where the value that begins at `at` ends, if it is JSON."""
    opening = body[at : at + 1]
    if opening == b'"':
        return _find_string_end(body, at)
    if opening not in (b"{", b"["):
        scalar = _SCALAR.match(body, at)
        return scalar.end() if scalar else _refuse(at)
    depth = 0
    for token in _TOKEN.finditer(body, at):
        match body[token.start()]:
            case 0x7B | 0x5B:
                depth += 1
            case 0x7D | 0x5D:
                depth -= 1
                if depth == 0:
                    return token.end()
            case _:
                if token.end() - token.start() == 1:
                    break
    return _refuse(at)


def _find_string_end(body: bytes, at: int) -> int:
    string = _STRING.match(body, at)
    return string.end() if string else _refuse(at)


def _skip_space(body: bytes, at: int) -> int:
    space = _SPACE.match(body, at)
    assert space is not None
    return space.end()


def _pass(body: bytes, at: int, wanted: bytes) -> int:
    """Past `wanted` and the space around it."""
    at = _skip_space(body, at)
    if body[at : at + 1] != wanted:
        _refuse(at)
    return _skip_space(body, at + 1)


def _refuse(at: int) -> Never:
    # What stands behind the colon is a guess.
    raise ApiError.invalid_request(
        f"The request body is not valid JSON: unexpected character or end at byte {at}"
    )
