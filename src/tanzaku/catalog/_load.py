"""models.toml → models, each fact checked, each complaint with its line."""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from tanzaku.catalog._facts import (
    FACTS,
    GENERATION_KEYS,
    MAY_BE_UNKNOWN,
    MODEL_KEYS,
    OF_A_TABLE,
    OPTIONAL,
    PACE_FACTS,
    TIER_FACTS,
    UNKNOWN,
    Facts,
    WrongValue,
    read_date,
    read_flag,
    read_text,
    read_texts,
    read_three_counts,
)
from tanzaku.catalog._models import Model, Pace, RateLimit, Source, Tier
from tanzaku.catalog.errors import CatalogFileError

type _Path = tuple[str | int, ...]

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY: Final = re.compile(r"""\s*("[^"]*"|[A-Za-z0-9_-]+)\s*=""")


@dataclass(frozen=True, slots=True)
class Name:
    """What a name stands for: the model, the only platform that calls it so, and the place.

    `geo` is `global` or `regional` where a Bedrock id says so.
    """

    model: Model
    platform: str | None = None
    geo: str | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that models.toml says. `names` has every id, alias and cloud id; `tiers` their names."""

    checked_on: date
    models: tuple[Model, ...]
    names: Mapping[str, "Name"]
    tiers: Mapping[str, Tier]
    sources: Mapping[str, Source]


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """The catalog inside the package, read once."""
    path = Path(__file__).with_name("models.toml")
    return parse_catalog(path.read_text(encoding="utf-8"), path.name)


def parse_catalog(text: str, filename: str) -> Catalog:
    """Read and check a catalog; raises CatalogFileError with file, line, key and nearest key."""
    return _Reader(text, filename).read()


def find_lines(text: str) -> dict[_Path, int]:
    """The line, from 1, of every table header and of every key at the start of a line.

    Tables of an array have their place in it as a step of the path: `("models", 2, "id")`.
    """
    lines: dict[_Path, int] = {}
    counts: dict[_Path, int] = {}
    table: _Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = tuple(name.strip().strip('"') for name in header[2].split("."))
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            lines[table] = number
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1].strip('"')), number)
    return lines


class _Reader:
    """One pass over one text. It knows where things stand, so that it can say so."""

    def __init__(self, text: str, filename: str) -> None:
        self._text = text
        self._filename = filename
        self._lines: dict[_Path, int] | None = None

    def read(self) -> Catalog:
        try:
            data = tomllib.loads(self._text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise CatalogFileError(
                "{file}: {problem}", file=self._filename, problem=error
            ) from error
        self._check_keys(
            data,
            (),
            {
                "checked",
                "sources",
                "fact_sources",
                "rate_limits",
                "tiers",
                "pace",
                "generations",
                "models",
            },
            all_needed=True,
        )
        self._sources = {
            key: self._source(table, ("sources", key))
            for key, table in self._tables(data["sources"], ("sources",))
        }
        self._defaults = self._read_defaults(data["fact_sources"])
        self._limits = {
            key: self._rate_limit(table, ("rate_limits", key))
            for key, table in self._tables(data["rate_limits"], ("rate_limits",))
        }
        tiers = {
            key: Tier(name=key, **self._figures(table, ("tiers", key), TIER_FACTS))
            for key, table in self._tables(data["tiers"], ("tiers",))
        }
        self._paces = {
            key: Pace(**self._figures(table, ("pace", key), PACE_FACTS))
            for key, table in self._tables(data["pace"], ("pace",))
        }
        generations = dict(self._tables(data["generations"], ("generations",)))
        for key, table in generations.items():
            self._check_keys(table, ("generations", key), GENERATION_KEYS)
        models = data["models"]
        if not isinstance(models, list) or not models:
            self._fail(("models",), "`models` must be a list of tables, [[models]]")
        read = tuple(
            self._model(table, ("models", index), generations) for index, table in enumerate(models)
        )
        return Catalog(
            self._value(data["checked"], ("checked",), read_date),
            read,
            self._names(read),
            tiers,
            self._sources,
        )

    def _source(self, table: Mapping[str, Any], path: _Path) -> Source:
        self._check_keys(table, path, {"date", "where"}, all_needed=True)
        return Source(
            str(path[-1]),
            self._value(table["where"], path, read_text),
            self._value(table["date"], path, read_date),
        )

    def _read_defaults(self, table: Any) -> dict[str, str]:
        if not isinstance(table, dict):
            self._fail(("fact_sources",), "`fact_sources` must be a table of fact = source")
        self._check_keys(table, ("fact_sources",), FACTS.keys())
        return {
            name: self._known_source(key, ("fact_sources", name)) for name, key in table.items()
        }

    def _rate_limit(self, table: Mapping[str, Any], path: _Path) -> dict[str, RateLimit]:
        known = {"source", "cache_reads_count", "start", "build", "scale"}
        self._check_keys(table, path, known, all_needed=True)
        self._known_source(table["source"], (*path, "source"))
        reads = self._value(table["cache_reads_count"], (*path, "cache_reads_count"), read_flag)
        return {
            tier: RateLimit(
                *self._value(table[tier], (*path, tier), read_three_counts), cache_reads_count=reads
            )
            for tier in ("start", "build", "scale")
        }

    def _figures(self, table: Mapping[str, Any], path: _Path, facts: Facts) -> dict[str, Any]:
        """The figures of a table that are all needed, with their sources and guesses."""
        self._check_keys(table, path, facts.keys() | OF_A_TABLE)
        self._check_keys(
            {name: table[name] for name in table.keys() & facts.keys()},
            path,
            facts.keys(),
            all_needed=True,
        )
        find_source = self._fact_sources(table, path, facts)
        return {
            **{name: self._value(table[name], (*path, name), facts[name]) for name in facts},
            "sources": {name: self._sources[find_source(name)] for name in facts},
            "guesses": frozenset(self._guesses(table, path, facts)),
        }

    def _model(
        self, table: Mapping[str, Any], path: _Path, generations: Mapping[str, Mapping[str, Any]]
    ) -> Model:
        if not isinstance(table, dict):
            self._fail(path, "a model must be a table")
        self._check_keys(table, path, MODEL_KEYS)
        generation = table.get("generation")
        if not isinstance(generation, str) or generation not in generations:
            self._fail(
                (*path, "generation"),
                f"{_title(table, path)}: no generation `{generation}`",
                _nearest(str(generation), generations),
            )
        inherited = generations[generation]
        origin = ("generations", generation)
        own_sources = self._fact_sources(table, path, FACTS)
        inherited_sources = self._fact_sources(inherited, origin, FACTS)
        facts: dict[str, Any] = {}
        sources: dict[str, str] = {}
        unknown: set[str] = set()
        for name, check in FACTS.items():
            own = name in table
            home, where = (table, path) if own else (inherited, origin)
            if name not in home:
                if name in OPTIONAL:
                    facts[name] = None
                    continue
                self._fail(path, f"{_title(table, path)}: `{name}` is missing")
            value = home[name]
            if value == UNKNOWN and name in MAY_BE_UNKNOWN:
                facts[name] = None
                unknown.add(name)
            else:
                facts[name] = self._value(value, (*where, name), check)
            sources[name] = (own_sources if own else inherited_sources)(name)
        guesses = self._guesses(inherited, origin, FACTS) - table.keys()
        guesses |= self._guesses(table, path, FACTS)
        limits = facts.pop("rate_limits")
        if limits is not None and limits not in self._limits:
            self._fail(
                (*path, "rate_limits"), f"no rate limits `{limits}`", _nearest(limits, self._limits)
            )
        pace = facts.pop("pace")
        if pace not in self._paces:
            self._fail((*path, "pace"), f"no pace `{pace}`", _nearest(pace, self._paces))
        sources["pace"] = self._paces[pace].sources["ttft_ms"].key
        return Model(
            generation=generation,
            rate_limits=None if limits is None else self._limits[limits],
            pace=self._paces[pace],
            unknown=frozenset(unknown),
            guesses=frozenset(guesses),
            sources={name: self._sources[key] for name, key in sources.items()},
            **facts,
        )

    def _fact_sources(
        self, table: Mapping[str, Any], path: _Path, facts: Facts
    ) -> Callable[[str], str]:
        """Which source each fact of a table comes from."""
        if "source" not in table:
            self._fail(path, f"{_title(table, path)}: `source` is missing")
        default = self._known_source(table["source"], (*path, "source"))
        special = table.get("sources", {})
        where = (*path, "sources")
        if not isinstance(special, dict):
            self._fail(where, "`sources` must be a table of fact = source")
        self._check_keys(special, where, facts.keys())
        for name, key in special.items():
            self._known_source(key, where)
            if name not in table:
                self._fail(
                    where, f"{_title(table, path)}: a source for `{name}`, which is not stated here"
                )
        return lambda name: special.get(name) or self._defaults.get(name, default)

    def _known_source(self, key: object, path: _Path) -> str:
        if not isinstance(key, str) or key not in self._sources:
            self._fail(
                path, f"source `{key}` is not in [sources]", _nearest(str(key), self._sources)
            )
        return key

    def _guesses(self, table: Mapping[str, Any], path: _Path, facts: Facts) -> set[str]:
        guesses = self._value(table.get("guesses", []), (*path, "guesses"), read_texts)
        for name in guesses:
            if name not in facts:
                self._fail((*path, "guesses"), f"no fact `{name}`", _nearest(name, facts))
        return set(guesses)

    def _names(self, models: Iterable[Model]) -> dict[str, Name]:
        names: dict[str, Name] = {}
        for index, model in enumerate(models):
            for key, name, platform in model.iter_names():
                first = names.setdefault(name, Name(model, platform)).model
                if first is not model:
                    self._fail(("models", index, key), f"`{name}` names {first.id} already")
        return names

    def _tables(self, value: object, path: _Path) -> list[tuple[str, dict[str, Any]]]:
        if not isinstance(value, dict) or not all(
            isinstance(item, dict) for item in value.values()
        ):
            self._fail(path, f"`{path[0]}` must hold tables")
        return list(value.items())

    def _check_keys(
        self,
        table: Mapping[str, Any],
        path: _Path,
        known: Iterable[str],
        *,
        all_needed: bool = False,
    ) -> None:
        known = set(known)
        for key in table:
            if key not in known:
                self._fail((*path, key), f"unknown key `{key}`", _nearest(key, known))
        if all_needed and (missing := sorted(known - table.keys())):
            self._fail(path, f"`{missing[0]}` is missing")

    def _value[T](self, value: object, path: _Path, check: Callable[[Any], T]) -> T:
        try:
            return check(value)
        except WrongValue as wrong:
            self._fail(path, f"`{path[-1]}` must be {wrong}, not {value!r}")

    def _fail(self, path: _Path, problem: str, advice: str = "") -> NoReturn:
        if self._lines is None:
            self._lines = find_lines(self._text)
        while path and path not in self._lines:
            path = path[:-1]
        raise CatalogFileError(
            "{file}:{line}: {problem}",
            hint="{advice}",
            file=self._filename,
            line=self._lines.get(path, 1),
            problem=problem,
            advice=advice,
        )


def _title(table: Mapping[str, Any], path: _Path) -> str:
    if path[0] == "generations":
        return f"generation {path[1]}"
    if path[0] != "models":
        return f"{path[0]} {path[1]}"
    return str(table.get("id", "a model without id"))


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(sorted(known))}."
