"""How Tanzaku speaks and appears: messages in two languages, figures, terminal style."""

from tanzaku.look._figures import format_count, format_ms, format_time, format_usd
from tanzaku.look._html import Content, Html, escape_text, join, tag
from tanzaku.look._messages import LANGUAGES, Language, Messages, pick_language
from tanzaku.look._page import BothLanguages, render_page
from tanzaku.look._pointing import point_at
from tanzaku.look._terminal import Terminal, Tone, escape_controls, strip_controls

__all__ = [
    "LANGUAGES",
    "BothLanguages",
    "Content",
    "Html",
    "Language",
    "Messages",
    "Terminal",
    "Tone",
    "escape_controls",
    "escape_text",
    "format_count",
    "format_ms",
    "format_time",
    "format_usd",
    "join",
    "pick_language",
    "point_at",
    "render_page",
    "strip_controls",
    "tag",
]
