"""Rules on thinking, effort, samplers, output length and the other settings of a request."""

from tanzaku.wire._beta import (
    INTERLEAVED_THINKING,
    LONG_BATCH_OUTPUT,
    TASK_BUDGET,
    is_unlocked,
)
from tanzaku.wire._inspection import DOCS_URL, Inspection

EFFORTS = ("low", "medium", "high", "xhigh", "max")
_SAMPLERS = ("temperature", "top_p", "top_k")
_THINKING_DOCS = f"Please consult our documentation at {DOCS_URL}/extended-thinking"
_SAMPLER_DOCS = f"{_THINKING_DOCS}#important-considerations-when-using-extended-thinking"


def check_settings(inspection: Inspection) -> None:
    """Every rule here looks at a field that a plain request does not have, output length apart."""
    request = inspection.request
    _check_output_length(inspection)
    if "thinking" in request:
        _check_thinking(inspection)
    if "output_config" in request:
        _check_output_config(inspection)
    if not inspection.is_strict_version:
        _check_samplers(inspection)
    if "stop_sequences" in request and not all(
        sequence.strip() for sequence in request["stop_sequences"]
    ):
        inspection.refuse("stop_sequences", "each stop sequence must contain non-whitespace")
    _check_delivery(inspection)


def _check_output_length(inspection: Inspection) -> None:
    request, model = inspection.request, inspection.model
    max_tokens = request.get("max_tokens")
    if max_tokens is None:
        return
    limit = model.max_output_tokens
    if inspection.endpoint == "batches" and is_unlocked(LONG_BATCH_OUTPUT, inspection.betas):
        limit = model.max_batch_output_tokens or limit
    if max_tokens > limit:
        inspection.refuse(
            "max_tokens",
            f"{max_tokens} > {limit}, which is the maximum allowed number of output tokens for "
            f"{model.id}",
        )
    elif max_tokens == 0:
        _check_warm_up(inspection)


def _check_warm_up(inspection: Inspection) -> None:
    """`max_tokens: 0` only writes the cache. The texts are guesses but that for a batch, which is in
    public captures of September 2026."""
    request = inspection.request
    thinks = inspection.thinking_mode not in (None, "disabled")
    for refused, what in (
        (request.get("stream"), "`stream` is true"),
        (thinks, "`thinking` is enabled"),
        (inspection.output_schema is not None, "`output_config.format` is set"),
        (inspection.forces_tool, "`tool_choice` forces tool use"),
    ):
        if refused:
            inspection.refuse("max_tokens", f"must be at least 1 when {what}", is_guess=True)
    if inspection.endpoint == "batches":
        inspection.refuse("max_tokens", "must be greater than or equal to 1")


def _check_thinking(inspection: Inspection) -> None:
    request, model = inspection.request, inspection.model
    thinking = request["thinking"]
    mode = thinking["type"]
    if mode not in model.thinking_modes:
        _refuse_mode(inspection, mode)
        return
    if mode == "enabled":
        max_tokens = request.get("max_tokens")
        if (
            max_tokens is not None
            and thinking["budget_tokens"] >= max_tokens
            and not is_unlocked(INTERLEAVED_THINKING, inspection.betas)
        ):
            inspection.refuse(
                "",
                "`max_tokens` must be greater than `thinking.budget_tokens`. "
                f"{_THINKING_DOCS}#max-tokens-and-context-window-size",
                is_guess=True,
            )
        if inspection.forces_tool:
            inspection.refuse("", "Thinking may not be enabled when tool_choice forces tool use.")
    elif mode != "adaptive":
        top = model.reduced_thinking_max_effort
        effort = inspection.effort
        if top and effort and EFFORTS.index(effort) > EFFORTS.index(top):
            inspection.refuse(
                "",
                f'"thinking.type.{mode}" is not supported for this model with '
                f'"output_config.effort" above "{top}".',
                is_guess=True,
            )


