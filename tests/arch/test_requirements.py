"""Each security requirement has a test that carries its name, or a reason why it has none."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOLD = tomllib.loads((ROOT / "tests/requirements.toml").read_text(encoding="utf-8"))
NAMES = [
    f"{letter}{n}" for letter, most in (("B", 7), ("K", 4), ("L", 10)) for n in range(1, most + 1)
]
BANNED_MODULES = {"marshal", "shelve", "tarfile", "xml", "zipfile"}
BANNED_CALLS = {"eval", "exec"}
# Between a process and its own child, over a pipe of theirs.
PICKLES = {"catalog/_worker.py"}


def find_marked() -> set[str]:
    marked: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "requirement":
                marked.update(ast.literal_eval(argument) for argument in node.args)
    return marked


def test_the_list_is_whole() -> None:
    assert list(TOLD) == NAMES
    for name, one in TOLD.items():
        kinds = {key.partition("_")[0] for key in one} - {"en", "zh"}
        assert kinds <= {"but", "absent"}, name
        assert set(one) == {
            "en",
            "zh",
            *(f"{kind}_{lang}" for kind in kinds for lang in ("en", "zh")),
        }


def test_each_requirement_is_shown_by_a_test_or_says_why_not() -> None:
    absent = {name for name, one in TOLD.items() if "absent_en" in one}
    assert find_marked() == set(NAMES) - absent
    assert absent == {"B4"}


def iter_source() -> Iterator[tuple[str, ast.AST]]:
    source = ROOT / "src/tanzaku"
    for path in source.rglob("*.py"):
        name = path.relative_to(source).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield name, node


@pytest.mark.requirement("L7")
def test_nothing_runs_unpacks_or_revives_what_it_is_given() -> None:
    found = []
    for file, node in iter_source():
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in BANNED_CALLS:
            found.append((file, ast.unparse(node.func)))
        roots = {module.partition(".")[0] for module in modules}
        banned = BANNED_MODULES if file in PICKLES else BANNED_MODULES | {"pickle"}
        found += [(file, root) for root in roots & banned]
    assert found == []
