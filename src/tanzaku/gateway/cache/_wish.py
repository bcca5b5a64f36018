"""What a call wants of the cache: by its headers, else by the configuration."""

from dataclasses import dataclass
from typing import Final, Literal, cast

from tanzaku.gateway._stages import Asked, Caller
from tanzaku.gateway.cache._settings import CacheSettings
from tanzaku.wire import ApiError

CACHE_HEADER: Final = b"tanzaku-cache"
type Mode = Literal["on", "refresh", "no-store"]

_MODES: Final = ("on", "refresh", "no-store")
_MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Wish:
    """`on` takes a kept answer of at most `ttl_s` seconds and keeps a new one so long; `refresh`
    only keeps; `no-store` does neither."""

    mode: Mode
    ttl_s: float


def read_wish(asked: Asked, caller: Caller, settings: CacheSettings) -> Wish | None:
    """The wish, None where nobody asked for the cache. ApiError 400 for a header that says
    something else."""
    labels = asked.labels
    mode = labels.get("cache")
    if mode is None:
        if not any(when.find_miss(asked, caller) is None for when in settings.on):
            return None
        mode = "on"
    elif mode not in _MODES:
        raise ApiError.invalid_request(f"tanzaku-cache: must be one of {', '.join(_MODES)}")
    text = labels.get("cache-ttl")
    ttl_s = settings.ttl_s
    if text is not None:
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise ApiError.invalid_request("tanzaku-cache-ttl: must be a whole number of seconds")
        ttl_s = float(text)
    return Wish(cast("Mode", mode), min(ttl_s, settings.longest_ttl_s))