def _refuse_mode(inspection: Inspection, mode: str) -> None:
    modes = inspection.model.thinking_modes
    if mode == "adaptive":
        inspection.refuse("", "adaptive thinking is not supported on this model")
        return
    text = f'"thinking.type.{mode}" is not supported for this model.'
    if mode == "enabled" and "adaptive" in modes:
        inspection.refuse(
            "",
            f'{text} Use "thinking.type.adaptive" and "output_config.effort" to control thinking '
            "behavior.",
        )
    elif mode == "disabled" and "between_tools" in modes:
        inspection.refuse("", f'{text} Use "thinking.type.between_tools".', is_guess=True)
    elif mode == "disabled":
        inspection.refuse(
            "", f'{text} Use "output_config.effort" to control thinking behavior.', is_guess=True
        )
    else:
        inspection.refuse("", text, is_guess=True)


def _check_output_config(inspection: Inspection) -> None:
    model, effort = inspection.model, inspection.effort
    if effort is not None and effort not in model.effort_levels:
        if not model.effort_levels:
            inspection.refuse("", "This model does not support the effort parameter.")
        else:
            levels = ", ".join(f"'{level}'" for level in model.effort_levels)
            inspection.refuse(
                "output_config.effort",
                f"'{effort}' is not supported for this model. Supported levels: {levels}",
                is_guess=True,
            )
    if "task_budget" in inspection.request["output_config"] and not is_unlocked(
        TASK_BUDGET, inspection.betas
    ):
        inspection.refuse("output_config.task_budget", "Extra inputs are not permitted")


def _check_samplers(inspection: Inspection) -> None:
    request, model = inspection.request, inspection.model
    given = [name for name in _SAMPLERS if name in request]
    if not given:
        return
    if model.sampling in ("defaults-only", "near-defaults"):
        is_near = model.sampling == "near-defaults"
        allowed = {"temperature": (1,), "top_p": (0.99,) if is_near else (0.99, 1)}
        for name in given:
            if request[name] not in allowed.get(name, ()):
                inspection.refuse(
                    "", f"`{name}` is deprecated for this model", is_guess=name != "temperature"
                )
    if (
        model.sampling in ("one-of-two", "near-defaults")
        and "temperature" in given
        and "top_p" in given
    ):
        inspection.refuse(
            "",
            "`temperature` and `top_p` cannot both be specified for this model. "
            "Please use only one.",
        )
    if inspection.thinking_mode in ("enabled", "adaptive"):
        _check_samplers_beside_thinking(inspection)


def _check_samplers_beside_thinking(inspection: Inspection) -> None:
    request = inspection.request
    if request.get("temperature", 1) != 1:
        inspection.refuse(
            "", f"`temperature` may only be set to 1 when thinking is enabled. {_SAMPLER_DOCS}"
        )
    if request.get("top_p", 1) < 0.95:
        inspection.refuse(
            "",
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. "
            f"{_SAMPLER_DOCS}",
            is_guess=True,
        )
    if "top_k" in request:
        inspection.refuse(
            "", f"`top_k` must be unset when thinking is enabled. {_SAMPLER_DOCS}", is_guess=True
        )


def _check_delivery(inspection: Inspection) -> None:
    """Speed, geography, and what a batch refuses. The texts are guesses but that on `stream`, which
    is in public captures of September 2026."""
    request, model = inspection.request, inspection.model
    if request.get("speed") == "fast" and not model.fast_speed:
        inspection.refuse("", f"{model.id} does not support the `speed` parameter.", is_guess=True)
    if request.get("inference_geo") is not None and model.us_inference_factor is None:
        inspection.refuse(
            "", "This model does not support the inference_geo parameter.", is_guess=True
        )
    if inspection.endpoint == "batches":
        if request.get("stream"):
            inspection.refuse("", "`stream=True` is not supported in the Message Batches API")
        for name in ("speed", "thread"):
            if request.get(name) is not None:
                inspection.refuse(name, "is not supported in a batch", is_guess=True)
