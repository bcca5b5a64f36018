"""Regular expressions that cannot hang: Rust's engine, linear in the text."""

from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from tanzaku.workbench.assertions._finding import CannotJudge
from tanzaku.workbench.assertions._text import normalise

MAX_PATTERN: Final = 1000
MAX_TEXT: Final = 1_000_000


@lru_cache(maxsize=512)
def compile_regex(pattern: str) -> SchemaValidator:
    """ValueError, saying why, for what is none, is too long or looks around or back."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    schema = core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
    try:
        return SchemaValidator(schema)
    except SchemaError as error:
        raise ValueError(str(error).rpartition("error: ")[2].strip()) from None


def occurs(pattern: str, text: str) -> bool:
    """Whether the expression matches somewhere in the composed text."""
    if len(text) > MAX_TEXT:
        raise CannotJudge("the text is longer than {most} characters", most=MAX_TEXT)
    return compile_regex(pattern).isinstance_python(normalise(text))


def matches_always(pattern: str) -> bool:
    """Whether it matches the empty text and whatever stands in another, so cannot fail."""
    return occurs(pattern, "") and occurs(pattern, "\ue000") and occurs(pattern, "a1 \n")
