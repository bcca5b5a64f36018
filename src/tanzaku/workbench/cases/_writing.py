"""Suites and flows as YAML: quick, the same everywhere, and in the way people write it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_PLAIN: Final = re.compile(
    r"[A-Za-z\u4e00-\u9fff$/][\w $./@()·，：\u4e00-\u9fff*+=;-]*", re.UNICODE
)
_DOUBTFUL: Final = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|nan|inf|~")
_WIDE: Final = 80


def write_yaml(value: Mapping[str, Any]) -> str:
    """A block mapping with a line break at its end."""
    return "".join(f"{line}\n" for line in _write_mapping(value))


def write_item(value: Mapping[str, Any]) -> list[str]:
    """The lines of a mapping as an item of a list that is two spaces deep."""
    lines = _write_mapping(value)
    return ["  - " + lines[0], *("    " + line for line in lines[1:])]


def _write_mapping(value: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, one in value.items():
        name = _write_text(str(key))
        if _is_short(one):
            lines.append(f"{name}: {_write_flow(one)}")
        elif isinstance(one, Mapping):
            lines.append(f"{name}:")
            lines += ["  " + line for line in _write_mapping(one)]
        else:
            lines.append(f"{name}:")
            lines += ["  " + line for line in _write_list(one)]
    return lines


def _write_list(value: Sequence[Any]) -> list[str]:
    lines: list[str] = []
    for one in value:
        if _is_short(one) and not (isinstance(one, Mapping) and len(one) == 1):
            lines.append(f"- {_write_flow(one)}")
            continue
        inner = _write_mapping(one) if isinstance(one, Mapping) else _write_list(one)
        lines.append("- " + inner[0])
        lines += ["  " + line for line in inner[1:]]
    return lines


def _is_short(value: Any) -> bool:
    """Whether it stands on one line."""
    if isinstance(value, Mapping | list | tuple):
        return not value or (
            len(write_flow := _write_flow(value)) <= _WIDE and "\n" not in write_flow
        )
    return True


def _write_flow(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(
            f"{_write_text(str(key), is_flow=True)}: {_write_flow(one)}"
            for key, one in value.items()
        )
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_write_flow(one) for one in value)}]"
    return _write_text(value, is_flow=True) if isinstance(value, str) else json.dumps(value)


def _write_text(text: str, *, is_flow: bool = False) -> str:
    is_plain = _PLAIN.fullmatch(text) and not text.endswith(" ") and "  " not in text
    if is_plain and not _DOUBTFUL.fullmatch(text) and " #" not in text:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escape(one) for one in quoted)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
