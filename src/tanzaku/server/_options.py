"""What stands around the gateway of one server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tanzaku.core import UserError
from tanzaku.simulator import SimulatorSettings
from tanzaku.simulator.faults import FaultPlan

if TYPE_CHECKING:
    from tanzaku.simulator.replay import ReplayMode

_KEY = re.compile("[!-~]+")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Everything off: the simulator as it comes, nothing broken, nothing recorded.

    `simulator`: scenarios, pace, limits, strictness. `faults` happen at the edge or at the
    upstream; with `faults_by_header` a request may name one in `tanzaku-fault`. `mocks` are files
    of tool mock sets, served under `/_tanzaku/mocks` and `/_tanzaku/mcp`. `record` is the file that
    exchanges are appended to; `replay` one that answers in the simulator's place. `shelf` keeps the
    simulator's batches and files across restarts. `config` is a gateway's configuration, whose
    references to secrets `environment` resolves; the admin token may stand there too. With
    `allow_remote` other machines may be let in, which needs an admin token; `hosts` are further
    names by which the server is called, a proxy's for instance. `ledger_url` is a PostgreSQL database
    that keeps the exchanges in place of the server's ledger file; keys and the admin token stay
    beside that.
    """

    simulator: SimulatorSettings = SimulatorSettings()  # noqa: RUF009 - frozen
    faults: FaultPlan = FaultPlan()  # noqa: RUF009 - frozen
    faults_by_header: bool = False
    mocks: Sequence[Path] = ()
    record: Path | None = None
    replay: Path | None = None
    replay_mode: "ReplayMode" = "lenient"
    replay_speed: float | None = None
    shelf: Path | None = None
    config: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    allow_remote: bool = False
    hosts: Sequence[str] = ()
    ledger_url: str | None = field(default=None, repr=False)


def check_live(live_api_key: str | None, options: ServerOptions) -> None:
    """UserError for a key that is none, and for upstreams that exclude each other."""
    if live_api_key is not None and not live_api_key.strip():
        raise UserError("The key for the live API is empty.", hint="Set ANTHROPIC_API_KEY.")
    if live_api_key is not None and _KEY.fullmatch(live_api_key) is None:
        raise UserError(
            "The key for the live API holds a space, a line break or a letter that is not ASCII.",
            hint="Set ANTHROPIC_API_KEY to the key alone.",
        )
    if live_api_key is not None and options.replay is not None:
        raise UserError(
            "A recording is replayed instead of the live API, not beside it.",
            hint="Leave out --live or --replay.",
        )
    if options.config is not None and (live_api_key is not None or options.replay is not None):
        raise UserError(
            "A configuration names its upstreams itself.", hint="Leave out --live and --replay."
        )
