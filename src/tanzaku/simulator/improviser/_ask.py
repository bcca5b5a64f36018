"""What a prompt wants done, apart from the text it wants it done to."""

import re
from dataclasses import dataclass

_MAX_INSTRUCTION = 240
_HALF = 120
_FENCED = re.compile(
    r"```[^\n]*\n(?P<code>.*?)(?:```|\Z)|\"\"\"\s*(?P<quoted>.+?)\s*\"\"\""
    r"|<(?P<tag>[a-z_]{1,20})>\s*(?P<tagged>.+?)\s*</(?P=tag)>",
    re.DOTALL,
)
_COLON = re.compile(r"[:：](?<!\d[:：])(?!/)\s*(?=\S)")
_QUOTED = re.compile(r"“([^”]+)”|「([^」]+)」|\"([^\"]+)\"|(?<!\w)'([^\n]+)'(?!\w)|‘([^’]+)’")


@dataclass(frozen=True, slots=True)
class Ask:
    """`instruction` has at most 240 characters; `material` is the text handed along, or "";
    `is_code` whether that text came in a code fence."""

    instruction: str
    material: str
    is_code: bool = False


def split_ask(question: str) -> Ask:
    """Material stands between fences, quotes or tags, below the first line, or after a colon."""
    text = question.strip()
    if "```" in text or '"""' in text or "</" in text:
        fenced = _FENCED.search(text)
        if fenced:
            inside = fenced["code"] or fenced["quoted"] or fenced["tagged"] or ""
            around = f"{text[: fenced.start()].strip()} {text[fenced.end() :].strip()}"
            return Ask(_clip(around), inside.strip("\n"), fenced["code"] is not None)
    first, _, rest = text.partition("\n")
    if rest.strip():
        return _split_lines(first, rest)
    has_colon = ":" in text or "：" in text
    colon = _COLON.search(text, 0, _MAX_INSTRUCTION) if has_colon else None
    if colon:
        return Ask(text[: colon.start()], _unquote(text[colon.end() :]))
    quoted = _QUOTED.search(text) if ("'" in text or '"' in text or not text.isascii()) else None
    if quoted:
        around = f"{text[: quoted.start()]}{text[quoted.end() :]}"
        return Ask(_clip(around), quoted[quoted.lastindex or 0])
    return Ask(_clip(text), "")


def _split_lines(first: str, rest: str) -> Ask:
    """The instruction is the first line, or the last where that is the shorter by far."""
    above, _, last = f"{first}\n{rest.rstrip()}".rpartition("\n")
    if len(last) <= _HALF < len(first):
        return Ask(last, above.strip())
    if len(first) > _MAX_INSTRUCTION:
        return Ask(_clip(f"{first}\n{rest}"), "")
    colon = _COLON.search(first)
    after = f"{first[colon.end() :]}\n" if colon else ""
    before = first[: colon.start()] if colon else first
    return Ask(before, _unquote(f"{after}{rest}".strip()))


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) > 2 and text[0] + text[-1] in {'""', "''", "“”", "「」", "‘’"}:
        return text[1:-1].strip()
    return text


def _clip(text: str) -> str:
    if len(text) <= _MAX_INSTRUCTION:
        return text
    return f"{text[:_HALF]}\n{text[-_HALF:]}"
