"""One process, one port: the guard, the gateway, the simulator or the live API, the ledger."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tanzaku.core import SystemClock, UserError
from tanzaku.exchange import Exchange
from tanzaku.gateway import (
    Gateway,
    Interception,
    OneTarget,
    Recorder,
    RetryPolicy,
    Routes,
    Stages,
)
from tanzaku.gateway.telemetry import METRICS, LoopLag, Metrics, MetricsRoute, Reading
from tanzaku.ledger import FileShelf, Ledger, LedgerSettings
from tanzaku.server._control import FAULTS, SCENARIO, ControlRoutes
from tanzaku.server._facts import find_body_limit, load_facts, load_more_facts
from tanzaku.server._gate import Guard, ensure_may_listen, find_hosts
from tanzaku.server._options import ServerOptions, check_live
from tanzaku.server._routes import OwnRoutes, Refusals, Router
from tanzaku.server._seen import SeenRequest, build_seen
from tanzaku.simulator import Simulator
from tanzaku.simulator.faults import Faults
from tanzaku.transport import (
    Handler,
    HttpClient,
    HttpRequest,
    HttpResponse,
    RedactingFormatter,
    ThreadedServer,
    find_reachable_addresses,
    is_loopback_host,
    read_upload,
    run_until_signal,
    serve,
)

if TYPE_CHECKING:
    from tanzaku.gateway.config import Config
    from tanzaku.gateway.keys import Keyring
    from tanzaku.server._configured import Configured
    from tanzaku.simulator.mocks import ToolMocks
    from tanzaku.simulator.replay import Replay

_LOG = logging.getLogger(__name__)
_REMEMBERED_REQUESTS = 1000
# Who starts a server wants an answer at once; nothing else should take its time.
_FIRST_ANSWER_S = 1.0


class Server:
    """A local Claude API with the gateway and the ledger before it, on 127.0.0.1.

    `with Server() as server:` runs it in a thread with an event loop of its own; `async with` in
    the loop at hand; `run` until a signal. `server.url` is what ANTHROPIC_BASE_URL wants.

    `port` 0 takes a free one. `seed` decides what the simulator answers, `options` how, and what
    stands around it. `ledger` is the file the exchanges are kept in (None: in memory, gone with the server). With `live_api_key`, and only
    then, requests go to the Claude API and cost money: that key is used, not the client's.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        live_api_key: str | None = None,
        seed: int = 0,
        ledger: Path | None = None,
        options: ServerOptions = ServerOptions(),  # noqa: B008 - frozen
    ) -> None:
        check_live(live_api_key, options)
        ensure_may_listen(host, options, ledger)
        self._hosts = find_hosts(host, options)
        # Read here, so that a wrong one starts nothing.
        self._config = self._load_config(options) if options.config is not None else None
        self._configured: Configured | None = None
        self._host = host
        self._is_remote = not is_loopback_host(host)
        self._port = port
        self._live_api_key = live_api_key
        self._ledger_path = ledger
        self._clock = SystemClock()
        self._seed = seed
        self._options = options
        self._shelf: FileShelf | None = None
        self._replay: Replay | None = None
        self._simulator = self._build_simulator()
        self._faults = Faults(
            options.faults, seed=seed, clock=self._clock, by_header=options.faults_by_header
        )
        self._mocks = self._load_mocks(options, seed) if options.mocks else None
        self._ledger: Ledger | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._url = ""
        self._forgotten_id: str | None = None
        self._thread: ThreadedServer[Self] | None = None
        self._context: AbstractAsyncContextManager[Self] | None = None

    def __enter__(self) -> Self:
        self._thread = ThreadedServer(self._open)
        return self._thread.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        self._thread.__exit__(exc_type, exc, traceback)

    async def __aenter__(self) -> Self:
        self._context = self._open()
        return await self._context.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._context is not None
        await self._context.__aexit__(exc_type, exc, traceback)

    def run(self, *, on_ready: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM, then let open answers end (30 s at most).

        Blocks the main thread. `on_ready` gets the URL once connections are taken. What is logged
        goes to stderr without credentials, unless the process has a log of its own.
        """
        handler = logging.StreamHandler()
        handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.basicConfig(handlers=[handler])
        run_until_signal(
            self._open,
            on_ready=lambda server: on_ready(server.url),
            on_hangup=None if self._config is None else self._reload,
        )

    @property
    def url(self) -> str:
        """The base URL, `http://127.0.0.1:PORT`."""
        self._running_ledger()
        return self._url

    @property
    def remote_urls(self) -> list[str]:
        """The URLs at which other machines reach it: none, unless it listens for them."""
        if not self._is_remote:
            return []
        port = self.url.rpartition(":")[2]
        hosts = [
            f"[{host}]" if ":" in host else host for host in find_reachable_addresses(self._host)
        ]
        return [f"http://{host}:{port}" for host in hosts]

    @property
    def is_open_to_all(self) -> bool:
        """Whether who has no virtual key may call it."""
        return self._config is None or not self._config.needs_key

    @property
    def upstreams(self) -> list[str]:
        """The upstreams of its configuration; none without one."""
        return [] if self._config is None else list(self._config.upstreams)

    @property
    def live_upstreams(self) -> list[str]:
        """The upstreams of its configuration that may cost money."""
        return [] if self._config is None else self._config.live

    @property
    def ledger(self) -> Ledger:
        """Where the exchanges are; open while the server runs."""
        return self._running_ledger()

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges since the start or the last `reset`, newest first, 1000 at most."""
        ledger = self._running_ledger()
        found: list[Exchange] = []
        for exchange in ledger.list_exchanges(limit=_REMEMBERED_REQUESTS):
            if exchange.exchange_id == self._forgotten_id:
                break
            found.append(exchange)
        return found

    @property
    def requests(self) -> list[SeenRequest]:
        """What clients sent since the start or the last `reset`, newest last, 1000 at most."""
        ledger = self._running_ledger()
        return [
            build_seen(ledger.get_exchange(exchange.exchange_id))
            for exchange in reversed(self.exchanges)
        ]

    def say(
        self,
        answer: str | Sequence[Mapping[str, Any]] | Mapping[str, Any],
        *,
        times: int = 1,
        when: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> None:
        """Script the simulator's answer to the next `times` requests: see `Simulator.say`."""
        self._simulator.say(answer, times=times, when=when)

    def play(self, scenario: Path | str) -> None:
        """Answer by a scenario from now on: a file's path, or the text of one."""
        from tanzaku.simulator.scenario import load_scenario, parse_scenario

        is_text = isinstance(scenario, str) and "\n" in scenario
        self._simulator.play(
            parse_scenario(str(scenario), "played") if is_text else load_scenario(scenario)
        )

    @property
    def mocks(self) -> "ToolMocks":
        """The tool mock sets of `ServerOptions.mocks`, to switch and to look at the calls."""
        if self._mocks is None:
            raise UserError(
                "The server has no tool mock sets.",
                hint="Give their files: `Server(options=ServerOptions(mocks=[...]))`.",
            )
        return self._mocks

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        message: str | None = None,
        retry_after: int | None = None,
        error_type: str | None = None,
    ) -> None:
        """Answer the next `times` requests with an error, in any upstream's place: see
        `Faults.fail`."""
        self._faults.fail(
            status, times=times, message=message, retry_after=retry_after, error_type=error_type
        )

    def reset(self) -> None:
        """Start anew: no scripted answers, no faults, `requests` and `exchanges` empty.

        The simulator answers as it did after the start, ids included. The ledger keeps all.
        """
        newest = self._running_ledger().list_exchanges(limit=1)
        self._forgotten_id = newest[0].exchange_id if newest else None
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._replace_simulator().close(), self._loop)
        self._faults.set_plan(self._options.faults)
        self._faults.reset()
        if self._mocks is not None:
            self._mocks.reset()
        if self._replay is not None:
            self._replay.rewind()

    def _running_ledger(self) -> Ledger:
        if self._ledger is None:
            raise UserError(
                "The server is not running.", hint="Use it inside `with Server() as server:`."
            )
        return self._ledger

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Self]:
        chance = Random()
        refusals = Refusals(chance)
        loading = asyncio.create_task(self._load_facts())
        async with AsyncExitStack() as stack:
            ledger = stack.enter_context(self._open_ledger())
            self._open_shelf(stack)
            stack.push_async_callback(self._close_simulator)
            controls = self._build_controls(stack)
            token = self._load_token()
            ring: Keyring | None = None
            metrics = self._count(ledger, stack)
            controls[METRICS] = MetricsRoute(metrics)
            if self._config is None:
                name, upstream = self._build_upstream(stack)
                routes: Routes = OneTarget(name, self._faults.wrap(upstream), self._find_retry())
                stages = Stages(edge=self._intercept, observers=(metrics.observe,))
            else:
                name = ", ".join(self._config.upstreams)
                configured = await self._configure(self._config, ledger, chance, token, stack)
                await configured.open(ledger, metrics.observe)
                self._configured = configured
                controls |= configured.build_controls(lambda: self._load_config(self._options))
                routes, ring = configured.table, configured.ring
                stages = configured.build_stages(self._intercept, metrics.observe)
            router = Router(
                api=Gateway(routes, ledger=ledger, clock=self._clock, stages=stages, chance=chance),
                own=OwnRoutes(
                    ledger=ledger,
                    ledger_path=None if self._ledger_path is None else ledger.name,
                    upstream=name,
                    clock=self._clock,
                    more=controls,
                ),
                refusals=refusals,
                hosts=self._hosts,
                guard=Guard(token, ring, is_remote=self._is_remote).check,
                list_origins=self._list_origins,
            )
            running = await stack.enter_async_context(
                serve(
                    router,
                    self._host,
                    self._port,
                    max_body_bytes=find_body_limit,
                    on_refusal=refusals.build_plain,
                    allow_remote=self._options.allow_remote,
                    admit=lambda: self._faults.admits(),
                )
            )
            self._url, self._ledger, self._loop = running.url, ledger, asyncio.get_running_loop()
            stack.callback(self._forget_running)
            yield self
        if not loading.cancel():
            await loading

    async def _load_facts(self) -> None:
        await asyncio.to_thread(load_facts)
        await self._clock.sleep(_FIRST_ANSWER_S)
        await asyncio.to_thread(load_more_facts)

    def _open_ledger(self) -> Ledger:
        settings = LedgerSettings() if self._config is None else self._config.ledger
        place = settings.url or self._options.ledger_url or self._ledger_path
        return Ledger.open(place, clock=self._clock, settings=settings)

    def _count(self, ledger: Ledger, stack: AsyncExitStack) -> Metrics:
        lag = LoopLag(self._clock)
        lag.open()
        stack.push_async_callback(lag.close)
        readings = (
            Reading("tanzaku_in_flight", "Calls under way.", lambda: ledger.under_way),
            Reading(
                "tanzaku_loop_lag_seconds",
                "How late the event loop woke at most in the last 15 seconds.",
                lag.worst_s,
            ),
        )
        by_key = self._config is not None and self._config.telemetry.by_key
        return Metrics(ledger, by_key=by_key, readings=readings)

    def _open_shelf(self, stack: AsyncExitStack) -> None:
        # Without a file of its own it is a temporary one: a batch may hold 256 MB.
        self._shelf = FileShelf.open(self._options.shelf)
        stack.callback(self._shelf.close)
        self._simulator.use_shelf(self._shelf)

    def _build_upstream(self, stack: AsyncExitStack) -> tuple[str, Handler]:
        """The upstream's name and what answers under it, recorded where that is asked for."""
        options = self._options
        upstream: Handler
        if self._live_api_key is not None:
            client = HttpClient(clock=self._clock)
            stack.push_async_callback(client.close)
            from tanzaku.gateway.upstreams import ANTHROPIC_URL, Upstream, UpstreamSettings

            settings = UpstreamSettings(
                "anthropic", "anthropic", ANTHROPIC_URL, (self._live_api_key,), is_live=True
            )
            send = partial(client.send, base_url=settings.url)
            route, upstream = settings.name, Upstream(settings, send, self._clock)
        elif options.replay is not None:
            from tanzaku.simulator.replay import Replay

            route = "replay"
            upstream = self._replay = Replay.load(
                options.replay,
                clock=self._clock,
                mode=options.replay_mode,
                speed=options.replay_speed,
            )
        else:
            route, upstream = "simulator", self._ask_simulator
        if options.record is not None:
            recorder = Recorder(upstream, options.record, name=route, clock=self._clock)
            stack.push_async_callback(recorder.close)
            upstream = recorder
        return route, upstream

    def _find_retry(self) -> RetryPolicy | None:
        # Faults at the upstream are there to try the gateway, which then does as it does live.
        is_tried = any(fault.where == "upstream" for fault in self._options.faults.faults)
        return RetryPolicy() if self._live_api_key is not None or is_tried else None

    def _intercept(self, request: HttpRequest) -> Interception | None:
        return self._faults.intercept(request)

    def _reload(self) -> None:
        """Read the configuration anew, on SIGHUP; a bad one changes nothing and is logged."""
        assert self._configured is not None
        try:
            self._configured.replace(self._load_config(self._options))
        except UserError as error:
            _LOG.error("the configuration stays as it was: %s %s", error.message, error.hint)
        else:
            _LOG.warning("the configuration was read anew")

    @staticmethod
    def _load_config(options: ServerOptions) -> "Config":
        from tanzaku.gateway.config import load_config

        assert options.config is not None
        return load_config(options.config, options.environment)

    def _list_origins(self) -> Sequence[str]:
        return () if self._configured is None else self._configured.config.cors

    @staticmethod
    def _load_mocks(options: ServerOptions, seed: int) -> "ToolMocks":
        from tanzaku.simulator.mocks import ToolMocks, load_mocks

        return ToolMocks(*map(load_mocks, options.mocks), seed=seed)

    def _load_token(self) -> str | None:
        """The admin token, where there is something that only it opens."""
        if self._config is None and not self._is_remote:
            return None
        from tanzaku.gateway.keys import ADMIN_VARIABLE, find_token_file, load_admin_token

        path = self._ledger_path
        return load_admin_token(
            self._options.environment.get(ADMIN_VARIABLE),
            None if path is None else find_token_file(path),
        )

    async def _configure(
        self,
        config: "Config",
        ledger: Ledger,
        chance: Random,
        token: str | None,
        stack: AsyncExitStack,
    ) -> "Configured":
        """The gateway that the configuration describes, not yet open."""
        from tanzaku.server._configured import Configured, find_key_shelf, find_work_shelf

        path = self._ledger_path
        # Keys are seldom changed, and one that was revoked must never come back.
        shelf = FileShelf.open(None if path is None else find_key_shelf(path), is_flushed=True)
        stack.callback(shelf.close)
        work = FileShelf.open(None if path is None else find_work_shelf(path))
        stack.callback(work.close)
        configured = Configured(
            config,
            simulator=self._ask_simulator,
            wrap=lambda upstream: self._faults.wrap(upstream),
            clock=self._clock,
            chance=chance,
            shelf=shelf,
            work=work,
            token=token,
        )
        stack.push_async_callback(configured.close)
        return configured

    def _build_controls(self, stack: AsyncExitStack) -> dict[str, Handler]:
        """The handlers of Tanzaku's own paths that change how it answers."""
        control = ControlRoutes(lambda: self._simulator, lambda: self._faults)
        controls: dict[str, Handler] = {SCENARIO: control, FAULTS: control}
        if self._mocks is not None:
            from tanzaku.simulator.mocks import MCP, MOCKS, McpRoute, MockRoutes

            mcp = McpRoute(self._mocks)
            stack.push_async_callback(mcp.close)
            controls |= {MOCKS: MockRoutes(self._mocks), MCP: mcp}
        return controls

    async def _ask_simulator(self, request: HttpRequest) -> HttpResponse:
        # The gateway strips it; batches name the server's own origin by it.
        await read_upload(request)
        request.headers.append((b"host", self._url.removeprefix("http://").encode()))
        return await self._simulator(request)

    def _build_simulator(self) -> Simulator:
        # After a reset nothing is left of earlier batches and files, unless they were to be kept.
        shelf = None if self._options.shelf is None else self._shelf
        settings = self._options.simulator
        return Simulator(seed=self._seed, clock=self._clock, settings=settings, shelf=shelf)

    async def _close_simulator(self) -> None:
        await self._replace_simulator().close()

    def _replace_simulator(self) -> Simulator:
        """The old one, now out of use and still to be closed."""
        old, self._simulator = self._simulator, self._build_simulator()
        return old

    def _forget_running(self) -> None:
        self._ledger = None
