"""A request as code that sends it again, with a variable's name in the place of every secret."""

from collections.abc import Mapping
from typing import Literal

from tanzaku.transport import HttpRequest
from tanzaku.workbench.sending._snippet_curl import write_curl
from tanzaku.workbench.sending._snippet_parts import take_apart
from tanzaku.workbench.sending._snippet_python import write_python
from tanzaku.workbench.sending._snippet_typescript import write_typescript

type SnippetLanguage = Literal["curl", "python", "typescript"]


def render_snippet(
    request: HttpRequest,
    base_url: str | None,
    language: SnippetLanguage,
    secrets: Mapping[str, str],
) -> str:
    """A command for a POSIX shell, or a program, that sends `request` and prints the answer.

    Python and TypeScript call Anthropic's SDK where it has a call that sends this very request, and
    need nothing installed otherwise. `base_url` None reads ANTHROPIC_BASE_URL, the API's own where
    that is not set. `secrets` are the values by the names of the environment variables to read them
    from; a credential that is none of them (a literal key in a header) gets a variable named after
    its place, so no credential is ever written. Nothing in the text could steer a terminal.

    UserError for a request that fetch cannot send. urllib says an empty `content-type` where a
    request with a body has none.
    """
    parts = take_apart(request, base_url, secrets)
    match language:
        case "curl":
            return write_curl(parts) + "\n"
        case "python":
            return write_python(parts)
        case "typescript":
            return write_typescript(parts)
