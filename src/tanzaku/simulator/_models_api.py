"""GET /v1/models and /v1/models/{id}: the catalogue in the API's shape."""

from datetime import UTC, date, datetime
from typing import Any

from tanzaku.catalog import Model, UnknownModelError, get_model, list_models
from tanzaku.simulator._pages import cut_page
from tanzaku.wire import ApiError, parse_query

_USUAL_LIFECYCLES = ("active", "deprecated")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_THINKING_TYPES = ("adaptive", "between_tools", "disabled", "enabled")


def list_page(query: str, today: date) -> dict[str, Any]:
    """One page, newest model first; retired ones only when asked for by `lifecycle[]`.

    Raises ApiError 400 on a parameter out of range (texts in the API's form; each a guess).
    """
    wanted = parse_query(query, "models")
    stages = wanted.get("lifecycle", _USUAL_LIFECYCLES)
    models = [model for model in list_models() if read_lifecycle(model, today) in stages]
    models.sort(key=lambda model: (model.released_on or date.min, model.id), reverse=True)
    places = {model.id: -place for place, model in enumerate(models)}
    page = cut_page(models, places, wanted)
    return page.show([describe_model(model, today) for model in page.items])


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
