"""What a reply's request said."""

from json import loads
from typing import Any

from tanzaku.workbench.assertions._finding import CannotJudge
from tanzaku.workbench.sending import Reply


def read_request(reply: Reply) -> dict[str, Any]:
    """The JSON object of the request."""
    try:
        body = loads(reply.exchange.request_body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise CannotJudge("the request's body is no JSON object")
    return body


def list_texts(content: Any) -> list[str]:
    """The texts of a `content` or `system`: a text, or the text blocks of a list."""
    if isinstance(content, str):
        return [content]
    blocks = content if isinstance(content, list) else []
    return [
        block["text"]
        for block in blocks
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    ]
