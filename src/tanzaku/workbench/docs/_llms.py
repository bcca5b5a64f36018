"""`llms.txt`: the site's contents for programs that read."""

from collections.abc import Mapping

from tanzaku.workbench.docs._markdown import escape_markdown
from tanzaku.workbench.openapi import Document, is_claude


def write_llms(document: Document, paths: Mapping[str, str]) -> str:
    """The file, in the form of llmstxt.org: links to the Markdown pages, in English."""
    lines = [f"# {escape_markdown(document.title)}", ""]
    lines += [f"> OpenAPI {document.openapi}, version {escape_markdown(document.version)}", ""]
    lines += ["## Operations", ""]
    for operation in document.operations:
        name = escape_markdown(f"{operation.method} {operation.path}")
        summary = escape_markdown(operation.summary or operation.id)
        lines.append(f"- [{name}]({paths[operation.id]}.md): {summary}")
    lines += ["", "## More", "", "- [Error codes](errors.md)"]
    if is_claude(document):
        lines.append("- [Limits and prices](limits.md)")
    return "\n".join(lines) + "\n"
