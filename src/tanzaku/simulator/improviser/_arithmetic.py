"""Sums that stand in a prompt: found in symbols, English or Chinese, and worked out exactly."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_BIG_UNITS = {"万": 10_000, "亿": 100_000_000}
_ENGLISH_TEXT = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen twenty
"""
_ENGLISH = {word: value for value, word in enumerate(_ENGLISH_TEXT.split())} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_NUMBER_WORDS = frozenset(_ENGLISH)

_OPERATORS = {
    "+": "+", "＋": "+", "plus": "+", "added to": "+", "加上": "+", "加": "+",
    "-": "-", "−": "-", "–": "-", "－": "-", "minus": "-", "减去": "-", "减": "-",
    "**": "**", "^": "**", "to the power of": "**",
    "*": "*", "×": "*", "x": "*", "·": "*", "times": "*", "multiplied by": "*",
    "乘以": "*", "乘": "*",
    "/": "/", "÷": "/", "divided by": "/", "over": "/", "除以": "/",
    "(": "(", "（": "(", ")": ")", "）": ")",
}  # fmt: skip
_TOKEN = re.compile(
    r"(?P<number>(?<![A-Za-z0-9.])(?<![A-Za-z]-)(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|[〇零一二两三四五六七八九十百千万亿]+"
    r"|\b(?:" + "|".join(_ENGLISH) + r")\b)"
    r"|(?P<operator>\*\*|(?<![A-Za-z])-|[+*/^×÷·−–＋－()（）]|(?<=[0-9\s])x(?=[\s0-9])"
    r"|\b(?:plus|added to|minus|times|multiplied by|divided by|over|to the power of)\b"
    r"|加上|加|减去|减|乘以|乘|除以)",
    re.IGNORECASE,
)
_NUMERAL = re.compile(r"[0-9零一二两三四五六七八九十百千万亿]")
_SIGN = re.compile(r"[+*/^×÷·−＋－%加减乘除方和积]")
_DASH_OR_CROSS = re.compile(r"[0-9] ?- ?\(?[0-9]|[0-9]x[0-9]| x ")
_OPERATOR_WORDS_TEXT = """
    plus added minus times multiplied divided over power percent sum product add multiply
    subtract divide squared
"""
_OPERATOR_WORDS = frozenset(_OPERATOR_WORDS_TEXT.split())
_NUMBER = r"([0-9][0-9,]*(?:\.[0-9]+)?)"
_REPHRASED = (
    (re.compile(rf"(?:sum of|add) {_NUMBER} (?:and|to) {_NUMBER}", re.IGNORECASE), r"\1 + \2"),
    (
        re.compile(rf"(?:product of|multiply) {_NUMBER} (?:and|by) {_NUMBER}", re.IGNORECASE),
        r"\1 * \2",
    ),
    (re.compile(rf"divide {_NUMBER} by {_NUMBER}", re.IGNORECASE), r"\1 / \2"),
    (re.compile(rf"subtract {_NUMBER} from {_NUMBER}", re.IGNORECASE), r"\2 - \1"),
    (re.compile(rf"{_NUMBER}\s*(?:%|percent) of {_NUMBER}", re.IGNORECASE), r"\1 / 100 * \2"),
    (re.compile(rf"{_NUMBER} squared", re.IGNORECASE), r"\1 ** 2"),
    (re.compile(rf"{_NUMBER}\s*[和与]\s*{_NUMBER}\s*(?:的和|之和|相加)"), r"\1 + \2"),
    (re.compile(rf"{_NUMBER}\s*[和与]\s*{_NUMBER}\s*(?:的积|之积|的乘积|相乘)"), r"\1 * \2"),
    (re.compile(rf"{_NUMBER}\s*的\s*{_NUMBER}\s*次方"), r"\1 ** \2"),
    (re.compile(rf"{_NUMBER}\s*的平方(?!根)"), r"\1 ** 2"),
    (re.compile(rf"{_NUMBER}\s*的\s*{_NUMBER}\s*%"), r"\1 * \2 / 100"),
)
_CALCULATION = re.compile(
    r"\b(?:calculat|comput|evaluat|what is|what's|how much|solve|math)|计算|等于|多少|算|=",
    re.IGNORECASE,
)
_NOT_A_SUM = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}|[0-9]{2,4}-[0-9]{3,4}-[0-9]{4}"
)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９＝．", "0123456789=.")
_MAX_TOKENS = 64
_MAX_EXPONENT = 512


@dataclass(frozen=True, slots=True)
class Sum:
    """An expression in ASCII (`15*23`) and its value as one would write it (`345`)."""

    expression: str
    value: str


