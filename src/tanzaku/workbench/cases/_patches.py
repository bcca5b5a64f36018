"""Merge patches that turn one value into another, as request files write them."""

from collections.abc import Mapping
from typing import Any

from tanzaku.workbench.cases._case import write_canonical

MAX_WHOLE = 10**18
MAX_DEPTH = 30
NULL = "{{null}}"


def build_patch(base: Any, wanted: Any) -> Any:
    """The merge patch (RFC 7386) that makes `wanted` of `base`; where a null is to be sent it says
    `{{null}}`, and two braces in a text are escaped."""
    if not isinstance(base, Mapping) or not isinstance(wanted, Mapping):
        return write_value(wanted)
    patch: dict[str, Any] = {key: None for key in base if key not in wanted}
    for key, value in wanted.items():
        if key not in base:
            patch[key] = write_value(value)
        elif write_canonical(base[key]) != write_canonical(value):
            patch[key] = build_patch(base[key], value)
    return patch


def write_value(value: Any) -> Any:
    """A value as a request's file has it."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return value.replace("{{", "\\{{")
    if isinstance(value, list):
        return [write_value(one) for one in value]
    if isinstance(value, Mapping):
        return {key: write_value(one) for key, one in value.items()}
    return value


def read_value(value: Any) -> Any:
    """What `write_value` wrote; a place stays what it is."""
    if isinstance(value, str):
        return None if value == NULL else value.replace("\\{{", "{{")
    if isinstance(value, list):
        return [read_value(one) for one in value]
    if isinstance(value, Mapping):
        return {key: read_value(one) for key, one in value.items()}
    return value


def fits_yaml(value: Any, depth: int = 0) -> bool:
    """Whether a file of the project can hold the value: no number of more than 18 digits, no depth
    beyond what is read."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, int):
        return abs(value) < MAX_WHOLE
    if isinstance(value, float):
        return abs(value) < 1e300
    if isinstance(value, list):
        return all(fits_yaml(one, depth + 1) for one in value)
    if isinstance(value, Mapping):
        return all(fits_yaml(one, depth + 1) for one in value.values())
    return True
