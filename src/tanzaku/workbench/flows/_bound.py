"""The most that a request to the Claude API can cost, known before it is sent."""

from collections.abc import Mapping
from json import loads
from typing import Any, Final

from tanzaku.catalog import estimate_tokens, get_model, resolve_rates
from tanzaku.core import UserError
from tanzaku.transport import HttpRequest
from tanzaku.workbench.flows._meter import FREE, Bound
from tanzaku.workbench.sending import Reply

_MESSAGES: Final = "/v1/messages"
_BATCHES: Final = "/v1/messages/batches"
# What is kept, fetched or done elsewhere is not bounded by the bytes of the request.
_ELSEWHERE: Final = (b'"image"', b'"document"', b'"file"', b'"container', b'"mcp_servers"')
_CLIENT_TOOLS: Final = ("bash_", "browser_toolset_", "computer_", "memory_", "text_editor_")
_UNKNOWN: Final = Bound(None, 0)


def bound_request(request: HttpRequest, *, is_live: bool) -> Bound:
    """An upper bound: every byte as a token, an image or a document as a prompt that fills the
    model's window, each at the price of a 1-hour cache write; an answer of `max_tokens`. Only
    messages and batches of them cost anything.

    What the live API would bill and nobody can bound (a model without a price, tools that run at
    Anthropic's) has no dollars. The simulator's answers have no bill: what cannot be bounded there
    is a request that it refuses.
    """
    if request.method != "POST" or request.path not in {_MESSAGES, _BATCHES}:
        return FREE
    try:
        body = loads(request.body)
    except (ValueError, RecursionError):
        return FREE  # Refused before any model sees it.
    if not isinstance(body, dict):
        return FREE
    unknown = _UNKNOWN if is_live else FREE
    if request.path == _MESSAGES:
        return _bound_message(body, request.body) or unknown
    whole = FREE
    entries = body.get("requests")
    for entry in entries if isinstance(entries, list) else []:
        params = entry.get("params") if isinstance(entry, dict) else None
        one = _bound_message(params, request.body) if isinstance(params, dict) else None
        one = one or unknown
        usd = None if whole.usd is None or one.usd is None else whole.usd + one.usd
        whole = Bound(usd, whole.output_tokens + one.output_tokens)
    return whole


def find_spent(reply: Reply, bound: Bound) -> Bound:
    """What `reply` cost. Its bound, where an answer came, or may have, that does not say."""
    if bound is FREE:
        return FREE
    usage = reply.usage
    if usage is not None:
        return Bound(
            bound.usd if reply.cost_usd is None else reply.cost_usd,
            int(usage.get("output_tokens") or 0),
        )
    is_refused = reply.status is not None and reply.status >= 400
    return FREE if is_refused else bound


def _bound_message(params: Mapping[str, Any], body: bytes) -> Bound | None:
    name, most = params.get("model"), params.get("max_tokens")
    if not isinstance(name, str) or type(most) is not int or most < 0:
        return None
    tools = params.get("tools")
    if isinstance(tools, list) and any(_is_remote(tool) for tool in tools):
        return None
    try:
        model, rates = get_model(name), resolve_rates(name)
        tokens = estimate_tokens(len(body))
        if any(mark in body for mark in _ELSEWHERE):
            tokens += model.context_window
        usage = {
            "input_tokens": 0,
            "cache_creation_input_tokens": tokens,
            "cache_creation": {"ephemeral_1h_input_tokens": tokens},
            "output_tokens": most,
            "speed": "fast" if params.get("speed") == "fast" else "standard",
            "inference_geo": "us" if params.get("inference_geo") == "us" else "global",
        }
        bound = Bound(rates.price(usage).total_usd, most)
    except UserError:
        return None
    return bound


def _is_remote(tool: Any) -> bool:
    """Not one that the client executes: what it finds at Anthropic's, and how often, is in no
    request."""
    kind = tool.get("type", "custom") if isinstance(tool, dict) else "custom"
    return not (isinstance(kind, str) and (kind == "custom" or kind.startswith(_CLIENT_TOOLS)))
