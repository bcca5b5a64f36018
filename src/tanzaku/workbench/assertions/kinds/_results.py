"""Whether an answer uses what the tools gave back: a heuristic."""

import re
from collections.abc import Iterator, Mapping
from json import dumps
from typing import Any, Final

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import CannotJudge, Finding, Look, Sight, fails, passes
from tanzaku.workbench.assertions._kind import looked
from tanzaku.workbench.assertions._text import fold
from tanzaku.workbench.assertions.kinds._requests import list_texts, read_request

_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_WORD: Final = re.compile(r"[^\W\d_]{4,}|[\u3400-\u9fff]{2,}")


def _read_result_used(entry: Entry) -> Look:
    wanted = entry.as_bool() if entry.kind == "boolean" else True
    only = None if entry.kind == "boolean" else entry.as_text()

    def look(sight: Sight) -> Finding:
        results = [one for one in _list_results(sight) if only in (None, one[0])]
        if not results:
            raise CannotJudge("the request holds no result of a tool")
        text = fold(sight.whole.text)
        unused = [name for name, marks in results if not any(_stands_in(m, text) for m in marks)]
        if (not unused) is wanted:
            return passes(not unused, expected=wanted)
        if unused:
            return fails(
                "nothing of these tools' results is in the answer (a heuristic): {actual}",
                actual=unused,
            )
        return fails("the results are in the answer (a heuristic)", actual=True, expected=False)

    return look


def _list_results(sight: Sight) -> list[tuple[str, set[str]]]:
    """(tool, marks) of each result in the request: its numbers and words that stand nowhere else in
    the request. An error is none; CannotJudge where a result has no mark."""
    _ = sight.message
    names: dict[Any, str] = {}
    results: list[tuple[str, str]] = []
    others: list[str] = []
    for block in _iter_blocks(read_request(sight.reply)):
        if block.get("type") == "tool_use":
            names[block.get("id")] = str(block.get("name"))
            others.append(dumps(block.get("input"), ensure_ascii=False))
        elif block.get("type") != "tool_result":
            others += list_texts([block])
        elif not block.get("is_error"):
            text = "\n".join(list_texts(block.get("content")))
            results.append((names.get(block.get("tool_use_id"), "?"), text))
    known = fold("\n".join(others))
    marked = [(name, {m for m in _find_marks(text) if m not in known}) for name, text in results]
    for name, marks in marked:
        if not marks:
            raise CannotJudge("the result of {name} has nothing to look for", name=name)
    return marked


def _iter_blocks(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield {"type": "text", "text": content}
        elif isinstance(content, list):
            yield from (block for block in content if isinstance(block, dict))


def _find_marks(text: str) -> set[str]:
    folded = fold(text)
    return {*_NUMBER.findall(folded), *_WORD.findall(folded)}


def _stands_in(mark: str, text: str) -> bool:
    """A number stands as a whole one, a word anywhere."""
    if not mark[0].isdigit():
        return mark in text
    return mark in _NUMBER.findall(text)


RESULT_KINDS: Final = {
    "tool_result_used": looked(_read_result_used),
}
