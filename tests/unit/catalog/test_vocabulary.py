"""The packed vocabularies say what ctok's own say."""

import importlib.util
from pathlib import Path

import ctok
import pytest
from ctok.main import FAMILIES

from tanzaku.catalog import _vocabulary

ROOT = Path(__file__).parents[3]
VERSIONS = {"v3": "3.0", "v4.7": "4.7", "v4.8": "4.8"}
TEXT = "The café’s MENU: 你好 naïve ☃ ᚠ\n\n fn(x) → 3.1415 don't\n"


@pytest.mark.parametrize("name", sorted({str(family.pieces) for family in FAMILIES.values()}))
def test_a_packed_file_is_what_the_script_makes_of_the_installed_ctok(name: str) -> None:
    place = ROOT / "scripts" / "pack_vocabulary.py"
    spec = importlib.util.spec_from_file_location("pack_vocabulary", place)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (script.FOLDER / f"ctok_{name}").read_text("utf-8") == script.render_pack(name)


@pytest.mark.parametrize("family", VERSIONS)
def test_every_piece_is_one_and_what_is_none_is_none(family: _vocabulary.TokenFamily) -> None:
    from ctok.main import _model

    own = _model(family)
    pack = _vocabulary._load_pack(_vocabulary._FILES[family])
    pieces = _vocabulary._Pieces(pack.root)
    assert all(piece in pieces for piece in own.vocab)
    for piece in own.vocab:
        for near in (piece[1:], piece[:-1], f"{piece}q", f"q{piece}"):
            assert (near in pieces) == (near in own.vocab)


@pytest.mark.parametrize("ctok_version", ["the packed one", "another"])
@pytest.mark.parametrize("family", VERSIONS)
def test_a_text_has_as_many_tokens_as_ctok_says(
    family: _vocabulary.TokenFamily, ctok_version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ctok_version == "another":
        monkeypatch.setattr(ctok, "__file__", "/elsewhere/ctok/__init__.py")
    frame = _vocabulary.FRAME_TOKENS[family]
    tile = _vocabulary.load_tile(family)
    assert len(tile(TEXT)) == ctok.token_count(TEXT, VERSIONS[family]) - frame
