"""The section `cache` of a configuration."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway.routes import When, read_when

type Scope = Literal["key", "team", "shared"]

_SCOPES: Final = ("key", "team", "shared")
_LONGEST_S: Final = 30 * 86_400.0
_MOST_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How much of the answers is kept, how long, and for whom.

    `most_bytes` bounds answers and what is noted of each. An answer is kept `ttl_s` seconds, or as
    long as the request says, `longest_ttl_s` at most. Who gets answers of whom is the `scope`: a
    key its own, a team its own (a key without a team only its own), everybody all. Calls that meet
    one of `on` are cached without asking for it. `is_on_disk`: answers outlive the process.
    """

    most_bytes: int = 256_000_000
    ttl_s: float = 3600.0
    longest_ttl_s: float = 86_400.0
    scope: Scope = "key"
    on: tuple[When, ...] = ()
    is_on_disk: bool = False


def read_cache(entry: Entry) -> CacheSettings:
    """The settings. Raises InputFileError."""
    fields = entry.as_fields(("max_mb", "ttl_s", "longest_ttl_s", "scope", "on", "keep"))
    values: dict[str, Any] = {
        name: fields[name].as_number(1, _LONGEST_S)
        for name in ("ttl_s", "longest_ttl_s")
        if name in fields
    }
    if "max_mb" in fields:
        values["most_bytes"] = int(fields["max_mb"].as_number(0.001, _MOST_MB) * 1e6)
    if "scope" in fields:
        values["scope"] = cast("Scope", fields["scope"].as_choice(_SCOPES))
    if "on" in fields:
        values["on"] = tuple(read_when(one) for one in fields["on"].as_list())
    if "keep" in fields:
        values["is_on_disk"] = fields["keep"].as_choice(("memory", "disk")) == "disk"
    return CacheSettings(**values)
