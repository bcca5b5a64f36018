"""Strings, numbers and choices for a JSON Schema: from the prompt where they stand, else usual ones."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._conforms import conforms, is_type, matches
from tanzaku.simulator.improviser._facts import Facts
from tanzaku.simulator.improviser._formats import sample_format
from tanzaku.simulator.improviser._hints import find_kinds, split_name
from tanzaku.simulator.improviser._pattern import UnsupportedPatternError, parse_pattern
from tanzaku.simulator.improviser._samples import sample_number, sample_text
from tanzaku.simulator.improviser._sentiment import choose_sentiment

_ANSWERS = frozenset(["answer", "result", "value", "total", "sum", "solution", "product"])
_TRIES = 8
_FREE = 3
LOOSE = frozenset({"text", "phrase"})


class Scalars:
    """The leaves of one draft. `used` are the values of the prompt that are taken already; `is_told`
    is whether the list at hand stands in the prompt; `attempt` rotates through choices and, later
    on, ignores the prompt."""

    def __init__(
        self,
        root: Mapping[str, Any],
        facts: Facts,
        chance: Chance,
        preferred: Mapping[str, str],
        attempt: int,
    ) -> None:
        self._root = root
        self._facts = facts
        self._chance = chance
        self._preferred = preferred
        self._attempt = attempt
        self.used: set[str] = set()
        self.is_told = False

    def count_unused(self, kind: str) -> int:
        return sum(value not in self.used for value in self._facts.find(kind))

    def write(self, schema: Mapping[str, Any], kind: str, name: str, index: int) -> Any:
        """A value of `kind` for the property `name`; `index` is its place in a list, else -1."""
        value = self._write(schema, kind, name, index)
        if "not" in schema:
            attempt = self._attempt
            while not self.fits(value, schema) and self._attempt < attempt + _TRIES:
                self._attempt += 1
                value = self._write(schema, kind, name, index)
            self._attempt = attempt
        return value

    def _write(self, schema: Mapping[str, Any], kind: str, name: str, index: int) -> Any:
        match kind:
            case "boolean":
                return self._boolean(schema, name)
            case "null":
                return None
            case "integer" | "number":
                return self._number(schema, kind, name, index)
            case _:
                return self._string(schema, name, index)

    def choose(self, schema: Mapping[str, Any]) -> Any:
        """The enum value that the prompt mentions, else the default, else the first that fits."""
        choices = [choice for choice in schema["enum"] if self.fits(choice, schema)]
        if not choices:
            return schema["enum"][0] if schema["enum"] else None
        mentioned = self.find_mentioned(choices)
        if mentioned is None:
            mentioned = choose_sentiment(choices, self._facts.text)
        if mentioned is not None:
            return mentioned
        if "default" in schema and self.fits(schema["default"], schema):
            return schema["default"]
        return choices[self._attempt % len(choices)]

    def find_mentioned(self, choices: list[Any]) -> Any:
        """The choice that the prompt names first; None when it names none."""
        text = self._facts.text.lower()
        best, best_at = None, len(text)
        for choice in choices:
            if isinstance(choice, bool) or not isinstance(choice, str | int):
                continue
            if choice == "" or choice in self.used:
                continue
            at = _find_word(text, str(choice).lower().replace("_", " "))
            if 0 <= at < best_at:
                best, best_at = choice, at
        return best

    def _boolean(self, schema: Mapping[str, Any], name: str) -> bool:
        default = schema.get("default")
        if isinstance(default, bool):
            return default
        text = self._facts.text.lower()
        return any(word in text for word in split_name(name) if len(word) > 3)

    def _number(self, schema: Mapping[str, Any], kind: str, name: str, index: int) -> float:
        is_place = index >= 0 and split_name(name)[-1:] in (["id"], ["step"], ["index"], ["order"])
        if (index <= 0 or self.is_told) and not is_place and self._attempt < _FREE:
            drawn = self.draw_number(schema, kind, name, near_only=False)
            if drawn is not None:
                return drawn
        default = schema.get("default")
        if default is not None and is_type(default, kind) and self.fits(default, schema):
            return float(default) if isinstance(default, float) else int(default)
        return sample_number(schema, kind, name, index, self._chance)

    def draw_number(
        self, schema: Mapping[str, Any], kind: str, name: str, *, near_only: bool
    ) -> float | None:
        """A number of the prompt: the one beside a word of the property's name, else the next."""
        text = self._facts.text.lower()
        stems = [word.rstrip("s") for word in split_name(name) if len(word) > 2]
        later = None
        if self._facts.sums and stems and stems[-1] in _ANSWERS:
            result = float(self._facts.sums[0].value)
            exact: float = int(result) if result.is_integer() else result
            if (kind == "number" or isinstance(exact, int)) and self.fits(exact, schema):
                return exact
        for literal in self._facts.find("number"):
            value: float = float(literal) if "." in literal else int(literal)
            if kind == "integer" and isinstance(value, float):
                continue
            if literal in self.used or not self.fits(value, schema):
                continue
            at = text.find(literal)
            around = text[max(0, at - 16) : at + len(literal) + 16]
            if any(stem in around for stem in stems):
                self.used.add(literal)
                return value
            if later is None:
                later = (literal, value)
        if near_only or later is None:
            return None
        self.used.add(later[0])
        return later[1]

    def _string(self, schema: Mapping[str, Any], name: str, index: int) -> str:
        wanted = self._preferred.get(name)
        if wanted is not None and self.fits(wanted, schema):
            return wanted
        kinds = find_kinds(name, schema)
        if self._attempt < _FREE:
            # The items of a list are told apart by what they say, not by repeating the prompt.
            found = kinds or (() if "format" in schema else ("quoted",))
            drawn = self.draw([kind for kind in found if index < 0 or kind not in LOOSE], schema)
            if drawn is not None:
                return drawn
            for ready in (schema.get("default"), *_examples(schema)):
                if isinstance(ready, str) and self.fits(ready, schema):
                    return ready
        if isinstance(source := schema.get("pattern"), str):
            return self._from_pattern(source, schema)
        declared = schema.get("format")
        if isinstance(declared, str):
            sample = sample_format(declared, self._chance, max(index, 0))
            if sample is not None and self.fits(sample, schema):
                return sample
        text = sample_text(name, kinds, self._facts, self._chance, index)
        if self._attempt >= _FREE:
            text = f"{text} {self._attempt}"
        return _fit_length(text, schema)

    def draw(self, kinds: tuple[str, ...] | list[str], schema: Mapping[str, Any]) -> str | None:
        for kind in kinds:
            for value in self._facts.find(kind):
                if value not in self.used and self.fits(value, schema):
                    self.used.add(value)
                    return value
        return None

    def _from_pattern(self, source: str, schema: Mapping[str, Any]) -> str:
        for value in self._facts.scanned.get("code", []) + self._facts.scanned.get("number", []):
            if matches(value, source) and self.fits(value, schema):
                return value
        pattern = parse_pattern(source)
        if pattern is None:
            examples = [example for example in _examples(schema) if isinstance(example, str)]
            return examples[0] if examples else _fit_length("value", schema)
        least = schema.get("minLength", 0)
        value = ""
        with suppress(UnsupportedPatternError):
            for growth in (1, 0, 2, 4, least, least // 2 + 1, 16, 3, 8):
                value = pattern.write(self._chance, min(growth, 2048))
                if self.fits(value, schema):
                    break
        return value

    def fits(self, value: Any, schema: Mapping[str, Any]) -> bool:
        return conforms(value, schema, self._root)


def _find_word(text: str, word: str) -> int:
    """Where `word` stands in `text` by itself, not inside another Latin word; -1 if nowhere."""
    at = text.find(word)
    while at >= 0:
        around = text[max(at - 1, 0) : at] + word[:1], word[-1:] + text[at + len(word) :][:1]
        if not any(pair.isascii() and pair.isalnum() and len(pair) == 2 for pair in around):
            return at
        at = text.find(word, at + 1)
    return -1


def _examples(schema: Mapping[str, Any]) -> list[Any]:
    examples = schema.get("examples")
    return examples if isinstance(examples, list) else []


def _fit_length(text: str, schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if len(text) < low:
        filler = f" {text}" if text else "x"
        text += filler * math.ceil((low - len(text)) / len(filler))
    if high is not None and len(text) > high:
        text = text[: max(high, 0)]
        if text.rstrip() and len(text.rstrip()) >= low:
            text = text.rstrip()
    return text
