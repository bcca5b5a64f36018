"""Writes the packed vocabularies of `tanzaku.catalog` from those of the `ctok` that is installed.

python scripts/pack_vocabulary.py
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ctok.main import FAMILIES, TokenizerModel, _model

FOLDER = Path(__file__).parents[1] / "src" / "tanzaku" / "catalog"
SCALARS = ("fold_quotes", "allcaps_min", "frame_bow")


def main() -> None:
    for name in sorted({str(family.pieces) for family in FAMILIES.values()}):
        path = FOLDER / f"ctok_{name}"
        path.write_text(render_pack(name), encoding="utf-8")
        print(path)


def render_pack(name: str) -> str:
    """One of ctok's vocabulary files, without the evidence, as JSON of one line a node.

    A node is [whether a piece ends here, the characters that lead on, the nodes they lead to], the
    root the last one. Pieces are spelt backwards, as ctok's tiling reads them.
    """
    models = {key: _model(key) for key, family in FAMILIES.items() if family.pieces == name}
    head = {
        "ctok": version("ctok"),
        "families": {key: _read_scalars(model) for key, model in models.items()},
        "bytes": sorted(next(iter(models.values())).bytes.tokens),
    }
    rows: list[str] = []
    _pack(next(iter(models.values())).trie.root, rows, {})
    nodes = ",\n".join(rows)
    return f'{json.dumps(head)[:-1]}, "nodes": [\n{nodes}\n]}}\n'


def _read_scalars(model: TokenizerModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in SCALARS}


def _pack(node: dict[str | None, Any], rows: list[str], places: dict[str, int]) -> int:
    """The place of a node among the rows; what leads on alike is one node."""
    leading = sorted(character for character in node if character is not None)
    nodes = [_pack(node[character], rows, places) for character in leading]
    row = json.dumps([int(None in node), "".join(leading), *nodes], separators=(",", ":"))
    if row not in places:
        places[row] = len(rows)
        rows.append(row)
    return places[row]


if __name__ == "__main__":
    main()
