"""URLs in a configuration."""

import re
from typing import Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import Origin, RequestRefusedError, is_loopback_host, parse_origin

_PAGE: Final = re.compile(r"(https?)://([a-z0-9.\-]+|\[[0-9a-f:]+\])(?::[1-9][0-9]{0,4})?")


def read_page_origin(entry: Entry) -> str:
    """The origin of a web page, as a browser sends it. Raises InputFileError for anything wider, and
    for http elsewhere than on this machine, where others could put words into the page."""
    text = entry.as_text()
    found = _PAGE.fullmatch(text)
    if found is None or (found[1] == "http" and not is_loopback_host(found[2].strip("[]"))):
        raise InputFileError(
            "{place}: `{key}` is no origin of a web page.",
            hint="Write https://app.example, as the browser does: lower case, no path, no `*`; "
            "http on this machine alone.",
            place=entry.place,
            key=entry.key,
        )
    return text


def read_origin(entry: Entry, text: str) -> Origin:
    """Where `text`, which `entry` says or refers to, points. Raises InputFileError."""
    try:
        return parse_origin(text)
    except RequestRefusedError as error:
        raise InputFileError(
            "{place}: `{key}`: {reason}.", place=entry.place, key=entry.key, reason=error
        ) from error


def read_safe_origin(entry: Entry, text: str) -> Origin:
    """The same for what is sent a key: https, unless it is on this machine."""
    origin = read_origin(entry, text)
    if not origin.is_tls and not is_loopback_host(origin.host):
        raise InputFileError(
            "{place}: `{key}` must be https: keys would travel in clear.",
            place=entry.place,
            key=entry.key,
        )
    return origin
