"""Texts of a wanted length, with or without a pattern or a format."""

import re
from hashlib import blake2b
from typing import Any, Final

from tanzaku.workbench.cases._shapes import Flat
from tanzaku.workbench.openapi import write_match

ASCII: Final = "a"
HAN: Final = "文"
EMOJI: Final = "😀"
"""One character, two units of UTF-16, four bytes of UTF-8."""
UNICODE: Final = "Zoë 天气 😀"
LONG: Final = 2000
MOST: Final = 20_000
"""No longer texts are written into a suite."""
FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "date": ("2026-01-31", "2024-02-29"),
    "date-time": ("2026-01-31T12:00:00Z", "2024-02-29T23:59:59.123+08:00"),
    "time": ("12:00:00Z",),
    "duration": ("PT1S",),
    "email": ("someone@example.com", "a.b+c@example.co.uk"),
    "hostname": ("example.com",),
    "ipv4": ("192.0.2.1",),
    "ipv6": ("2001:db8::1",),
    "uri": ("https://example.com/a", "https://example.com/a/b?c=d"),
    "url": ("https://example.com/a",),
    "uri-reference": ("/a",),
    "uuid": ("3f2504e0-4f89-41d3-9a0c-0305e82c3301",),
    "byte": ("dGV4dA==",),
    "regex": (".*",),
    "json-pointer": ("/a",),
}
BAD_FORMATS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "date": (("text", "yesterday"), ("no_such_day", "2026-02-30"), ("slashes", "31/01/2026")),
    "date-time": (
        ("text", "yesterday"),
        ("no_such_day", "2026-02-30T12:00:00Z"),
        ("without_zone", "2026-01-31T12:00:00"),
        ("date_only", "2026-01-31"),
        ("no_such_hour", "2026-01-31T25:00:00Z"),
    ),
    "time": (("text", "noon"), ("no_such_hour", "25:00:00Z")),
    "duration": (("text", "soon"),),
    "email": (("text", "no-at-sign"), ("no_domain", "someone@"), ("no_name", "@example.com")),
    "hostname": (("text", "-bad-.example"),),
    "ipv4": (("text", "localhost"), ("out_of_range", "256.1.1.1"), ("three_parts", "10.0.0")),
    "ipv6": (("text", "localhost"), ("out_of_range", "2001:db8::fffff")),
    "uri": (("text", "not a uri"), ("relative", "/relative/only")),
    "url": (("text", "not a url"), ("relative", "/relative/only")),
    "uuid": (
        ("text", "not-a-uuid"),
        ("too_short", "3f2504e0-4f89-41d3-9a0c-0305e82c330"),
        ("no_hex", "3f2504e0-4f89-41d3-9a0c-0305e82c330g"),
    ),
    "json-pointer": (("text", "a"),),
    "regex": (("text", "(["),),
}


def build_text(flat: Flat, name: str = "") -> str:
    """A short text that fits."""
    least, most = int(flat.get("minLength", 0)), flat.get("maxLength")
    if "pattern" in flat:
        found = write_pattern(flat["pattern"], least, most)
        if found is not None:
            return found
    known = FORMATS.get(flat.get("format", ""))
    text = known[0] if known else (re.sub(r"[^a-z]+", "", name.lower()) or "text")
    text = text if len(text) >= least else text + ASCII * (least - len(text))
    return text if most is None or known else text[: int(most)]


def write_pattern(pattern: str, least: int, most: Any) -> str | None:
    """A text that the pattern accepts, of at least and at most so many characters."""
    text = write_match(pattern, least)
    return text if text is not None and (most is None or len(text) <= most) else None


def make_unique(text: str, mark: str) -> str:
    """The text with its letters and digits changed, by `mark`, to others of their kind; the part
    of an address behind its `@` stays."""
    head, sign, tail = text.partition("@")
    chances = blake2b(mark.encode(), digest_size=32).digest()
    made: list[str] = []
    for number, one in enumerate(head):
        chance = chances[number % len(chances)]
        is_late = number >= len(head) - 8
        if is_late and "0" <= one <= "9":
            made.append(str(1 + chance % 9))
        elif is_late and "a" <= one <= "f":
            made.append("abcdef"[chance % 6])
        elif is_late and "A" <= one <= "F":
            made.append("ABCDEF"[chance % 6])
        elif is_late and "g" <= one <= "z":
            made.append(chr(ord("g") + chance % 20))
        elif is_late and "G" <= one <= "Z":
            made.append(chr(ord("G") + chance % 20))
        else:
            made.append(one)
    return "".join(made) + sign + tail


