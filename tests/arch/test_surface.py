"""What the rooms offer is pinned: a change of any room's public names is a visible diff."""

import importlib
from pathlib import Path

import pytest

ROOMS = sorted(
    path.parent.name for path in (Path(__file__).parents[2] / "src/tanzaku").glob("*/__init__.py")
)
PINNED = Path(__file__).parent / "surface.txt"


def read_surface() -> str:
    lines = []
    for room in ["", *ROOMS]:
        module = importlib.import_module(f"tanzaku.{room}" if room else "tanzaku")
        names = getattr(module, "__all__", [])
        lines += [f"{module.__name__}.{name}" for name in names]
    return "\n".join(lines) + "\n"


def test_public_names_are_those_pinned() -> None:
    assert read_surface() == PINNED.read_text(encoding="utf-8")


@pytest.mark.parametrize("room", ["", *(room for room in ROOMS if room != "cli")])
def test_every_public_name_exists_and_the_list_is_sorted(room: str) -> None:
    module = importlib.import_module(f"tanzaku.{room}" if room else "tanzaku")
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_the_package_offers_at_most_fifteen_names() -> None:
    assert len(importlib.import_module("tanzaku").__all__) <= 15
