"""HTML that is escaped by construction: text becomes markup only through `tag` and `join`."""

import re
from html import escape
from typing import Final

from tanzaku.look._terminal import escape_controls

_SAFE_LINK: Final = re.compile(r"(?:https?:|mailto:|[^:]*(?:[/?#]|$))", re.IGNORECASE)
_VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "rect", "line", "circle", "path"})


class Html(str):
    """Markup. Made of a literal by its author; never of a text that somebody else wrote."""

    __slots__ = ()


type Content = str | None
"""What stands in an element: markup, text that is escaped, or nothing."""


def escape_text(text: str) -> Html:
    """`text` as markup that shows it. Characters that steer a display (controls, changes of
    direction) and halves of characters are shown as `\\uXXXX`; line feeds and tabs stay."""
    shown = escape_controls(text).encode("utf-8", "backslashreplace").decode()
    return Html(escape(shown))


def join(*content: Content) -> Html:
    """Markup and texts one after the other."""
    return Html("".join(_render(one) for one in content))


def tag(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Html:
    """One element. `class_` is the attribute `class`, `aria_label` is `aria-label`; True stands
    alone, False and None are left out. A link with a scheme that could run something is left out.
    """
    words = "".join(_write_attribute(*one) for one in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{words}>")
    return Html(f"<{name}{words}>{join(*content)}</{name}>")


def _render(one: Content) -> str:
    if one is None:
        return ""
    return one if isinstance(one, Html) else escape_text(one)


def _write_attribute(name: str, value: str | float | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    if name in {"href", "src"} and not _SAFE_LINK.match(str(value)):
        return ""
    return f' {name}="{escape_text(str(value))}"'
