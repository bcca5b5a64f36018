"""What a configuration says of one upstream."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tanzaku.catalog import PROFILES
from tanzaku.gateway._retry import RetryPolicy
from tanzaku.gateway._stages import LIST_PRICE, Tariff
from tanzaku.transport import Timeouts

ANTHROPIC_URL: Final = "https://api.anthropic.com"

type Kind = Literal["simulator", "replay", "anthropic", "bedrock", "vertex"]
type Endpoint = Literal["runtime", "mantle"]


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When an upstream is left alone, for `open_s` seconds: once at least `failures` calls and at
    least `share` (0 to 1) of all that ended within `window_s` seconds failed."""

    failures: int = 5
    share: float = 0.5
    window_s: float = 30.0
    open_s: float = 15.0


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """One upstream. `anthropic` is any URL that speaks the Claude API: the first-party one, a
    relay, another gateway.

    `keys` are credentials that take turns; `auth` is the header that carries them, or `bearer`;
    `headers` go with every request. `is_live` says that calls may cost money. `region` and `models`
    (the client's id to the platform's) are the clouds'; `project` and `service_account`, a key
    file, Vertex's; `profile`, where inference may happen, and
    `endpoint` Bedrock's. `probe_s` asks for the list of models so
    often to learn whether the upstream is well; None asks nothing unasked. `recording` is the file
    that a `replay` answers from. Neither keys nor headers stand in its `repr`.
    """

    name: str
    kind: Kind
    url: str = ""
    keys: tuple[str, ...] = field(default=(), repr=False)
    auth: str = "x-api-key"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    is_live: bool = False
    allow_private: bool = False
    retry: RetryPolicy | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    breaker: BreakerSettings = BreakerSettings()
    probe_s: float | None = None
    region: str = ""
    project: str = ""
    profile: str = "global"
    endpoint: Endpoint = "runtime"
    service_account: Path | None = None
    models: tuple[tuple[str, str], ...] = ()
    recording: Path | None = None

    @property
    def is_inside(self) -> bool:
        """Whether it answers in this process, without a connection and without cost."""
        return self.kind in {"simulator", "replay"}

    def find_tariff(self, model: str) -> Tariff:
        """Whose prices hold for a call that asks this upstream for `model`.

        A Bedrock profile in the model's name, or in what `models` makes of it, goes before
        `profile`, as it does on the way there. An ARN that does not name one counts as `profile`
        says, the Messages-shaped endpoint as its region: guesses.
        """
        if self.kind == "vertex" or (self.kind == "bedrock" and self.endpoint == "mantle"):
            return Tariff(self.kind, self.region)
        if self.kind != "bedrock":
            return LIST_PRICE
        name = dict(self.models).get(model, model)
        place = name.rpartition("/")[2].partition(".")[0]
        return Tariff(self.kind, place if place in PROFILES else self.profile)
