"""Who answers what the workbench sends: an environment's server, opened and closed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tanzaku.cli.context import CliContext
from tanzaku.core import SystemClock, UserError

if TYPE_CHECKING:
    from tanzaku.workbench.project import Environment
    from tanzaku.workbench.sending import Sender


@dataclass(frozen=True, slots=True)
class SimulatorNeeds:
    """What a simulator must be started with; what is not said is the environment's. Equal needs can
    share one."""

    scenario: Path | None = None
    mocks: tuple[Path, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """`tools_url` is where the tool mock sets are called, None without any. `is_live`: it costs
    money."""

    base_url: str
    tools_url: str | None
    is_live: bool
    sender: "Sender"


@asynccontextmanager
async def open_target(
    context: CliContext,
    environment: "Environment",
    *,
    live: bool,
    needs: SimulatorNeeds = SimulatorNeeds(),
) -> AsyncIterator[Target]:
    """The environment's server: a simulator started in this process, or one that runs elsewhere.

    UserError for an environment that may cost money unless `live` says that this is meant.
    """
    from tanzaku.transport import HttpClient
    from tanzaku.workbench.sending import Sender

    is_live = check_live(environment, live=live)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        tools_url: str | None = None
        base_url = find_base_url(environment)
        if base_url is None:
            base_url, tools_url = await _start_simulator(stack, environment, needs)
        client = HttpClient(clock=clock)
        stack.push_async_callback(client.close)
        sender = Sender(client, clock, base_url, environment.secrets.list_values())
        yield Target(base_url, tools_url, is_live, sender)


def check_live(environment: "Environment", *, live: bool) -> bool:
    """Whether the environment may cost money; UserError when it may and `live` is not said."""
    is_live = may_cost(environment)
    if is_live and not live:
        raise UserError(
            "The environment `{name}` asks the live API, which costs money.",
            hint="Add --live if that is meant.",
            name=environment.id,
        )
    return is_live


def find_base_url(environment: "Environment") -> str | None:
    """Where its server is; None for a simulator, which has no place until it is started."""
    if environment.upstream == "simulator":
        return None
    return environment.base_url or _find_api_url()


def may_cost(environment: "Environment") -> bool:
    """Whether it is live: it says so, or its address is the paid API's."""
    if environment.upstream != "url":
        return environment.upstream == "live"
    host = (urlsplit(environment.base_url or "").hostname or "").rstrip(".")
    paid = urlsplit(_find_api_url()).hostname or ""
    return host == paid or host.endswith("." + ".".join(paid.split(".")[-2:]))


def _find_api_url() -> str:
    from tanzaku.gateway.upstreams import ANTHROPIC_URL

    return ANTHROPIC_URL


async def _start_simulator(
    stack: AsyncExitStack, environment: "Environment", needs: SimulatorNeeds
) -> tuple[str, str | None]:
    from tanzaku.server import Server, ServerOptions
    from tanzaku.simulator import SimulatorSettings, parse_pace
    from tanzaku.simulator.faults import FaultPlan, load_faults

    defaults = environment.simulator
    scenario = needs.scenario or defaults.scenario
    mocks = needs.mocks or defaults.mocks
    options = ServerOptions(
        simulator=SimulatorSettings(
            scenarios=() if scenario is None else (scenario,), pace=parse_pace(defaults.pace)
        ),
        faults=FaultPlan() if defaults.faults is None else load_faults(defaults.faults),
        mocks=mocks,
    )
    server = await stack.enter_async_context(Server(seed=needs.seed, options=options))
    return server.url, f"{server.url}/_tanzaku/mocks" if mocks else None
