"""Documents keep their size, exist in both languages, and do not name what is not theirs."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "limit"), [("ARCHITECTURE.md", 80), ("CONTRIBUTING.md", 120)])
def test_a_document_stays_readable_in_a_sitting(name: str, limit: int) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= limit


def test_the_readme_says_the_same_in_both_languages() -> None:
    """Same headings in number, and the very same commands."""
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    fence = re.compile(r"```sh\n(.*?)```", re.DOTALL)
    assert fence.findall(english) == fence.findall(chinese)
    assert len(re.findall(r"^#+ ", english, re.MULTILINE)) == len(
        re.findall(r"^#+ ", chinese, re.MULTILINE)
    )


@pytest.mark.parametrize(
    "document", sorted(p.name for p in (ROOT / "docs").glob("*.md") if ".zh-CN." not in p.name)
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / "docs" / target).exists(), target


def test_every_base_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=;\[ ]", line)[0] for line in project["dependencies"]}
    reasons = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    table = set(re.findall(r"^\| `([a-z0-9.-]+)` \|", reasons, re.MULTILINE))
    assert names == table
    assert len(names) <= 12


def test_no_file_names_a_path_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    pattern = re.compile(rb"/(?:root|home/[a-z]+)/[.\w]|/work/(?:main|shared)")
    own = Path(__file__).relative_to(ROOT).as_posix()
    guilty = [
        name
        for name in listed.split("\0")
        if name
        and name != own
        and (ROOT / name).is_file()
        and pattern.search((ROOT / name).read_bytes())
    ]
    assert guilty == []
