"""Limits as people write them: a tier's name, a YAML file, or the same as plain values."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tanzaku.catalog import Model, UnknownModelError, get_model, list_models
from tanzaku.core import InputFileError, UserError
from tanzaku.core.plain_yaml import Entry, parse_yaml, read_yaml
from tanzaku.simulator.quota._settings import (
    Capacity,
    Figures,
    OverloadSettings,
    QuotaSettings,
    RampSettings,
    WorkspaceLimits,
    build_tier,
)

_TIERS: Final = ("start", "build", "scale")
_FIGURES: Final = ("requests", "input_tokens", "output_tokens")
_CAPACITY: Final = ("input_tokens", "output_tokens")
_MOST: Final = 10**12


def parse_limits(limits: str | Path | Mapping[str, Any]) -> QuotaSettings:
    """Limits out of `start`, `build`, `scale`, the path of a YAML file, or what such a file holds.

    Raises InputFileError for what a file says wrong, UserError for a word that is no tier.
    """
    if isinstance(limits, Mapping):
        return _read_limits(parse_yaml(json.dumps(limits), "limits"))
    if limits in _TIERS:
        return build_tier(str(limits))
    path = Path(limits)
    if path.suffix not in {".yaml", ".yml"}:
        raise UserError(
            "Unknown limits `{limits}`.",
            hint="Say `start`, `build` or `scale`, or name a YAML file.",
            limits=limits,
        )
    return _read_limits(read_yaml(path))


def _read_limits(entry: Entry) -> QuotaSettings:
    fields = entry.as_fields(("tier", "each_model", "models", *_READERS))
    base = QuotaSettings()
    if "tier" in fields:
        base = build_tier(fields["tier"].as_choice(_TIERS))
    changes = {name: read(fields[name]) for name, read in _READERS.items() if name in fields}
    changes["models"] = _read_models(fields, base.models)
    changes["fast"] = {**base.fast, **changes.get("fast", {})}
    return replace(base, **changes)


def _read_models(fields: Mapping[str, Entry], base: Mapping[str, Figures]) -> dict[str, Figures]:
    """Figures by rate pool: those of `base`, changed by `each_model`, then by `models`."""
    figures = dict(base)
    if "each_model" in fields:
        for model in list_models():
            if model.rate_pool is not None:
                before = base.get(model.rate_pool, Figures())
                figures[model.rate_pool] = _read_figures(fields["each_model"], before)
    if "models" in fields:
        for pool, entry in _read_pools(fields["models"]).items():
            figures[pool] = _read_figures(entry, figures.get(pool, Figures()))
    return figures


def _read_figures(entry: Entry, before: Figures) -> Figures:
    fields = entry.as_fields(_FIGURES)
    return replace(before, **{name: _read_count(each) for name, each in fields.items()})


def _read_pools(entry: Entry) -> dict[str, Entry]:
    """What is written for each model, by rate pool."""
    names: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for name, each in entry.as_mapping().items():
        pool = _find_model(name, each).rate_pool
        if pool is None:
            raise InputFileError(
                "{place}: `{name}` is retired and has no limits.", place=each.name_place, name=name
            )
        if pool in names:
            raise InputFileError(
                "{place}: `{name}` shares its limits with `{other}`.",
                hint="Write them once.",
                place=each.name_place,
                name=name,
                other=names[pool],
            )
        names[pool], entries[pool] = name, each
    return entries


def _find_model(name: str, entry: Entry) -> Model:
    try:
        return get_model(name)
    except UnknownModelError:
        raise InputFileError(
            "{place}: no model is called `{name}`.",
            hint="`tanzaku models` lists them.",
            place=entry.name_place,
            name=name,
        ) from None


def _read_fast(entry: Entry) -> dict[str, Capacity]:
    return {pool: _read_capacity(each) for pool, each in _read_pools(entry).items()}


def _read_priority(entry: Entry) -> dict[str, Capacity]:
    return {
        _find_model(name, each).id: _read_capacity(each)
        for name, each in entry.as_mapping().items()
    }


def _read_capacity(entry: Entry) -> Capacity:
    fields = entry.as_fields(_CAPACITY, needed=_CAPACITY)
    return Capacity(*(_read_count(fields[name]) for name in _CAPACITY))


def _read_workspaces(entry: Entry) -> dict[str, WorkspaceLimits]:
    return {name: _read_workspace(name, each) for name, each in entry.as_mapping().items()}


def _read_workspace(name: str, entry: Entry) -> WorkspaceLimits:
    if name == "default":
        raise InputFileError(
            "{place}: the default workspace cannot have limits.",
            hint="Limit the organization instead.",
            place=entry.name_place,
        )
    fields = entry.as_fields(("each_model", "models", "spend_limit_usd"))
    spend = fields.get("spend_limit_usd")
    return WorkspaceLimits(_read_models(fields, {}), None if spend is None else _read_money(spend))


def _read_ramp(entry: Entry) -> RampSettings:
    fields = entry.as_fields(("start", "step"))
    return RampSettings(**{name: each.as_number(0, 1) for name, each in fields.items()})


def _read_overload(entry: Entry) -> OverloadSettings:
    fields = entry.as_fields(("above", "share"), needed=("above",))
    share = fields["share"].as_number(0, 1) if "share" in fields else 1.0
    return OverloadSettings(_read_count(fields["above"]), share)


def _read_count(entry: Entry) -> int:
    return entry.as_integer(0, _MOST)


def _read_money(entry: Entry) -> Decimal:
    return Decimal(str(entry.as_number(0, _MOST)))


def _read_seconds(entry: Entry) -> float:
    return entry.as_number(0.1, 60)


_READERS: Final[dict[str, Callable[[Entry], Any]]] = {
    "count_tokens_requests": _read_count,
    "batch_requests": _read_count,
    "batch_queue": _read_count,
    "files_requests": _read_count,
    "spend_cap_usd": _read_money,
    "spend_limit_usd": _read_money,
    "spent_usd": _read_money,
    "burst_s": _read_seconds,
    "workspaces": _read_workspaces,
    "fast": _read_fast,
    "priority": _read_priority,
    "ramp": _read_ramp,
    "overload": _read_overload,
}
