"""How Tanzaku speaks and appears: messages in two languages, figures, terminal style."""

from tanzaku.look._figures import format_count, format_ms, format_time, format_usd
from tanzaku.look._messages import LANGUAGES, Language, Messages, pick_language
from tanzaku.look._terminal import Terminal, Tone, escape_controls, strip_controls

__all__ = [
    "LANGUAGES",
    "Language",
    "Messages",
    "Terminal",
    "Tone",
    "escape_controls",
    "format_count",
    "format_ms",
    "format_time",
    "format_usd",
    "pick_language",
    "strip_controls",
]