def find_sums(text: str, words: Collection[str]) -> list[Sum]:
    """Each sum in `text`, in order; empty when there is none (dates and ranges are not sums).

    `words` are the Latin words of the text in lower case.
    """
    if not text.isascii():
        text = text.translate(_FULL_WIDTH)
    if _NUMBER_WORDS.isdisjoint(words) and not _NUMERAL.search(text):
        return []
    if not (
        _SIGN.search(text)
        or not _OPERATOR_WORDS.isdisjoint(words)
        or (("-" in text or "x" in text) and _DASH_OR_CROSS.search(text))
    ):
        return []
    for pattern, replacement in _REPHRASED:
        text = pattern.sub(replacement, text)
    text = _NOT_A_SUM.sub(" ; ", text)
    is_asked = _CALCULATION.search(text) is not None
    sums = []
    for tokens, spaced in _iter_runs(text):
        found = _read_run(tokens)
        if found is None:
            continue
        # "3-5 days" and "24/7" look like sums: without a question they need spaces.
        if is_asked or spaced or any(operator in "+**" for operator in tokens[1::2]):
            sums.append(found)
    return sums


def _iter_runs(text: str) -> list[tuple[list[str], bool]]:
    """Maximal runs of tokens with nothing but spaces between, and whether any space stood there."""
    runs: list[tuple[list[str], bool]] = []
    run: list[str] = []
    spaced = False
    end = 0
    for match in _TOKEN.finditer(text):
        gap = text[end : match.start()]
        end = match.end()
        if run and gap.strip():
            runs.append((run, spaced))
            run, spaced = [], False
        number = match["number"]
        if number is not None:
            token = _read_number(number)
        else:
            token = _OPERATORS[match["operator"].lower()]
            spaced = spaced or not match["operator"].isascii() or match["operator"].isalpha()
        if token[0].isdigit() and run and run[-1][0].isdigit():
            runs.append((run, spaced))
            run, spaced = [], False
        spaced = spaced or bool(run and gap)
        run.append(token)
    runs.append((run, spaced))
    return [(tokens, space) for tokens, space in runs if 3 <= len(tokens) <= _MAX_TOKENS]


def _read_number(word: str) -> str:
    if word[0] in "0123456789":
        return word.replace(",", "")
    if word.isascii():
        return str(_ENGLISH[word.lower()])
    return str(parse_chinese_number(word))


def parse_chinese_number(word: str) -> int:
    """`一百零五` → 105, `两万三千` → 23000, `一二三` → 123."""
    total = section = digit = 0
    for char in word:
        if char in _DIGITS:
            digit = digit * 10 + _DIGITS[char]
        elif char in _UNITS:
            section += (digit or 1) * _UNITS[char]
            digit = 0
        else:
            total = (total + section + digit or 1) * _BIG_UNITS[char]
            section = digit = 0
    return total + section + digit


def _read_run(tokens: list[str]) -> Sum | None:
    while tokens and tokens[-1] in {"+", "-", "*", "/", "**", "("}:
        tokens = tokens[:-1]
    while tokens and tokens[0] in {"+", "*", "/", "**", ")"}:
        tokens = tokens[1:]
    if len(tokens) < 3 or not any(token in {"+", "-", "*", "/", "**"} for token in tokens[1:]):
        return None
    try:
        return Sum("".join(tokens), _render(_Parser(tokens).parse()))
    except (ArithmeticError, ValueError):
        return None


def _render(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.10g}"


class _Parser:
    """Precedence climbing over ready tokens; ValueError on anything that is not an expression."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, ""]
        self._at = 0

    def parse(self) -> Fraction:
        value = self._sum()
        if self._tokens[self._at]:
            raise ValueError(f"left over: {self._tokens[self._at]}")
        return value

    def _take(self) -> str:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _sum(self) -> Fraction:
        value = self._product()
        while (operator := self._tokens[self._at]) in {"+", "-"}:
            self._at += 1
            term = self._product()
            value = value + term if operator == "+" else value - term
        return value

    def _product(self) -> Fraction:
        value = self._power()
        while (operator := self._tokens[self._at]) in {"*", "/"}:
            self._at += 1
            factor = self._power()
            value = value * factor if operator == "*" else value / factor
        return value

    def _power(self) -> Fraction:
        base = self._atom()
        if self._tokens[self._at] != "**":
            return base
        self._at += 1
        exponent = self._power()
        if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT or abs(base) > 10**12:
            raise ValueError("a power too large to write out")
        return Fraction(base ** int(exponent))

    def _atom(self) -> Fraction:
        token = self._take()
        if token == "-":
            return -self._atom()
        if token == "(":
            value = self._sum()
            if self._take() != ")":
                raise ValueError("a parenthesis is not closed")
            return value
        return Fraction(token)


def prettify(expression: str) -> str:
    """`15*23` for reading: `15 × 23`."""
    spaced = re.sub(r"(?<=[\d)])(\*\*|[-+*/])", r" \1 ", expression)
    return re.sub(r"(?<!\*)\*(?!\*)", "×", spaced).replace("/", "÷").replace("**", "^")
