"""Writes the packed shapes of `tanzaku.wire`: pydantic's schemas of the requests, ready to use.

python scripts/pack_shapes.py
"""

import json
from pathlib import Path
from typing import Any

import pydantic_core
from pydantic import TypeAdapter

from tanzaku.wire import _schema
from tanzaku.wire._params.constraints import ByType

PATH = Path(_schema.__file__).with_name("shapes.json")
# What the validator does not read: the classes, and what pydantic knows of them.
UNREAD = frozenset({"cls", "metadata", "serialization"})


def main() -> None:
    PATH.write_text(render_shapes(), encoding="utf-8")
    print(PATH)


def render_shapes() -> str:
    """The schemas as JSON, a line each, with the version of pydantic-core that they are for."""
    lines = [f'{{"pydantic_core": {json.dumps(pydantic_core.__version__)}']
    for kind in _schema.SHAPES:
        schema = TypeAdapter(_schema.SHAPES[kind], config=_schema.CONFIG).core_schema
        packed = _pack(schema, {})
        lines.append(f"{json.dumps(kind)}: {json.dumps(packed, separators=(',', ':'))}")
    return ",\n".join(lines) + "}\n"


def _pack(value: Any, names: dict[str, str]) -> Any:
    """`value` as JSON has it; references by number, since pydantic puts addresses into them."""
    match value:
        case dict():
            # Without a `type` it is no schema but the fields of one, or its choices.
            is_schema = isinstance(value.get("type"), str)
            packed = {
                key: _pack(each, names)
                for key, each in value.items()
                if not (is_schema and key in UNREAD)
            }
            for key in ("ref", "schema_ref"):
                if is_schema and key in packed:
                    packed[key] = names.setdefault(packed[key], f"{len(names)}")
            return packed
        case list() | tuple():
            return [_pack(each, names) for each in value]
        case str() | int() | float() | None:
            return value
        case _:
            finder = value.__self__
            assert isinstance(finder, ByType)
            return {"default": finder.default}


if __name__ == "__main__":
    main()
