"""How a document's operations are authorised, as request files say it."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tanzaku.workbench.openapi._claude import KEY_HEADER, KEY_SECRET
from tanzaku.workbench.openapi._document import Document, Operation, SecurityScheme


def build_auth(
    document: Document, operation: Operation, *, is_claude: bool
) -> dict[str, Any] | None:
    """The operation's `auth`, by the first scheme of its first alternative that has one; None
    without any. Claude's document names none, so there it is the API's key."""
    if is_claude:
        return {
            "type": "api_key", "in": "header", "name": KEY_HEADER, "value": _refer(KEY_SECRET)
        }  # fmt: skip
    for alternative in operation.security:
        for name in alternative:
            scheme = document.security_schemes.get(name)
            if scheme is not None:
                return _write_scheme(scheme)
    return None


def find_common_auth(document: Document, *, is_claude: bool) -> Mapping[str, Any] | None:
    """What most operations use."""
    each = (build_auth(document, one, is_claude=is_claude) for one in document.operations)
    counted = Counter(json.dumps(auth) for auth in each if auth is not None)
    if not counted:
        return None
    common: dict[str, Any] = json.loads(counted.most_common(1)[0][0])
    return common


def _write_scheme(scheme: SecurityScheme) -> dict[str, Any] | None:
    secret = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", scheme.name)).upper()
    match scheme.kind, scheme.scheme:
        case "apiKey", _:
            return {
                "type": "api_key",
                "in": scheme.place or "header",
                "name": scheme.parameter,
                "value": _refer(secret),
            }
        case "http", "basic":
            return {
                "type": "basic",
                "username": _refer(f"{secret}_USERNAME"),
                "password": _refer(f"{secret}_PASSWORD"),
            }
        case ("http", "bearer") | ("oauth2", _) | ("openIdConnect", _):
            return {"type": "bearer", "token": _refer(secret)}
        case _:
            return None  # mutualTLS, digest and the like: nothing a request file could say


def _refer(secret: str) -> str:
    return f"{{{{secret.{secret}}}}}"
