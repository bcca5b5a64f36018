"""Plausible values for what a prompt does not say."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._conforms import fits_number
from tanzaku.simulator.improviser._facts import Facts
from tanzaku.simulator.improviser._formats import sample_format
from tanzaku.simulator.improviser._hints import split_name
from tanzaku.simulator.improviser._language import detect_language
from tanzaku.simulator.improviser._phrases import get_phrases

_BY_KIND = {
    "email": ("alex@example.com", "sam@example.org"),
    "url": ("https://example.com/",),
    "expression": ("1+1",),
    "phone": ("+1-555-0100", "+1-555-0142"),
    "ip": ("192.0.2.10",),
    "path": ("/tmp/notes.txt",),
    "place": ("San Francisco", "Tokyo", "London", "Singapore"),
    "currency": ("USD",),
    "company": ("Example Inc",),
    "person": ("Alex Chen", "Sam Rivera", "Kim Novak"),
    "time": ("09:00", "14:30"),
}
_INDEXED = frozenset(
    ["id", "step", "index", "order", "number", "position", "rank", "no", "seq", "sequence"]
)
_ANSWERS = frozenset(
    ["answer", "response", "reply", "result", "output", "explanation", "reasoning", "analysis"]
)
_HEADINGS = frozenset(["title", "name", "heading", "label", "category", "topic"])
_SHARES = frozenset(
    ["confidence", "score", "probability", "similarity", "relevance", "ratio", "likelihood"]
)


def sample_text(name: str, kinds: tuple[str, ...], facts: Facts, chance: Chance, index: int) -> str:
    """Text for a property no fact answers: a usual value of its kind, else the prompt's topic.

    `index` is the place in the list the value belongs to, -1 outside of lists.
    """
    words = split_name(name)
    at = max(index, 0)
    if kinds and kinds[0] in _BY_KIND:
        choices = _BY_KIND[kinds[0]]
        return choices[at % len(choices)]
    if kinds and kinds[0] in {"date", "datetime"}:
        return sample_format("date" if kinds[0] == "date" else "date-time", chance, at) or ""
    if words and words[-1] in _INDEXED:
        stem = words[0] if len(words) > 1 else "item"
        return f"{stem}-{at + 1}"
    if words and words[-1] in _ANSWERS:
        return _answer(facts)
    if index >= 0:
        return _list_item(words, facts, index)
    phrases = facts.phrases
    return phrases[0] if phrases else name or "value"


def _answer(facts: Facts) -> str:
    if facts.sums:
        return facts.sums[0].value
    language = detect_language(facts.text)
    topic = facts.phrases[0] if facts.phrases else get_phrases(language, "topic")[0]
    return get_phrases(language, "reply")[0].format(topic=topic)


def _list_item(words: list[str], facts: Facts, index: int) -> str:
    """An item of a plan or list on the topic: its heading for a title, else the whole line."""
    language = detect_language(facts.text)
    phrases = facts.phrases
    items = get_phrases(language, "items")
    line = items[index % len(items)].format(
        topic=phrases[0] if phrases else get_phrases(language, "topic")[0],
        second=phrases[1] if len(phrases) > 1 else get_phrases(language, "second")[0],
    )
    heading, _, rest = line.replace("**", "").partition("：" if "：" in line else ":")
    text = heading if words and words[-1] in _HEADINGS else rest.strip() or heading
    return text if index < len(items) else f"{text} ({index + 1})"


def sample_number(
    schema: Mapping[str, Any], kind: str, name: str, index: int, chance: Chance
) -> float:
    """A number within the bounds of `schema` and a multiple where asked, small where it may be."""
    low, high = _bounds(schema)
    preferred = _prefer_number(split_name(name), index, high, chance)
    step = schema.get("multipleOf")
    if kind == "integer":
        # The whole multiples of a step are the multiples of its numerator.
        step = Fraction(str(step)).numerator if step else 1
        preferred = math.ceil(preferred)
    drafts: list[float]
    anchors: list[float] = [anchor for anchor in (preferred, low, high) if anchor is not None]
    if step:
        drafts = [
            (round(anchor / step) + offset) * step for anchor in anchors for offset in (0, 1, -1)
        ]
    else:
        middle = [low + (high - low) / 2] if low is not None and high is not None else []
        drafts = [*anchors, *middle, *(anchor + offset for anchor in anchors for offset in (1, -1))]
    return next((draft for draft in drafts if fits_number(draft, schema)), drafts[0])


def _prefer_number(words: list[str], index: int, high: float | None, chance: Chance) -> float:
    head = words[-1] if words else ""
    if head in _INDEXED:
        return max(index, 0) + 1
    if head in _SHARES and (high is None or high <= 1):
        return 0.85 + chance.below(14) / 100
    return 4 if head == "rating" else 1 + chance.below(9)


def _bounds(schema: Mapping[str, Any]) -> tuple[float | None, float | None]:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    return (max(lows) if lows else None, min(highs) if highs else None)
