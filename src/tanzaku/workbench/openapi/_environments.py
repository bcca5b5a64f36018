"""The environments that a document's servers become, and the file of a new project."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tanzaku.workbench.openapi._claude import API_HOST
from tanzaku.workbench.openapi._document import Document, Server
from tanzaku.workbench.openapi._requests import Drafts, make_slug

LOCAL_URL: Final = "http://127.0.0.1:8000"
"""What stands before a server's path where the document names no host."""
# The simulator takes any key.
_ANY_KEY: Final = "any"


def draft_environments(document: Document, drafts: Drafts) -> dict[str, dict[str, Any]]:
    """Environment files by name, the one to begin with first. Claude's API gets the simulator
    (`mock`) and the API itself (`live`); another API one a server."""
    found: dict[str, dict[str, Any]] = {}
    if drafts.api_version is not None:
        found["mock"] = _write("simulator", None, _use_any_key(drafts.auth), ())
        found["live"] = _write("live", None, drafts.auth, drafts.secrets)
    for server in document.servers or (() if drafts.api_version else (Server("/"),)):
        if drafts.api_version is not None and urlsplit(server.url).hostname == API_HOST:
            continue
        name = stem = _name_server(server)
        number = 2
        while name in found:
            name, number = f"{stem}-{number}", number + 1
        found[name] = _write("url", _find_url(server), drafts.auth, drafts.secrets)
    return found


def draft_project(title: str, environment: str) -> dict[str, Any]:
    """A new project's `tanzaku.yaml`."""
    return {"tanzaku": "project/v1", "name": title, "environment": environment}


def _write(
    upstream: str, url: str | None, auth: Mapping[str, Any] | None, secrets: tuple[str, ...]
) -> dict[str, Any]:
    made: dict[str, Any] = {"tanzaku": "environment/v1", "upstream": upstream}
    if url is not None:
        made["base_url"] = url
    if auth is not None:
        made["auth"] = dict(auth)
    if secrets:
        made["secrets"] = {name: {"env": name} for name in secrets}
    return made


def _use_any_key(auth: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if auth is None else {**auth, "value": _ANY_KEY}


def _name_server(server: Server) -> str:
    """By its description when that is a word or two, else by its host."""
    words = re.findall(r"[A-Za-z0-9]+", server.description)
    if 0 < len(words) <= 2:
        return make_slug(" ".join(words))
    host = urlsplit(_find_url(server)).hostname or ""
    is_here = host in {"localhost", "::1"} or host.startswith("127.")
    return "local" if is_here else make_slug(host)


def _find_url(server: Server) -> str:
    parts = urlsplit(server.url)
    url = (
        server.url if parts.scheme in {"http", "https"} else f"{LOCAL_URL}/{server.url.lstrip('/')}"
    )
    return url.rstrip("/")
