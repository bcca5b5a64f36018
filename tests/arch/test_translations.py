"""Errors meant for people can be said in Chinese: each is a literal template that is translated."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src" / "tanzaku"
TRANSLATIONS: dict[str, str] = json.loads(
    (ROOT / "look" / "errors.zh-CN.json").read_text(encoding="utf-8")
)

TEXTS = ("template", "hint")
FINDINGS = {"CannotJudge", "fails"}
"""What an assertion found is said in the same way."""


def read_name(expression: ast.expr) -> str:
    """`UserError` of `UserError` and of `core.UserError` alike."""
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def find_families() -> set[str]:
    """`UserError` and every class made from it."""
    bases = {
        node.name: {read_name(base) for base in node.bases}
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    family = {"UserError"}
    while grown := {name for name, own in bases.items() if own & family} - family:
        family |= grown
    return family


def find_texts() -> Iterator[tuple[str, ast.expr]]:
    """(place, expression) of every text given to an error meant for people."""
    family = find_families() | FINDINGS
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or read_name(node.func) not in family:
                continue
            texts = [*node.args[:1], *(k.value for k in node.keywords if k.arg in TEXTS)]
            for text in texts:
                choices = [text.body, text.orelse] if isinstance(text, ast.IfExp) else [text]
                for choice in choices:
                    yield f"{path.relative_to(ROOT)}: {ast.unparse(choice)}", choice


def test_no_error_for_people_makes_up_its_own_text() -> None:
    """A class of the family that wrote its template in `__init__` would escape the test above."""
    family = find_families() - {"UserError"}
    own = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name in family
        if any(isinstance(part, ast.FunctionDef) for part in node.body)
    ]
    assert own == []


def is_said_by_the_command_line(text: ast.expr) -> bool:
    return isinstance(text, ast.Call) and ast.unparse(text.func).endswith("say")


def test_every_error_for_people_is_a_literal_template_with_a_translation() -> None:
    unsaid = [
        place
        for place, text in find_texts()
        if not is_said_by_the_command_line(text)
        and not (isinstance(text, ast.Constant) and text.value in TRANSLATIONS)
    ]
    assert unsaid == []


def test_no_translation_is_left_over() -> None:
    used = {text.value for _, text in find_texts() if isinstance(text, ast.Constant)}
    assert set(TRANSLATIONS) - used == set()


def test_a_translation_fills_the_same_places() -> None:
    for template, chinese in TRANSLATIONS.items():
        fields = [
            {f for _, f, _, _ in string.Formatter().parse(t) if f} for t in (template, chinese)
        ]
        assert fields[0] == fields[1], template
