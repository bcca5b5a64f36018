"""GET /v1/models and /v1/models/{id}: the catalogue in the API's shape."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs

from tanzaku.catalog import Model, UnknownModelError, get_model, list_models
from tanzaku.wire import ApiError

_LIFECYCLES = ("active", "deprecated", "retired")
_DEFAULT_LIMIT = 20
_MAX_LIMIT = 1000
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_THINKING_TYPES = ("adaptive", "between_tools", "disabled", "enabled")
_KNOWN_QUERIES = frozenset({"after_id", "before_id", "limit", "lifecycle[]", "lifecycle", "beta"})


def list_page(query: str, today: date) -> dict[str, Any]:
    """One page, newest model first; retired ones only when asked for by `lifecycle[]`.

    Raises ApiError 400 on a parameter out of range (texts in the API's form; each a guess).
    """
    parameters = parse_qs(query, keep_blank_values=True)
    for name in parameters:
        if name not in _KNOWN_QUERIES:
            raise ApiError.invalid_request(f"{name}: Extra inputs are not permitted")
    stages = parameters.get("lifecycle[]") or parameters.get("lifecycle") or list(_LIFECYCLES[:2])
    for stage in stages:
        if stage not in _LIFECYCLES:
            raise ApiError.invalid_request(
                "lifecycle: Input should be 'active', 'deprecated' or 'retired'"
            )
    models = [model for model in list_models() if read_lifecycle(model, today) in stages]
    models.sort(key=lambda model: (model.released_on or date.min, model.id), reverse=True)
    limit = _read_limit(parameters.get("limit", [str(_DEFAULT_LIMIT)])[-1])
    ids = [model.id for model in models]
    start, end = 0, len(models)
    if "after_id" in parameters:
        start = _find(ids, parameters["after_id"][-1], "after_id") + 1
    if "before_id" in parameters:
        end = _find(ids, parameters["before_id"][-1], "before_id")
        start = max(start, end - limit)
        has_more = start > 0
    else:
        has_more = start + limit < end
    page = models[start : min(end, start + limit)]
    return {
        "data": [describe_model(model, today) for model in page],
        "has_more": has_more,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def retrieve(name: str, today: date) -> dict[str, Any]:
    """The model of an id or alias; ApiError 404 for any other name."""
    try:
        model = get_model(name)
    except UnknownModelError:
        raise ApiError.unknown_model(name) from None
    return describe_model(model, today)


def read_lifecycle(model: Model, today: date) -> str:
    """The catalogue's state, or `retired` once the day of retirement has come."""
    if model.retires_on is not None and model.retires_on <= today:
        return "retired"
    return model.state


def describe_model(model: Model, today: date) -> dict[str, Any]:
    """A ModelInfo (SDK 2.12 types/model_info.py). Which models have batch, citations, code
    execution, context management and server tools is a guess: all."""
    modes = set(model.thinking_modes)
    return {
        "id": model.id,
        "type": "model",
        "display_name": model.display_name,
        "created_at": _render_day(model.released_on) or "1970-01-01T00:00:00Z",
        "lifecycle": read_lifecycle(model, today),
        "deprecated_at": _render_day(model.deprecated_on),
        "retires_at": _render_day(model.retires_on),
        "line": model.line,
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output_tokens,
        "capabilities": {
            "batch": _support(True),
            "citations": _support(True),
            "code_execution": _support(True),
            "context_management": _support(True)
            | {
                "clear_thinking_20251015": _support(True),
                "clear_tool_uses_20250919": _support(True),
                "compact_20260112": _support(True),
            },
            "effort": _support(bool(model.effort_levels))
            | {level: _support(level in model.effort_levels) for level in _EFFORTS},
            "image_input": _support(True),
            "pdf_input": _support(True),
            "server_tools": _support(True)
            | {"code_execution": _support(True), "web_search": _support(True)},
            "structured_outputs": _support(True),
            "thinking": _support(bool(modes - {"disabled"}))
            | {"types": {kind: _support(kind in modes) for kind in _THINKING_TYPES}},
        },
    }


def _support(is_supported: bool) -> dict[str, Any]:
    return {"supported": is_supported}


def _render_day(day: date | None) -> str | None:
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_limit(text: str) -> int:
    if not text.isdecimal():
        raise ApiError.invalid_request(
            "limit: Input should be a valid integer, unable to parse string as an integer"
        )
    limit = int(text)
    if limit < 1:
        raise ApiError.invalid_request("limit: Input should be greater than or equal to 1")
    if limit > _MAX_LIMIT:
        raise ApiError.invalid_request(f"limit: Input should be less than or equal to {_MAX_LIMIT}")
    return limit


def _find(ids: list[str], wanted: str, name: str) -> int:
    if wanted not in ids:
        raise ApiError.invalid_request(f"{name}: no model has the id {wanted}")
    return ids.index(wanted)