def list_texts(flat: Flat) -> list[tuple[str, str, str]]:
    """Texts that should fit: (rule, keyword, text). Who calls asks the schema again."""
    least, most = int(flat.get("minLength", 0)), flat.get("maxLength")
    found: list[tuple[str, str, str]] = []
    if "pattern" in flat:
        for length in {least, least if most is None else int(most)}:
            text = write_pattern(flat["pattern"], length, length)
            if text is not None and len(text) == length:
                keyword = "maxLength" if length == most else "minLength"
                found.append((f"text.{_NAMES[keyword]}", keyword, text))
        other = write_pattern(flat["pattern"], least + 1, most)
        return [*found, ("text.pattern", "pattern", other)] if other else found
    if flat.get("format") in FORMATS:
        return [("text.format", "format", text) for text in FORMATS[flat["format"]]]
    if "minLength" in flat and least <= MOST:
        found.append(("text.min_length", "minLength", ASCII * least))
        found.append(("text.min_length_wide", "minLength", EMOJI * least))
    elif not flat.get("minLength"):
        found.append(("text.empty", "minLength", ""))
    if most is not None and most <= MOST:
        found.append(("text.max_length", "maxLength", ASCII * int(most)))
        if most <= LONG:
            found.append(("text.max_length_han", "maxLength", HAN * int(most)))
            found.append(("text.max_length_emoji", "maxLength", EMOJI * int(most)))
    elif most is None:
        found.append(("text.long", "type", ASCII * LONG))
    end = None if most is None else int(most)
    for rule, text in _LIKE_OTHERS:
        found.append((rule, "type", (text + ASCII * (least - len(text)))[:end]))
    return found


_LIKE_OTHERS: Final = (
    ("text.unicode", UNICODE),
    ("text.digits", "007"),
    ("text.word_null", "null"),
    ("text.word_true", "true"),
    ("text.markup", "<b>&amp;\"'\\</b>"),
    ("text.quote", "it's; DROP TABLE x --"),
    ("text.format_signs", "%s %d {0} ${x}"),
    ("text.line_break", "one\ntwo\ttab"),
)


def list_bad_texts(flat: Flat, good: str) -> list[tuple[str, str, str]]:
    """Texts that should not fit: (rule, keyword, text)."""
    least, most = int(flat.get("minLength", 0)), flat.get("maxLength")
    found: list[tuple[str, str, str]] = []
    if least > 0:
        if "pattern" not in flat and least <= MOST:
            found.append(("text.too_short", "minLength", ASCII * (least - 1)))
            if least > 1:
                found.append(("text.too_short_han", "minLength", HAN * (least - 1)))
                found.append(("text.too_short_emoji", "minLength", EMOJI * (least - 1)))
        found.append(("text.empty_refused", "minLength", ""))
    if most is not None and most <= MOST:
        longer = int(most) + 1
        if "pattern" in flat:
            text = write_pattern(flat["pattern"], longer, None)
            if text is not None:
                found.append(("text.too_long", "maxLength", text))
        else:
            found.append(("text.too_long", "maxLength", ASCII * longer))
            if longer <= LONG:
                found.append(("text.too_long_han", "maxLength", HAN * longer))
                found.append(("text.too_long_emoji", "maxLength", EMOJI * longer))
    if "pattern" in flat:
        found += _list_unmatched(good)
    for rule, text in BAD_FORMATS.get(flat.get("format", ""), ()):
        found.append((f"text.format_{rule}", "format", text))
    return found


def _list_unmatched(good: str) -> list[tuple[str, str, str]]:
    """Right texts with something wrong about them: what a pattern without anchors lets through."""
    return [
        ("text.pattern_other", "pattern", "!! ??"),
        ("text.pattern_prefixed", "pattern", f"!{good}"),
        ("text.pattern_suffixed", "pattern", f"{good}!"),
        ("text.pattern_prefixed_line", "pattern", f"x\n{good}"),
        ("text.pattern_trailing_line", "pattern", f"{good}\n"),
        ("text.pattern_upper", "pattern", good.upper()),
        ("text.pattern_lower", "pattern", good.lower()),
        ("text.pattern_empty", "pattern", ""),
    ]


_NAMES: Final = {"minLength": "min_length", "maxLength": "max_length"}
