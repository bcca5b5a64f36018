"""What the API would refuse."""

from collections.abc import Collection, Mapping
from typing import Any

from tanzaku.wire._check_caching import check_caching
from tanzaku.wire._check_ending import check_ending
from tanzaku.wire._check_messages import check_messages, check_system
from tanzaku.wire._check_settings import check_settings
from tanzaku.wire._check_strict import check_strict_schema
from tanzaku.wire._check_tools import check_tools
from tanzaku.wire._headers import VERSION_2026_10_21
from tanzaku.wire._inspection import Endpoint, Inspection
from tanzaku.wire._rules import ModelRules
from tanzaku.wire._schema import check_shape
from tanzaku.wire._violation import Violation

_SAMPLERS = frozenset(("temperature", "top_p", "top_k"))
_SUMMED_GENERATIONS = frozenset(("3-5", "4"))


def validate(
    request: Mapping[str, Any],
    model: ModelRules | None,
    version: str = VERSION_2026_10_21,
    *,
    endpoint: Endpoint = "messages",
    betas: Collection[str] = (),
) -> list[Violation]:
    """Everything the API would refuse `request` for; the first is what it answers.

    `model` is what `request["model"]` names, None where no such model is known. `endpoint`
    "batches" is for the `params` of one request of a batch. The length of the prompt is left to
    `check_prompt_length`, because it takes a token count. A request of the wrong shape is not
    looked at further. In which order the API checks what follows the shape is a guess.
    """
    found = validate_shape(request, version, endpoint=endpoint, betas=betas)
    if found:
        return found
    is_strict_version = version >= VERSION_2026_10_21
    if model is None or model.state == "retired":
        return [Violation("", f"model: {request['model']}", 404, "not_found_error")]
    inspection = Inspection(request, model, endpoint, betas, is_strict_version)
    check_settings(inspection)
    check_tools(inspection)
    check_system(inspection)
    check_messages(inspection)
    check_ending(inspection)
    check_caching(inspection)
    schema = inspection.output_schema
    if schema is not None:
        check_strict_schema(inspection, schema, "output_config.format.schema")
    return inspection.found


def validate_shape(
    request: Mapping[str, Any],
    version: str = "",
    *,
    endpoint: Endpoint = "messages",
    betas: Collection[str] = (),
) -> list[Violation]:
    """What of `request` is missing, of a wrong type, out of range or not known.

    Without a `version` no field counts as removed.
    """
    return check_shape(
        request,
        "count_tokens" if endpoint == "count_tokens" else "messages",
        betas=betas,
        removed=_SAMPLERS if version >= VERSION_2026_10_21 else (),
    )


def validate_batch_create(request: Mapping[str, Any]) -> list[Violation]:
    """What the API would refuse on creation of a batch.

    Its requests are checked when the batch runs: `validate` with `endpoint="batches"`. The text on
    a repeated `custom_id` is in public captures of September 2026.
    """
    found = check_shape(request, "batch")
    if found:
        return found
    seen: set[str] = set()
    for item in request["requests"]:
        custom_id = item["custom_id"]
        if custom_id in seen:
            return [
                Violation(
                    "requests",
                    "custom_id's must be unique within a batch. Duplicate custom_id found: "
                    f"{custom_id}",
                )
            ]
        seen.add(custom_id)
    return []


def check_prompt_length(input_tokens: int, max_tokens: int, model: ModelRules) -> Violation | None:
    """Whether a prompt fits the context window.

    From the 4.5 models on only the prompt itself has to fit; the answer then may end with
    `model_context_window_exceeded`. Older ones refuse when prompt and `max_tokens` together do not.
    """
    window = model.context_window
    if input_tokens > window:
        return Violation("", f"prompt is too long: {input_tokens} tokens > {window} maximum")
    if model.generation in _SUMMED_GENERATIONS and input_tokens + max_tokens > window:
        return Violation(
            "",
            f"input length and `max_tokens` exceed context limit: {input_tokens} + {max_tokens} > "
            f"{window}, decrease input length or `max_tokens` and try again",
        )
    return None
