"""A server by a configuration: upstreams, routes, keys and budgets, and how they are changed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tanzaku.catalog import TokenWorker, count_tokens_off_loop
from tanzaku.core import Clock, UserError
from tanzaku.gateway import Edge, Observer, Stages
from tanzaku.gateway.alerts import Alerts
from tanzaku.gateway.batching import (
    LATER_PATH,
    Batching,
    BatchingSettings,
    DeferredBooks,
    LaterRoutes,
    PassingBatches,
)
from tanzaku.gateway.budgets import BUDGETS, BudgetRoutes, Budgets
from tanzaku.gateway.cache import Keeper, ResponseCache
from tanzaku.gateway.config import Config
from tanzaku.gateway.keys import KEYS, Keyring, KeyRoutes, Owners, check_admin, read_object, reply
from tanzaku.gateway.placement import PromptPlacer
from tanzaku.gateway.routes import ROUTES, RouteRoutes, RouteTable
from tanzaku.gateway.shaping import Shaper
from tanzaku.gateway.telemetry import Telemetry, point_upstream
from tanzaku.gateway.upstreams import (
    Prober,
    Upstream,
    UpstreamSettings,
    build_bedrock,
    build_vertex,
)
from tanzaku.ledger import Ledger, Shelf
from tanzaku.simulator.replay import Replay
from tanzaku.transport import Handler, HttpClient, HttpRequest, HttpResponse
from tanzaku.wire import ApiError

_MOST_CONNECTIONS: Final = 2000
_FIXED: Final = (
    "preflight", "telemetry", "alerts", "cache", "prompt_cache", "batching", "limits", "ledger",
)  # fmt: skip
RELOAD: Final = "/_tanzaku/config/reload"

type Wrap = Callable[[Handler], Handler]


class Configured:
    """What a configuration makes of a gateway, and the paths that show and change it.

    `simulator` answers for upstreams of that kind, `wrap` stands before every upstream. Keys are on
    `shelf`, kept answers, deferred calls and what batches were charged on `work`.
    """

    def __init__(  # noqa: PLR0913 - what a server is made of
        self,
        config: Config,
        *,
        simulator: Handler,
        wrap: Wrap,
        clock: Clock,
        chance: Random,
        shelf: Shelf,
        work: Shelf,
        token: str | None,
    ) -> None:
        self.config = config
        self._simulator = simulator
        self._wrap = wrap
        self._clock = clock
        self._chance = chance
        self._work = work
        self._token = token
        self._stack = AsyncExitStack()
        self._cache: ResponseCache | None = None
        self._placer: PromptPlacer | None = None
        self._later: LaterRoutes | None = None
        self._batchers: dict[str, Handler] = {}
        self._clients: list[HttpClient] = []
        upstreams = self._build_upstreams(config, {})
        self.table = RouteTable(config.rules, upstreams, chance, config.name)
        self._prober = Prober(clock, chance)
        self.ring = Keyring(shelf, clock, needs_key=config.needs_key)
        self.budgets = Budgets(config.budgets)
        kinds = {name: settings.kind for name, settings in config.upstreams.items()}
        self._telemetry = Telemetry(config.telemetry, clock, kinds)
        self._alerts = None if config.alerts is None else Alerts(config.alerts, clock)

    async def open(self, ledger: Ledger, *observers: Observer) -> None:
        """Read the keys, from the ledger what was spent, and what was kept and deferred."""
        await self.ring.open()
        self.budgets.load(ledger, self._clock.now())
        self._telemetry.open()
        if self._alerts is not None:
            self._alerts.open(ledger)
        self._prober.follow(self.table.upstreams)
        self._follow_batchers()
        if self.config.cache is not None:
            keeper = Keeper(self._work) if self.config.cache.is_on_disk else None
            self._cache = ResponseCache(self.config.cache, self._clock, keeper)
            self._stack.push_async_callback(self._cache.close)
            await self._cache.load()
        if self.config.prompt_cache is not None:
            worker = await self._stack.enter_async_context(TokenWorker())
            count = partial(count_tokens_off_loop, worker=worker)
            self._placer = PromptPlacer(self.config.prompt_cache, count)
        if self.config.batching is not None:
            await self._open_batching(self.config.batching, ledger, self._add_own(observers))

    async def _open_batching(
        self, settings: BatchingSettings, ledger: Ledger, observers: Sequence[Observer]
    ) -> None:
        books = DeferredBooks(ledger, self._clock, treasury=self.budgets, observers=observers)
        batching = Batching(
            settings,
            self._batchers,
            shelf=self._work,
            books=books,
            clock=self._clock,
            chance=self._chance,
        )
        await self._stack.enter_async_context(batching.run())
        self._later = LaterRoutes(
            batching, clock=self._clock, door=self.ring, public_url=settings.public_url
        )

    def _follow_batchers(self) -> None:
        """The upstreams that take batches under credentials of their own."""
        self._batchers.clear()
        for name, upstream in self.table.upstreams.items():
            settings = upstream.settings
            if settings.kind == "simulator" or (settings.kind == "anthropic" and settings.keys):
                self._batchers[name] = upstream

    async def close(self) -> None:
        """Stop the probes, note the last uses of keys and close the connections to upstreams."""
        await self._stack.aclose()
        await self._prober.close()
        if self._alerts is not None:
            await self._alerts.close()
        await self._telemetry.close()
        await self.ring.close()
        for client in self._clients:
            await client.close()

    def build_stages(self, edge: Edge, *observers: Observer) -> Stages:
        """What a call passes beside its upstreams."""
        batching, limits = self.config.batching, self.config.limits
        public_url = "" if batching is None else batching.public_url
        return Stages(
            door=self.ring,
            owners=Owners(self._work, self.ring, self._clock),
            treasury=self.budgets,
            preflight=self.config.preflight,
            cache=self._cache,
            placer=self._placer,
            shaper=None if limits is None else Shaper(self._clock),
            queue_s=0.0 if limits is None else limits.queue_s,
            deferral=self._later,
            batches=PassingBatches(self._work, self._clock, public_url),
            edge=edge,
            observers=self._add_own(observers),
            trace=None if self.config.telemetry.spans is None else point_upstream,
        )

    def _add_own(self, observers: Sequence[Observer]) -> Sequence[Observer]:
        own = (
            self._telemetry.observer,
            None if self._alerts is None else self._alerts.observe,
            None if self._placer is None else self._placer.observe,
        )
        return [*observers, *(observer for observer in own if observer is not None)]

    def replace(self, config: Config) -> None:
        """Go by another configuration from now on; calls under way end as they began.

        UserError for what only a new start can change: then nothing is changed.
        """
        for name in _FIXED:
            if getattr(config, name) != getattr(self.config, name):
                raise UserError(
                    "`{name}` cannot change while the server runs.", hint="Restart it.", name=name
                )
        self.table.replace(config.rules, self._build_upstreams(config, self.table.upstreams))
        self._prober.follow(self.table.upstreams)
        self._follow_batchers()
        self.budgets.replace(config.budgets, self._clock.now())
        self.ring.needs_key = config.needs_key
        self.config = config

    def build_controls(self, load: Callable[[], Config]) -> dict[str, Handler]:
        """The handlers of the paths that show and change it; `load` reads the file anew."""
        controls: dict[str, Handler] = {} if self._later is None else {LATER_PATH: self._later}
        return controls | {
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
        client = HttpClient(
            clock=self._clock,
            timeouts=settings.timeouts,
            max_connections=_MOST_CONNECTIONS,
            reach="private" if settings.allow_private else "public",
        )
        self._clients.append(client)
        if settings.kind == "bedrock":
            return build_bedrock(settings, client)
        if settings.kind == "vertex":
            return build_vertex(settings, client)
        return partial(client.send, base_url=settings.url)


def find_work_shelf(ledger: Path) -> Path:
    """Where a ledger's server keeps answers and deferred calls."""
    return ledger.with_name(f"{ledger.name}.work")


def find_key_shelf(ledger: Path) -> Path:
    """Where the virtual keys of a ledger's server are kept."""
    return ledger.with_name(f"{ledger.name}.keys")
