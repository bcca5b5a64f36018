"""`results_url` in the answers about message batches: rewritten to the gateway's own origin.

Clients send their credentials to whatever host that URL names (SDK 2.12 does), so that without
this a virtual key would go to the upstream, and the results past the ledger.
"""

import json
from typing import Final
from urllib.parse import quote

from tanzaku.gateway._spans import Span, find_members, iter_elements
from tanzaku.transport import HttpRequest, get_header

BATCHES: Final = "/v1/messages/batches"


def find_own_origin(request: HttpRequest, public_url: str = "") -> str:
    """The origin the client reached the gateway under: `public_url` where one is configured, else
    what its Host header says; empty where it says nothing."""
    if public_url:
        return public_url
    host = get_header(request.headers, b"host")
    return "" if host is None else f"http://{host.decode('latin-1')}"


def rewrite_results_url(body: bytes, own_origin: str) -> bytes:
    """`body`, a batch or a list of batches, with each `results_url` that is not null naming this
    gateway. No other byte changes; what is neither stays as it is.

    The URL is built anew from the batch's id, so that its path is that of the Claude API wherever
    the upstream keeps its own: `{own_origin}/v1/messages/batches/{id}/results`.
    """
    try:
        text = body.decode()
        edits = _find_edits(text, own_origin)
    except (ValueError, RecursionError):
        return body
    for (begin, end), url in reversed(edits):
        text = f"{text[:begin]}{url}{text[end:]}"
    return text.encode()


def _find_edits(text: str, own_origin: str) -> list[tuple[Span, str]]:
    top = find_members(text)
    objects = [top]
    if "data" in top:
        objects = [find_members(text, at) for at in iter_elements(text, top["data"][0])]
    edits = []
    for members in objects:
        span, batch_id = members.get("results_url"), members.get("id")
        if span is None or batch_id is None or text[span[0]] != '"':
            continue
        name = quote(str(json.loads(text[slice(*batch_id)])), safe="")
        edits.append((span, json.dumps(f"{own_origin}{BATCHES}/{name}/results")))
    return edits
