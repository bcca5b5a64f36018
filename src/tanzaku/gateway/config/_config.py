"""A gateway's configuration: one YAML file, read whole or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from tanzaku.core.plain_yaml import Entry, parse_yaml, read_yaml
from tanzaku.gateway._origins import read_page_origin
from tanzaku.gateway._preflight import Preflight
from tanzaku.gateway.alerts import AlertSettings, read_alerts
from tanzaku.gateway.batching import BatchingSettings, read_batching
from tanzaku.gateway.budgets import BudgetRule, read_budgets
from tanzaku.gateway.cache import CacheSettings, read_cache
from tanzaku.gateway.config._ledger import read_ledger
from tanzaku.gateway.config._secrets import resolve_secret
from tanzaku.gateway.placement import PlacementSettings, read_prompt_cache
from tanzaku.gateway.routes import Rule, Way, read_routes
from tanzaku.gateway.shaping import LimitSettings, read_limits
from tanzaku.gateway.telemetry import TelemetrySettings, read_telemetry
from tanzaku.gateway.upstreams import UpstreamSettings, read_upstreams
from tanzaku.ledger import LedgerSettings

_SECTIONS: Final = (
    "upstreams", "routes", "keys", "budgets", "preflight", "telemetry", "alerts",
    "ledger", "cache", "prompt_cache", "batching", "limits", "cors",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says. Without `routes` every call goes to the first upstream.

    `name` is the file's, without its folder. `needs_key`: who has no virtual key may not enter. `cors`
    are the origins whose pages may call `/v1`.
    """

    name: str
    upstreams: Mapping[str, UpstreamSettings]
    rules: tuple[Rule, ...]
    needs_key: bool = False
    budgets: tuple[BudgetRule, ...] = ()
    preflight: Preflight = "off"
    telemetry: TelemetrySettings = TelemetrySettings()  # noqa: RUF009 - frozen
    ledger: LedgerSettings = LedgerSettings()  # noqa: RUF009 - frozen
    alerts: AlertSettings | None = None
    cache: CacheSettings | None = None
    prompt_cache: PlacementSettings | None = None
    batching: BatchingSettings | None = None
    limits: LimitSettings | None = None
    cors: tuple[str, ...] = ()

    @property
    def live(self) -> list[str]:
        """The names of upstreams that may cost money."""
        return [name for name, settings in self.upstreams.items() if settings.is_live]


def load_config(path: Path, environment: Mapping[str, str] | None) -> Config:
    """The configuration in a YAML file; `environment` is where `env:NAME` refers to. Without one,
    for who only looks at the file, references stand in place of the secrets.

    Raises InputFileError with file, line, column and the way out.
    """
    return _read_config(read_yaml(path), path.name, environment)


def parse_config(text: str, name: str, environment: Mapping[str, str] | None) -> Config:
    """The same from a text; `name` stands for the file in messages."""
    return _read_config(parse_yaml(text, name), name, environment)


def _read_config(entry: Entry, name: str, environment: Mapping[str, str] | None) -> Config:
    fields = entry.as_fields(_SECTIONS, ("upstreams",))

    def resolve(reference: Entry) -> str:
        return resolve_secret(reference, environment)

    upstreams = read_upstreams(fields["upstreams"], resolve)
    readers: dict[str, Callable[[Entry], Any]] = {
        "routes": lambda value: read_routes(value, upstreams),
        "budgets": read_budgets,
        "keys": _read_keys,
        "telemetry": read_telemetry,
        "ledger": lambda value: read_ledger(value, resolve),
        "cache": read_cache,
        "prompt_cache": read_prompt_cache,
        "batching": read_batching,
        "limits": read_limits,
        "alerts": lambda value: read_alerts(value, resolve),
        "cors": lambda value: tuple(read_page_origin(one) for one in value.as_list()),
        "preflight": lambda value: cast("Preflight", value.as_choice(("off", "warn", "block"))),
    }
    read = {name: reader(fields[name]) for name, reader in readers.items() if name in fields}
    first = Rule("default", (Way(next(iter(upstreams))),))
    return Config(
        name,
        upstreams,
        rules=read.get("routes", (first,)),
        needs_key=read.get("keys", False),
        budgets=read.get("budgets", ()),
        preflight=read.get("preflight", "off"),
        telemetry=read.get("telemetry", TelemetrySettings()),
        ledger=read.get("ledger", LedgerSettings()),
        alerts=read.get("alerts"),
        cache=read.get("cache"),
        prompt_cache=read.get("prompt_cache"),
        batching=read.get("batching"),
        limits=read.get("limits"),
        cors=read.get("cors", ()),
    )


def _read_keys(entry: Entry) -> bool:
    fields = entry.as_fields(("required",), ("required",))
    return fields["required"].as_bool()
