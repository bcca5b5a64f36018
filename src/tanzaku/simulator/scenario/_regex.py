"""Regular expressions that cannot hold up the event loop.

Syntax of Python's `re` without look-around and back-references. Matching is pydantic's Rust engine,
linear in the text; the groups, asked for by few rules and of one text a request, are `_groups`'.
Of a text the first 6,000 and the last 2,000 characters are read.
"""

import re
import warnings

from pydantic_core import SchemaError, SchemaValidator, core_schema

from tanzaku.simulator.scenario._groups import Groups, TooLargeError, measure_pattern

MAX_READ = 8000
MAX_READ_END = 2000
MAX_PATTERN = 500
MAX_SIZE = 500


class RegexError(ValueError):
    """Not an expression, or one that is not run; the text says why, in English."""


class Regex:
    """One expression; `matches` says whether it occurs in a text."""

    __slots__ = ("groups", "matches", "source")

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN:
            raise RegexError(f"longer than {MAX_PATTERN} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                size = measure_pattern(source)
        except (re.error, FutureWarning, DeprecationWarning, OverflowError) as error:
            raise RegexError(str(error)) from None
        if size > MAX_SIZE:
            raise RegexError(f"its counted repeats write out to more than {MAX_SIZE} characters")
        schema = core_schema.str_schema(pattern=source, regex_engine="rust-regex")
        try:
            validator = SchemaValidator(schema)
        except SchemaError as error:
            raise RegexError(str(error).rpartition("error: ")[2].strip()) from None
        self.source = source
        self.matches = validator.isinstance_python
        self.groups: Groups | None = None

    def need_groups(self) -> Groups:
        """The program that finds its groups; made when a template first asks for one."""
        if self.groups is None:
            try:
                self.groups = Groups(self.source)
            except TooLargeError:
                raise RegexError("too large an expression to take groups from") from None
        return self.groups


def shorten(text: str) -> str:
    """What an expression reads of a text."""
    if len(text) <= MAX_READ:
        return text
    return f"{text[: MAX_READ - MAX_READ_END]}\n{text[-MAX_READ_END:]}"
