"""A request of Schemathesis as a patch over the operation's request file."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from tanzaku.workbench.cases import build_patch, fits_yaml, write_value
from tanzaku.workbench.fuzz._read import Sent
from tanzaku.workbench.project import Auth

BLOTTED: Final = "[Filtered]"
_OWN: Final = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "host"),
        *("transfer-encoding", "user-agent"),
    }
)
_BODIES: Final = ("body", "raw", "file", "form")
_JSON: Final = "application/json"


def build_request_patch(
    fields: Mapping[str, Any], sent: Sent, auth: Auth | None
) -> dict[str, Any] | None:
    """What makes `sent` of a request file with these `fields`; what was blotted out is left to the
    file and the environment. None for bytes that are no text."""
    patch: dict[str, Any] = {}
    if sent.method != str(fields["method"]).upper():
        patch["method"] = sent.method
    url = urlsplit(sent.url)
    patch |= _patch_path(fields, url.path)
    query = _group(parse_qsl(url.query, keep_blank_values=True))
    has_credential = auth is None or auth.kind == "none" or _shows(auth, sent, query)
    wanted = {name: one for name, one in query.items() if one != BLOTTED}
    if changed := build_patch(fields.get("query") or {}, wanted):
        patch["query"] = changed
    if not has_credential:
        patch["auth"] = "none"
    if headers := _patch_headers(fields, sent):
        patch["headers"] = headers
    body = _patch_body(fields, sent)
    return None if body is None else patch | body


def _patch_path(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The values of the path's parameters; another path where they do not make this one."""
    template = str(fields["path"])
    parts = re.split(r"\{([^{}]+)\}", template)
    pattern = "".join(
        f"(?P<p{number}>[^/]+)" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    found = re.fullmatch(pattern, path)
    if found is None:
        return {"path": path, "path_params": None}
    values = {name: unquote(found[f"p{2 * at + 1}"]) for at, name in enumerate(parts[1::2])}
    changed = build_patch(fields.get("path_params") or {}, values)
    return {"path_params": changed} if changed else {}


def _patch_headers(fields: Mapping[str, Any], sent: Sent) -> dict[str, Any]:
    stands = {str(name).lower(): one for name, one in (fields.get("headers") or {}).items()}
    hidden = {name for name, one in sent.headers.items() if BLOTTED in one} | _OWN
    changed: dict[str, Any] = build_patch(
        {name: one for name, one in stands.items() if name not in hidden},
        {name: one for name, one in sent.headers.items() if name not in hidden},
    )
    return changed


def _patch_body(fields: Mapping[str, Any], sent: Sent) -> dict[str, Any] | None:
    if not sent.body:
        return {key: None for key in _BODIES if key in fields}
    kind = sent.headers.get("content-type", "")
    try:
        text = sent.body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if kind == _JSON and (value := _read_json(text)) is not None:
        changed = build_patch(fields["body"], value) if "body" in fields else write_value(value)
        return {} if changed == {} and "body" in fields else {"body": changed}
    return {"raw": write_value(text)} | ({"content_type": kind} if kind else {})


def _read_json(text: str) -> Any:
    """None for what a file of the project cannot hold as a value."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if fits_yaml(value) else None


def _group(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


def _shows(auth: Auth, sent: Sent, query: Mapping[str, Any]) -> bool:
    if auth.kind == "api_key" and auth.carrier == "query":
        return auth.name in query
    name = "cookie" if auth.kind == "api_key" and auth.carrier == "cookie" else auth.name
    return name.lower() in sent.headers
