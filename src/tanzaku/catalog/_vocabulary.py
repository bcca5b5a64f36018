"""The vocabularies of `ctok`, packed: its pieces without the evidence for each.

Out of its own files `ctok` builds 100,000 dictionaries (0.3 s, 54 MB for the older models). Where
pieces begin alike the packed ones share a dictionary: 16,000 are left (10 ms, 6 MB), which its
tiling reads as it reads its own. `scripts/pack_vocabulary.py` writes the files;
`tests/unit/catalog/test_vocabulary.py` holds them against `ctok`.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic_core import from_json

type TokenFamily = Literal["v3", "v4.7", "v4.8"]
type Tile = Callable[[str], Sequence[str | bytes]]
type _Node = dict[str | None, Any]

# What a request with one user text costs beside the text (`message_overhead` of ctok 1.3.0).
FRAME_TOKENS: Final[dict[TokenFamily, int]] = {"v3": 7, "v4.7": 11, "v4.8": 6}
_CTOK_VERSIONS: Final[dict[TokenFamily, str]] = {"v3": "3.0", "v4.7": "4.7", "v4.8": "4.8"}
_FILES: Final[dict[TokenFamily, str]] = {
    "v3": "ctok_pieces_v3.json",
    "v4.7": "ctok_pieces_v4_7.json",
    "v4.8": "ctok_pieces_v4_7.json",
}


def load_tile(family: TokenFamily) -> Tile:
    """What cuts a text into the tokens `ctok` has for it, without those of the message's frame.

    With another `ctok` than the files were made from, its own vocabulary.
    """
    import ctok  # type: ignore[import-untyped]

    pack = _load_pack(_FILES[family])
    # `importlib.metadata` would say it too, for 20 ms.
    folder = Path(ctok.__file__).parents[1]
    if not (folder / f"ctok-{pack.ctok_version}.dist-info").exists():
        return _load_own(family)
    from ctok.constants import MARKER_GLYPHS  # type: ignore[import-untyped]
    from ctok.engine import ByteFloor, tile  # type: ignore[import-untyped]

    single = {character for character, node in pack.root.items() if None in node}
    model = _Model(
        trie=_Trie(pack.root),
        vocab=_Pieces(pack.root),
        unit_pieces=single - MARKER_GLYPHS,
        bytes=ByteFloor(pack.bytes),
        **pack.families[family],
    )
    return lambda text: tile(text, model)[1]


def _load_own(family: TokenFamily) -> Tile:
    from ctok import tokenize

    frame = FRAME_TOKENS[family]
    return lambda text: tokenize(text, _CTOK_VERSIONS[family])[frame:]


class _Pieces:
    """The pieces as a set, read off their tree."""

    def __init__(self, root: _Node) -> None:
        self._root = root

    def __contains__(self, piece: str) -> bool:
        node: _Node | None = self._root
        for character in reversed(piece):
            if node is None:
                return False
            node = node.get(character)
        return node is not None and None in node


@dataclass(frozen=True, slots=True)
class _Trie:
    """As `ctok.engine.ReverseTrie`: pieces spelt backwards; None among the keys ends one."""

    root: _Node
    _END: None = None


@dataclass(frozen=True, slots=True)
class _Model:
    """What `ctok.engine.tile` reads of a `ctok.main.TokenizerModel`."""

    trie: _Trie
    vocab: _Pieces
    unit_pieces: Set[str | None]
    bytes: Any
    fold_quotes: bool
    allcaps_min: int
    frame_bow: bool
    _char_cost_cache: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pack:
    ctok_version: str
    root: _Node
    bytes: Sequence[str]
    families: dict[str, dict[str, Any]]


@cache
def _load_pack(filename: str) -> _Pack:
    told = from_json(Path(__file__).with_name(filename).read_bytes())
    nodes: list[_Node] = []
    for is_end, characters, *places in told["nodes"]:
        node: _Node = {
            character: nodes[place] for character, place in zip(characters, places, strict=True)
        }
        if is_end:
            node[None] = None
        nodes.append(node)
    return _Pack(told["ctok"], nodes[-1], told["bytes"], told["families"])
