"""What all steps of one execution share, and what the driver's answers mean to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Final

from tanzaku.wire import RETRY_AFTER, RETRY_AFTER_MS, SHOULD_RETRY
from tanzaku.workbench.assertions import Need
from tanzaku.workbench.flows._actions import Action
from tanzaku.workbench.flows._flow import Retry
from tanzaku.workbench.flows._log import LogEvent
from tanzaku.workbench.flows._meter import Account, Budget
from tanzaku.workbench.flows._result import Spending, Stop, Why
from tanzaku.workbench.project import Environment, RequestFile, Scope
from tanzaku.workbench.sending import Reply

type SchemaFinder = Callable[[RequestFile], Callable[[int, str], Any] | None]
"""For a request: what finds the schema that a document has for an answer of a status and a content
type; None without a document."""

MAX_RETRY_AFTER_S: Final = 60.0
MAX_DELAY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Judging:
    """What assertions may do and know beside the replies: which of their needs are met (see
    `Assertion.needs`), and see `Subject` for the rest."""

    allowed: frozenset[Need] = frozenset({"repeat"})
    may_run_code: bool = False
    update_snapshots: bool = False
    find_schema: SchemaFinder | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An action that was not carried out; the flow ends."""

    why: Why


@dataclass(slots=True)
class Execution:
    """`base` is the scope without any flow's variables, `now` the driver's of its newest call;
    `stopped` is set when nothing more may begin. `ended` are (way, state) of the steps in the order
    they ended. `log` has actions as they were asked for. `accounts` holds the flow's and those of the sub-flows by their ways."""

    environment: Environment
    base: Scope
    seed: int
    sets: Mapping[str, str]
    judging: Judging
    now: float = 0.0
    stopped: Stop = ""
    ended: list[tuple[str, str]] = field(default_factory=list)
    log: list[LogEvent | tuple[float, Action]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    requests: int = 0
    usd: Decimal = Decimal(0)
    output_tokens: int = 0
    unpriced: int = 0

    def count(self, reply: Reply) -> None:
        """Add what a reply used."""
        usage = reply.usage
        self.requests += 1
        self.usd += reply.cost_usd or 0
        if usage is not None:
            self.output_tokens += int(usage.get("output_tokens") or 0)
            self.unpriced += reply.cost_usd is None

    def open_account(self, way: str, budget: Budget) -> None:
        """From now on what is sent at this way and below must fit into `budget`, if it is one."""
        account = Account(way, budget)
        if account.is_limited:
            self.accounts[way] = account

    def find_accounts(self, way: str) -> list[Account]:
        """Those that a request sent there must fit into."""
        return [
            account
            for at, account in self.accounts.items()
            if not at or way == at or way.startswith((f"{at}.", f"{at}~"))
        ]

    @property
    def spending(self) -> Spending:
        """What all replies until now used."""
        return Spending(self.requests, self.usd, self.output_tokens, self.unpriced)


def find_troubles(taken: Reply | Failure) -> frozenset[str]:
    """What is wrong with an answer, in the words of `retry.on`; empty when nothing is. An error
    that ends a stream counts as its status."""
    if isinstance(taken, Failure):
        return frozenset()
    if taken.trouble is not None:
        return frozenset({"timeout" if taken.trouble == "timeout" else "broken"})
    error = taken.read.error if taken.is_stream else None
    status = error.status if error else taken.status
    if status is None or (status < 400 and taken.stream_problem is not None):
        return frozenset({"broken"})
    return frozenset({str(status), f"{status // 100}xx"}) if status >= 400 else frozenset()


def find_delay_s(
    reply: Reply, retry: Retry, attempt: int, execution: Execution, way: str
) -> float | None:
    """Seconds until the next try after `attempt` (from 1), None when there must be none: the answer
    says so, or asks for more patience than MAX_RETRY_AFTER_S. Without its word the wait doubles
    from `delay_s`, and is up to a quarter shorter by chance."""
    headers = reply.headers
    if headers.get(SHOULD_RETRY.decode()) == "false":
        return None
    asked = _read_seconds(headers.get(RETRY_AFTER_MS.decode()), 1000) or _read_seconds(
        headers.get(RETRY_AFTER.decode()), 1
    )
    if asked is not None:
        return asked if asked <= MAX_RETRY_AFTER_S else None
    chance = Random(f"{execution.seed}/{way}/{attempt}").random()
    return float(min(MAX_DELAY_S, retry.delay_s * 2 ** (attempt - 1)) * (1 - chance / 4))


def _read_seconds(text: str | None, per_second: int) -> float | None:
    try:
        value = float(text or "") / per_second
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
