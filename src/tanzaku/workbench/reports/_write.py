"""Reports written to files."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal, get_args

from tanzaku.core import UserError
from tanzaku.look import Language, Messages
from tanzaku.workbench.reports._document import format_json
from tanzaku.workbench.reports._gathered import Report, gather
from tanzaku.workbench.reports._har import format_har
from tanzaku.workbench.reports._html_report import format_html
from tanzaku.workbench.reports._junit import format_junit
from tanzaku.workbench.reports._markdown import format_markdown
from tanzaku.workbench.runner import Event

type ReportKind = Literal["html", "junit", "json", "markdown", "har"]
REPORT_KINDS: Final[tuple[ReportKind, ...]] = get_args(ReportKind.__value__)


def write_reports(
    events: Iterable[Event], paths: Mapping[ReportKind, Path], language: Language = "en"
) -> Report:
    """Write a report of each kind to its path, folders made where they are missing; what was there
    is replaced. `language` is that of Markdown, and the one that HTML shows first. Returns what was
    gathered. UserError where a file cannot be written, and as `gather`."""
    report = gather(events)
    for kind, path in paths.items():
        text = _FORMATS[kind](report, language)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UserError(
                "{path} cannot be written: {reason}", path=path, reason=error.strerror
            ) from error
    return report


_FORMATS: Final[Mapping[ReportKind, Callable[[Report, Language], str]]] = {
    "html": format_html,
    "junit": lambda report, _: format_junit(report),
    "json": lambda report, _: format_json(report),
    "har": lambda report, _: format_har(report),
    "markdown": lambda report, language: format_markdown(report, Messages(language)),
}
