"""Constraints for `Annotated`, read by pydantic when the first request is checked.

They need no import of pydantic, which would cost a program that only reads the types 60 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, get_args

STRING_BRANCH = "(string)"
OTHER_BRANCH = "(other)"


class _Generator(Protocol):
    def __call__(self, source: Any, /) -> dict[str, Any]: ...
    def generate_schema(self, source: Any, /) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Range of a number, length of a string or list, pattern of a string; None: none."""

    ge: int | None = None
    gt: int | None = None
    le: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: _Generator) -> dict[str, Any]:
        schema = dict(handler(source))
        for name in self.__slots__:
            if (bound := getattr(self, name)) is not None:
                schema[name] = bound
        return schema


class ByType:
    """A union told apart by its `type`, named in paths as the API does.

    `default` is the tag of an object without one.
    """

    def __init__(self, default: str | None = None) -> None:
        self.default = default

    def __get_pydantic_core_schema__(self, source: Any, handler: _Generator) -> dict[str, Any]:
        choices: dict[str, Any] = {}
        for member in get_args(source):
            schema = handler.generate_schema(member)
            for tag in _list_tags(member):
                choices[tag] = schema
        return {
            "type": "tagged-union",
            "choices": choices,
            "discriminator": "type" if self.default is None else self.find_tag,
        }

    def find_tag(self, value: Any) -> str | None:
        """The tag of `value`, None where it can have none."""
        if not isinstance(value, Mapping):
            return None
        tag = value.get("type")
        return self.default if tag is None else str(tag)


class StringOr:
    """A string or one other form. The form tried does not show in the API's paths."""

    def __get_pydantic_core_schema__(self, source: Any, handler: _Generator) -> dict[str, Any]:
        string, other = get_args(source)
        return {
            "type": "union",
            "mode": "left_to_right",
            "choices": [
                (handler.generate_schema(string), STRING_BRANCH),
                (handler.generate_schema(other), OTHER_BRANCH),
            ],
        }


def _list_tags(member: Any) -> list[str]:
    """The literal values of a TypedDict's `type`."""
    pending = [member.__annotations__["type"]]
    tags: list[str] = []
    while pending:
        for part in get_args(pending.pop()):
            if isinstance(part, str):
                tags.append(part)
            else:
                pending.append(part)
    return tags


type ToolUseId = Annotated[str, Bounds(pattern="^[a-zA-Z0-9_-]+$")]
type ServerToolUseId = Annotated[str, Bounds(pattern="^srvtoolu_[a-zA-Z0-9_]+$")]
type Index = Annotated[int, Bounds(ge=0)]
type AtLeastOne = Annotated[int, Bounds(ge=1)]
type Positive = Annotated[int, Bounds(gt=0)]
