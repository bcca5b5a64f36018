"""Writes the generated documents, or fails when one differs from what it would write.

python scripts/docs_drift.py            check (part of `make check`)
python scripts/docs_drift.py --write    write
"""

import sys
from pathlib import Path

import click

from tanzaku.cli.main import LazyGroup
from tanzaku.look import LANGUAGES, Language, Messages

DOCS = Path(__file__).parents[1] / "docs"
TITLES = {"en": "Command line", "zh-CN": "命令行"}
NOTES = {
    "en": "Generated from the commands' own help by `scripts/docs_drift.py --write`.",
    "zh-CN": "由 `scripts/docs_drift.py --write` 根据命令自身的帮助生成。",
}


def render_reference(language: Language) -> str:
    """The help of every command as one Markdown page."""
    root = LazyGroup(Messages(language))
    parts = [f"# {TITLES[language]}", NOTES[language]]
    parts += [f"## {name}\n\n```\n{text}\n```" for name, text in collect_help(root, "tanzaku")]
    return "\n\n".join(parts) + "\n"


def collect_help(command: click.Command, name: str) -> list[tuple[str, str]]:
    """(full name, help) of `command` and everything below it."""
    context = command.context_class(
        command, info_name=name, max_content_width=100, terminal_width=100
    )
    pages = [(name, command.get_help(context))]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            below = command.get_command(context, child)
            assert below is not None
            pages += collect_help(below, f"{name} {child}")
    return pages


def main() -> int:
    """Write or compare; the number of documents that drifted."""
    drifted = 0
    for language in LANGUAGES:
        path = DOCS / ("cli.md" if language == "en" else f"cli.{language}.md")
        text = render_reference(language)
        if "--write" in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.name} has drifted: run scripts/docs_drift.py --write", file=sys.stderr)
            drifted += 1
    return drifted


if __name__ == "__main__":
    sys.exit(main())
