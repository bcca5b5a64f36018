"""What a message of the Claude API is made of, and why it ended."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._compare import read_comparison
from tanzaku.workbench.assertions._finding import Check, Finding, Look, Sight, fails, passes
from tanzaku.workbench.assertions._kind import Kind, compared, looked
from tanzaku.workbench.assertions._numbers import NON_NEGATIVE
from tanzaku.workbench.assertions._ops import LIST, NUMBER, TEXT, Domain

_TEXT_OR_NULL: Final = Domain(("type", *TEXT.ops))
_COUNT: Final = replace(NUMBER, span=NON_NEGATIVE)


def claimed(get: Callable[[Sight], bool]) -> Kind:
    """A kind that something is so (`true`) or is not (`false`)."""

    def read(entry: Entry) -> Look:
        wanted = entry.as_bool()

        def look(sight: Sight) -> Finding:
            found = get(sight)
            if found is wanted:
                return passes(found, expected=wanted)
            return fails("{actual} is not {expected}", actual=found, expected=wanted)

        return look

    return looked(read)


def list_blocks(sight: Sight) -> list[dict[str, Any]]:
    """The content blocks of the message."""
    return [block for block in sight.message["content"] if isinstance(block, dict)]


def _list_types(sight: Sight) -> list[Any]:
    return [block.get("type") for block in list_blocks(sight)]


def _thinks(sight: Sight) -> bool:
    return any(kind in {"thinking", "redacted_thinking"} for kind in _list_types(sight))


def _count_citations(sight: Sight) -> int:
    return sum(len(block.get("citations") or ()) for block in list_blocks(sight))


def _read_model(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    if entry.kind == "mapping":
        op = read_comparison(entry, TEXT)
        return Check(lambda sight: op(sight.message.get("model"), sight))
    return looked(_read_model_name).read(entry, beside)


def _read_model_name(entry: Entry) -> Look:
    wanted = entry.as_text()

    def look(sight: Sight) -> Finding:
        model = sight.message.get("model")
        if isinstance(model, str) and _resolve(model) == _resolve(wanted):
            return passes(model, expected=wanted)
        return fails("the model is {actual}, not {expected}", actual=model, expected=wanted)

    return look


def _resolve(name: str) -> str:
    """The id of a model's alias or platform name; a name that the catalogue does not have, itself."""
    try:
        return get_model(name).id
    except UnknownModelError:
        return name


MESSAGE_KINDS: Final = {
    "stop_reason": compared(lambda sight: sight.message.get("stop_reason"), TEXT),
    "stop_sequence": compared(
        lambda sight: sight.message.get("stop_sequence"),
        _TEXT_OR_NULL,
    ),
    "content_types": compared(_list_types, LIST),
    "model": Kind(_read_model),
    "thinking.present": claimed(_thinks),
    "citations.count": compared(_count_citations, _COUNT),
}
