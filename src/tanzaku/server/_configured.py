"""A server by a configuration: upstreams, routes, keys and budgets, and how they are changed."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tanzaku.core import Clock, UserError
from tanzaku.gateway import Edge, Observer, Stages
from tanzaku.gateway.budgets import BUDGETS, BudgetRoutes, Budgets
from tanzaku.gateway.config import Config
from tanzaku.gateway.keys import KEYS, Keyring, KeyRoutes, check_admin, read_object, reply
from tanzaku.gateway.routes import ROUTES, RouteRoutes, RouteTable
from tanzaku.gateway.telemetry import log_exchange
from tanzaku.gateway.upstreams import Prober, Upstream, UpstreamSettings
from tanzaku.ledger import LedgerReader, Shelf
from tanzaku.simulator.replay import Replay
from tanzaku.transport import Handler, HttpClient, HttpRequest, HttpResponse
from tanzaku.wire import ApiError

_MOST_CONNECTIONS: Final = 2000
RELOAD: Final = "/_tanzaku/config/reload"

type Wrap = Callable[[Handler], Handler]


class Configured:
    """What a configuration makes of a gateway, and the paths that show and change it.

    `simulator` answers for upstreams of that kind, `wrap` stands before every upstream.
    """

    def __init__(
        self,
        config: Config,
        *,
        simulator: Handler,
        wrap: Wrap,
        clock: Clock,
        chance: Random,
        shelf: Shelf,
        token: str | None,
    ) -> None:
        self.config = config
        self._simulator = simulator
        self._wrap = wrap
        self._clock = clock
        self._token = token
        self._clients: list[HttpClient] = []
        upstreams = self._build_upstreams(config, {})
        self.table = RouteTable(config.rules, upstreams, chance, config.name)
        self._prober = Prober(clock, chance)
        self.ring = Keyring(shelf, clock, needs_key=config.needs_key)
        self.budgets = Budgets(config.budgets)

    async def open(self, ledger: LedgerReader) -> None:
        """Read the keys, and from the ledger what was spent."""
        await self.ring.open()
        self.budgets.load(ledger, self._clock.now())
        self._prober.follow(self.table.upstreams)

    async def close(self) -> None:
        """Stop the probes, note the last uses of keys and close the connections to upstreams."""
        await self._prober.close()
        await self.ring.close()
        for client in self._clients:
            await client.close()

    def build_stages(self, edge: Edge, *observers: Observer) -> Stages:
        """What a call passes beside its upstreams."""
        if self.config.json_log:
            observers = (*observers, log_exchange)
        return Stages(
            door=self.ring,
            treasury=self.budgets,
            preflight=self.config.preflight,
            edge=edge,
            observers=observers,
        )

    def replace(self, config: Config) -> None:
        """Go by another configuration from now on; calls under way end as they began.

        UserError for what only a new start can change: then nothing is changed.
        """
        if config.preflight != self.config.preflight:
            raise UserError("`preflight` cannot change while the server runs.", hint="Restart it.")
        self.table.replace(config.rules, self._build_upstreams(config, self.table.upstreams))
        self._prober.follow(self.table.upstreams)
        self.budgets.replace(config.budgets)
        self.ring.needs_key = config.needs_key
        self.config = config

    def build_controls(self, load: Callable[[], Config]) -> dict[str, Handler]:
        """The handlers of the paths that show and change it; `load` reads the file anew."""
        return {
            KEYS: KeyRoutes(self.ring, self._token, self._clock),
            BUDGETS: BudgetRoutes(self.budgets, self._token, self._clock),
            ROUTES: RouteRoutes(self.table, self._token),
            RELOAD: partial(self._reload, load),
        }

    async def _reload(self, load: Callable[[], Config], request: HttpRequest) -> HttpResponse:
        check_admin(request, self._token)
        if request.method != "POST":
            raise ApiError.not_found()
        read_object(request)
        try:
            self.replace(load())
        except UserError as error:
            raise ApiError.invalid_request(f"{error.message} {error.hint}".strip()) from error
        return reply({"upstreams": list(self.config.upstreams), "routes": len(self.config.rules)})

    def _build_upstreams(
        self, config: Config, before: Mapping[str, Upstream]
    ) -> dict[str, Upstream]:
        """One each; one whose settings are the same keeps its keys' rests and its breaker."""
        upstreams = {}
        for name, settings in config.upstreams.items():
            kept = before.get(name)
            if kept is None or kept.settings != settings:
                kept = Upstream(settings, self._wrap(self._build_sender(settings)), self._clock)
            upstreams[name] = kept
        return upstreams

    def _build_sender(self, settings: UpstreamSettings) -> Handler:
        if settings.kind == "simulator":
            return self._simulator
        if settings.recording is not None:
            return Replay.load(settings.recording, clock=self._clock)
        if settings.kind != "anthropic":
            raise UserError(
                "Upstreams of kind `{kind}` cannot be served yet.",
                hint="Use one of kind `anthropic`.",
                kind=settings.kind,
            )
        client = HttpClient(
            clock=self._clock,
            timeouts=settings.timeouts,
            max_connections=_MOST_CONNECTIONS,
            reach="private" if settings.allow_private else "public",
        )
        self._clients.append(client)
        return partial(client.send, base_url=settings.url)


def find_key_shelf(ledger: Path) -> Path:
    """Where the virtual keys of a ledger's server are kept."""
    return ledger.with_name(f"{ledger.name}.keys")
