"""What is served, said before anybody asks for it."""

from typing import Final

from tanzaku.simulator._families import find_family

SERVED: Final = (
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1/messages/batches"),
    ("GET", "/v1/messages/batches"),
    ("GET", "/v1/messages/batches/{message_batch_id}"),
    ("DELETE", "/v1/messages/batches/{message_batch_id}"),
    ("POST", "/v1/messages/batches/{message_batch_id}/cancel"),
    ("GET", "/v1/messages/batches/{message_batch_id}/results"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model_id}"),
    ("POST", "/v1/files"),
    ("GET", "/v1/files"),
    ("GET", "/v1/files/{file_id}"),
    ("DELETE", "/v1/files/{file_id}"),
    ("GET", "/v1/files/{file_id}/content"),
)
"""The operations of the Claude API that the simulator answers: method and path."""


def explain_unserved(method: str, path: str) -> str:
    """Why an operation, its path's parameters in braces, is not served; empty when it is."""
    asked = [_generalise(part) for part in path.split("/")]
    for served_method, served_path in SERVED:
        if method == served_method and asked == [_generalise(p) for p in served_path.split("/")]:
            return ""
    family = find_family(path)
    what = f"the {family} API" if family else f"{method} {path}"
    return f"Tanzaku's simulator does not serve {what}."


def _generalise(part: str) -> str:
    return "{}" if part.startswith("{") and part.endswith("}") else part
