"""The small language between `{{` and `}}`: paths, filters, and in conditions comparisons.

    path       plan.tasks[0].title   work.results[*].agent.text   secret.NAME   a['odd name']
    filters    | default('x')   | json   | length
    condition  plan.n >= 2 and not (city == '北京' or city in ['上海', home])

`[*]` gathers what every element has; elements that lack the rest of the path are left out. `json`
reads a text as JSON and writes anything else as JSON. Literals are texts in quotes, numbers, `true`,
`false` and `null`. There is no arithmetic and nothing is ever executed.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Place
from tanzaku.workbench.project._comparing import find_kind, have_order, is_same
from tanzaku.workbench.project._paths import STAR, SecretPath, VariablePath
from tanzaku.workbench.project._variables import MissingVariableError, Scope

MAX_LENGTH: Final = 1000
MAX_NESTING: Final = 20

type Evaluation = Callable[[Scope], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<end>\}\})"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w-]))"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>==|!=|<=|>=|[<>|.,()\[\]*])"
    r"|(?P<name>\w[\w-]*))",
    re.DOTALL,
)
_LITERALS: Final = {"true": True, "false": False, "null": None}
_SIGNS: Final = ("==", "!=", "<=", ">=", "<", ">")


def compile_place(text: str, start: int, place: Place) -> tuple[Evaluation, int]:
    """What the place that begins behind `{{` at `start` stands for, and where the text goes on.

    Raises InputFileError with `place` when it is not in the language above.
    """
    parser = _Parser(text, start, place)
    found = parser.read_filtered()
    return found, parser.expect_end()


def compile_condition(text: str, place: Place) -> Evaluation:
    """A condition, with or without `{{ }}` around it; its value is a bool."""
    inner = text.strip()
    if inner.startswith("{{"):
        inner = inner[2:]
        if not inner.endswith("}}"):
            raise InputFileError(
                "{place}: `{text}` has a `{{{{` that does not end.", place=place, text=text
            )
    else:
        inner += "}}"
    parser = _Parser(inner, 0, place)
    found = parser.read_or(0)
    if parser.expect_end() != len(inner):
        raise InputFileError(
            "{place}: `{text}` is not one condition.",
            hint="Write all of it between one pair of braces.",
            place=place,
            text=text,
        )

    def judge(scope: Scope) -> bool:
        value = found(scope)
        if isinstance(value, bool):
            return value
        raise InputFileError(
            "{place}: `{text}` must be true or false; found {kind}.",
            hint="Compare it with something: `{{{{a.n >= 2}}}}`.",
            place=place,
            text=text,
            kind=find_kind(value),
        )

    return judge


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _Parser:
    """Reads one expression from `start` on, token by token."""

    def __init__(self, text: str, start: int, place: Place) -> None:
        self._text = text
        self._start = start
        self._at = start
        self._place = place
        self._token = _Token("", "")
        self._advance()

    def expect_end(self) -> int:
        """Where the text goes on behind `}}`."""
        if self._token.kind != "end":
            raise self._refuse()
        return self._at

    def _advance(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.end() - self._start > MAX_LENGTH:
            raise self._refuse()
        self._at = found.end()
        assert found.lastgroup is not None
        self._token = _Token(found.lastgroup, found[found.lastgroup])

    def _refuse(self) -> InputFileError:
        text = self._text[self._start : self._start + 60].partition("}}")[0].partition("\n")[0]
        return InputFileError(
            "{place}: `{text}` is not a place that can be filled.",
            hint="A place is `{{{{name}}}}`, `{{{{step.field[0]}}}}` or `{{{{name | default('x')}}}}`; two braces that are only text are written `\\{{{{`.",
            place=self._place,
            text=text.strip(),
        )

    def _takes(self, kind: str, text: str) -> bool:
        if self._token == _Token(kind, text):
            self._advance()
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._takes("sign", sign):
            raise self._refuse()

    def read_or(self, depth: int) -> Evaluation:
        parts = [self._read_and(depth)]
        while self._takes("name", "or"):
            parts.append(self._read_and(depth))
        if len(parts) == 1:
            return parts[0]
        return lambda scope: any(self._judge(part, scope) for part in parts)

    def _read_and(self, depth: int) -> Evaluation:
        parts = [self._read_not(depth)]
        while self._takes("name", "and"):
            parts.append(self._read_not(depth))
        if len(parts) == 1:
            return parts[0]
        return lambda scope: all(self._judge(part, scope) for part in parts)

    def _read_not(self, depth: int) -> Evaluation:
        if self._takes("name", "not"):
            if depth >= MAX_NESTING:
                raise self._refuse()
            inner = self._read_not(depth + 1)
            return lambda scope: not self._judge(inner, scope)
        return self._read_comparison(depth)

    def _judge(self, part: Evaluation, scope: Scope) -> bool:
        value = part(scope)
        if isinstance(value, bool):
            return value
        raise InputFileError(
            "{place}: `and`, `or` and `not` want true or false; found {kind}.",
            hint="Compare it with something: `{{{{a.n >= 2}}}}`.",
            place=self._place,
            kind=find_kind(value),
        )

    def _read_comparison(self, depth: int) -> Evaluation:
        if self._takes("sign", "("):
            if depth >= MAX_NESTING:
                raise self._refuse()
            inner = self.read_or(depth + 1)
            self._expect(")")
            return inner
        left = self.read_filtered()
        sign = self._token.text
        if self._token.kind == "sign" and sign in _SIGNS:
            self._advance()
        elif not self._takes("name", "in"):
            return left
        right = self.read_filtered()
        return lambda scope: self._compare(sign, left(scope), right(scope))

    def _compare(self, sign: str, left: Any, right: Any) -> bool:
        try:
            if sign in {"==", "!="}:
                return is_same(left, right) is (sign == "==")
            if sign == "in" and isinstance(right, list):
                return any(is_same(left, one) for one in right)
        except RecursionError:
            raise InputFileError(
                "{place}: the values are nested too deeply to be compared.", place=self._place
            ) from None
        if sign == "in":
            if isinstance(left, str) and isinstance(right, str | Mapping):
                return left in right
        elif have_order(left, right):
            order = (left > right) - (left < right)
            return order in {"<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}[sign]
        raise InputFileError(
            "{place}: {left} and {right} cannot be compared by `{sign}`.",
            hint="A number inside a text is read by `| json`.",
            place=self._place,
            left=find_kind(left),
            right=find_kind(right),
            sign=sign,
        )

    def read_filtered(self) -> Evaluation:
        found = self._read_operand()
        while self._takes("sign", "|"):
            found = self._read_filter(found)
        return found

    def _read_filter(self, inner: Evaluation) -> Evaluation:
        name = self._token.text if self._token.kind == "name" else ""
        if name not in {"default", "json", "length"}:
            raise InputFileError(
                "{place}: there is no filter `{name}`.",
                hint="There are default('x'), json and length.",
                place=self._place,
                name=self._token.text,
            )
        self._advance()
        if name == "json":
            return lambda scope: self._turn_json(inner(scope))
        if name == "length":
            return lambda scope: self._measure(inner(scope))
        self._expect("(")
        other = self._read_operand()
        self._expect(")")

        def fall_back(scope: Scope) -> Any:
            try:
                return inner(scope)
            except MissingVariableError:
                return other(scope)

        return fall_back

    def _turn_json(self, value: Any) -> Any:
        try:
            if isinstance(value, str):
                return json.loads(value)
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, TypeError, RecursionError):
            raise InputFileError(
                "{place}: what stands before `| json` is no JSON.", place=self._place
            ) from None

    def _measure(self, value: Any) -> int:
        if isinstance(value, str | list | Mapping):
            return len(value)
        raise InputFileError(
            "{place}: `length` wants a text, a list or keys with values; found {kind}.",
            place=self._place,
            kind=find_kind(value),
        )

    def _read_operand(self) -> Evaluation:
        token = self._token
        if token.kind == "number":
            self._advance()
            number = float(token.text) if "." in token.text else int(token.text)
            return lambda _: number
        if token.kind == "text":
            self._advance()
            text = _unquote(token.text)
            return lambda _: text
        if token == _Token("sign", "["):
            return self._read_list()
        if token.kind != "name":
            raise self._refuse()
        self._advance()
        if token.text in _LITERALS:
            literal = _LITERALS[token.text]
            return lambda _: literal
        steps = self._read_steps()
        if token.text != "secret":
            return VariablePath(token.text, steps, self._place)
        if len(steps) != 1 or not isinstance(steps[0], str):
            raise self._refuse()
        return SecretPath(steps[0], self._place)

    def _read_list(self) -> Evaluation:
        self._advance()
        items: list[Evaluation] = []
        while not self._takes("sign", "]"):
            if items:
                self._expect(",")
            if self._token == _Token("sign", "["):
                raise self._refuse()
            items.append(self._read_operand())
        return lambda scope: [item(scope) for item in items]

    def _read_steps(self) -> list[Any]:
        steps: list[Any] = []
        while True:
            if self._takes("sign", "."):
                if self._token.kind != "name":
                    raise self._refuse()
                steps.append(self._token.text)
                self._advance()
            elif self._takes("sign", "["):
                steps.append(self._read_index())
                self._expect("]")
            else:
                return steps

    def _read_index(self) -> Any:
        token = self._token
        self._advance()
        if token == _Token("sign", "*"):
            return STAR
        if token.kind == "text":
            return _unquote(token.text)
        if token.kind == "number" and "." not in token.text:
            return int(token.text)
        raise self._refuse()


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
