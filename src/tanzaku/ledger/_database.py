"""The seam between what a ledger does and the engine that keeps it.

SQL below this folder is written once, with `:name` for values, in what SQLite and PostgreSQL share;
where they differ there is a Dialect.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from tanzaku.core import Clock, UserError

type Row = tuple[Any, ...]

NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Dialect:
    """`day`: the UTC day of `started_at` as text. `find`: the function that gives the place of one
    text in another, from 1, or 0. `stored`: the one that says how many bytes a value takes up.
    `bytes_in_use`: a question for how many all rows do, where that is known without reading them."""

    day: str
    find: str
    stored: str
    bytes_in_use: str | None


class Database(Protocol):
    """One connection."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the engine raises."""
        ...

    @property
    def row_errors(self) -> tuple[type[Exception], ...]:
        """What a single row is to blame for: the transaction would succeed without it."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the connection is of no more use."""
        ...

    def fetch(self, sql: str, values: Mapping[str, Any] = NO_VALUES) -> list[Row]:
        """All rows of one statement; none for one that asks nothing."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append rows whose values stand in the order of `columns`."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside or, when it raises, nothing. On return it is durable."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Every query inside sees the same state."""
        ...

    def find_damage(self) -> list[str]:
        """What the engine itself finds wrong in what it has stored."""
        ...

    def recover(self) -> bool:
        """Connect again where the connection is lost; whether that was done.

        Raises one of `errors`, or LedgerError, while it cannot be done.
        """
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """What keeps one ledger."""

    @property
    def name(self) -> str:
        """How messages call it, without a password."""
        ...

    def open_writer(self, resources: ExitStack, clock: Clock) -> Database:
        """The only connection that writes, of the newest schema; `resources` gives it back.

        UserError when another process writes, or when this is no ledger of this Tanzaku's.
        """
        ...

    def explain(self, error: Exception) -> UserError:
        """What is said when it cannot be opened."""
        ...

    def check(self) -> None:
        """UserError unless there is a ledger of this Tanzaku's schema."""
        ...

    def connect_reader(self) -> Database: ...


def explain_older(name: str, version: int) -> UserError:
    """What a reader says of a ledger that a writer has to bring up to date."""
    return UserError(
        "The ledger {path} has the older schema {version}.",
        hint="Start `tanzaku serve` on it once: that makes a backup and brings it up to date.",
        path=name,
        version=version,
    )


def explain_newer(name: str, version: int, newest: int) -> UserError:
    """What is said of a ledger that a later Tanzaku has written."""
    return UserError(
        "The ledger {path} has schema {version}; this Tanzaku knows up to {newest}.",
        hint="Upgrade Tanzaku, or choose another file with --ledger. Nothing was changed.",
        path=name,
        version=version,
        newest=newest,
    )


def explain_missing(name: str) -> UserError:
    """What is said where no ledger is."""
    return UserError(
        "There is no ledger at {path}.",
        hint="`tanzaku serve` makes it; or name another file with --ledger.",
        path=name,
    )
