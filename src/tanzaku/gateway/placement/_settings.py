"""The section `prompt_cache` of a configuration."""

from dataclasses import dataclass
from typing import Literal, cast

from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway.placement._insert import Ttl
from tanzaku.gateway.routes import When, read_when

type Moment = Literal["seen", "always"]


@dataclass(frozen=True, slots=True)
class PlacementSettings:
    """When breakpoints are placed (`seen`: where they pay; `always`: at first sight too), for whom
    (calls that meet one of `on`; empty: all), and the longest lifetime that is asked for."""

    place: Moment = "seen"
    longest: Ttl = "5m"
    on: tuple[When, ...] = ()


def read_prompt_cache(entry: Entry) -> PlacementSettings:
    """The settings. Raises InputFileError."""
    fields = entry.as_fields(("place", "longest", "on"), ("place",))
    return PlacementSettings(
        cast("Moment", fields["place"].as_choice(("seen", "always"))),
        cast("Ttl", fields["longest"].as_choice(("5m", "1h"))) if "longest" in fields else "5m",
        tuple(map(read_when, fields["on"].as_list())) if "on" in fields else (),
    )
