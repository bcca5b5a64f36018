"""Generating again follows the document and keeps what people changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.shop import DOCUMENT
from harness.shopped import ENVIRON, generate_shop
from tanzaku.look import Messages
from tanzaku.workbench.cases import Plan, plan_generation
from tanzaku.workbench.project import load_project

SUITE = "suites/shop/create-order.suite.yaml"
PROBE = """
import sys
from hashlib import blake2b
from pathlib import Path
from harness.shopped import generate_shop
root = Path(sys.argv[1])
generate_shop(root)
for path in sorted([*root.glob("suites/**/*.yaml"), *root.glob("flows/**/*.yaml")]):
    print(path.relative_to(root), blake2b(path.read_bytes()).hexdigest())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    generate_shop(tmp_path)
    return tmp_path


def plan(root: Path, language: str = "en") -> Plan:
    return plan_generation(load_project(root, ENVIRON), Messages(language))  # type: ignore[arg-type]


def list_changes(found: Plan) -> list[tuple[str, str, str]]:
    return [(one.kind, one.file, one.case) for file in found.files for one in file.changes]


def test_the_same_bytes_whatever_process_asks(tmp_path: Path) -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", PROBE, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert printed[0] == printed[1]
    assert "create-order.suite.yaml" in printed[0]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_nothing_changes_the_second_time(root: Path, language: str) -> None:
    again = plan(root, language)
    assert list_changes(again) == []
    assert not again.is_drift


def test_an_edited_case_stays_with_its_comment(root: Path) -> None:
    path = root / SUITE
    text = path.read_text(encoding="utf-8")
    old = "  - id: base\n"
    edited = text.replace(old, "  # ours\n" + old).replace(
        "kind: positive", "kind: positive\n    tags: [smoke]", 1
    )
    path.write_text(edited, encoding="utf-8")
    found = plan(root)
    assert list_changes(found) == [("edited", SUITE, "base")]
    found.write()
    assert path.read_text(encoding="utf-8") == edited


def test_what_the_document_changes_is_changed(root: Path) -> None:
    imported = next((root / "openapi").iterdir())
    text = DOCUMENT.read_text(encoding="utf-8")
    imported.write_text(text.replace("maximum: 999", "maximum: 99"), encoding="utf-8")
    changes = list_changes(plan(root))
    assert ("changed", SUITE, "number-max-items-0-quantity") in changes
    assert {kind for kind, _, _ in changes} <= {"changed", "added", "removed"}
    assert {file for _, file, _ in changes} == {
        SUITE, "suites/shop/replace-order.suite.yaml"
    }  # fmt: skip


def test_an_edited_flow_stays(root: Path) -> None:
    (path,) = root.glob("flows/shop/*deleted-twice.flow.yaml")
    edited = path.read_text(encoding="utf-8").replace("id: after", "id: afterwards")
    path.write_text(edited, encoding="utf-8")
    found = plan(root)
    assert [kind for kind, _, _ in list_changes(found)] == ["edited"]
    found.write()
    assert path.read_text(encoding="utf-8") == edited
