"""URLs in a configuration."""

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import Origin, RequestRefusedError, is_loopback_host, parse_origin


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
