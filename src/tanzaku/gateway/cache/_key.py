"""When two requests are the same: everything counts but `stream`, order of keys and spelling.

Also the headers `anthropic-*` (betas in any order), the upstreams that the call may go to, and who
asks. The credential of a caller without a virtual key goes in whole: a part of it, as other
gateways took, lets one caller read another's answers (CVE-2026-35030).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tanzaku.core import canonical_json
from tanzaku.gateway._server_tools import has_server_tools
from tanzaku.gateway._stages import Asked, Caller, Target
from tanzaku.gateway.cache._settings import Scope
from tanzaku.transport import HeaderList
from tanzaku.wire import ANTHROPIC_BETA, ApiError, find_betas, find_credential, parse_body

# What these ask for lives on the server's side or acts there.
_STATEFUL: Final = ("container", "thread", "diagnostics", "fallback_credit_token")


def build_key(
    asked: Asked, caller: Caller, scope: Scope, targets: Sequence[Target]
) -> bytes | None:
    """SHA-256 over all that makes the request what it is; None for one whose answer is not kept:
    no message, server tools, containers, threads, `max_tokens: 0`, keys that stand twice."""
    if not asked.is_message or not _is_plain(asked.params):
        return None
    try:
        # Read anew: of a key that stands twice another reader may take the other one.
        params = parse_body(asked.body)
    except ApiError:
        return None
    params.pop("stream", None)
    headers = asked.request.headers
    return _digest(
        _name_owner(caller, scope, headers),
        asked.request.target.encode(),
        canonical_json(sorted({(target.name, target.model or "") for target in targets})),
        canonical_json(sorted(find_betas(headers))),
        *(
            part
            for line in sorted(headers)
            if line[0].startswith(b"anthropic-") and line[0] != ANTHROPIC_BETA
            for part in line
        ),
        canonical_json(params),
    )


def _digest(*parts: bytes) -> bytes:
    """Each part with its length, so that no two lists of parts read the same."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(b"%d:" % len(part))
        whole.update(part)
    return whole.digest()


def _name_owner(caller: Caller, scope: Scope, headers: HeaderList) -> bytes:
    if scope == "shared":
        return b"shared"
    if scope == "team" and caller.team:
        return b"team " + caller.team.encode()
    if caller.key_id:
        return b"key " + caller.key_id.encode()
    credential = find_credential(headers)
    return b"nobody" if credential is None else b"credential " + credential.secret.encode()


def _is_plain(params: Mapping[str, Any]) -> bool:
    max_tokens = params.get("max_tokens")
    if type(max_tokens) is not int or max_tokens <= 0:
        return False
    if any(params.get(name) is not None for name in _STATEFUL):
        return False
    return not has_server_tools(params)
