"""The environments that a document's servers become, and the file of a new project."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tanzaku.workbench.openapi._claude import API_HOST, KEY_HEADER, KEY_SECRET
from tanzaku.workbench.openapi._document import Document, Server
from tanzaku.workbench.openapi._requests import Drafts, make_slug
from tanzaku.workbench.project import PROJECT_FILE, render_yaml

_IGNORED: Final = "environments/.env\n.tanzaku/\n"
LOCAL_URL: Final = "http://127.0.0.1:8000"
"""What stands before a server's path where the document names no host."""


def draft_environments(document: Document, drafts: Drafts) -> dict[str, dict[str, Any]]:
    """Environment files by name, the one to begin with first. Claude's API gets the simulator
    (`mock`) and the API itself (`live`); another API one a server."""
    is_claude = drafts.api_version is not None
    found = draft_claude() if is_claude else {}
    for server in document.servers or (() if is_claude else (Server("/"),)):
        if is_claude and urlsplit(server.url).hostname == API_HOST:
            continue
        name = stem = _name_server(server)
        number = 2
        while name in found:
            name, number = f"{stem}-{number}", number + 1
        found[name] = _write("url", _find_url(server), drafts.auth, drafts.secrets)
    return found


def draft_claude() -> dict[str, dict[str, Any]]:
    """The simulator, which takes any key, and the API itself."""
    auth = {"type": "api_key", "in": "header", "name": KEY_HEADER}
    live = {**auth, "value": f"{{{{secret.{KEY_SECRET}}}}}"}
    return {
        "mock": _write("simulator", None, {**auth, "value": "any"}, ()),
        "live": _write("live", None, live, (KEY_SECRET,)),
    }


def draft_url(url: str, secrets: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """The name and the fields of an environment for one address."""
    return _name_server(Server(url)), _write("url", url, None, secrets)


def draft_project(root: Path, title: str, environment: str) -> dict[str, str]:
    """The files that make `root` a project, unless it is one: texts by path."""
    if (root / PROJECT_FILE).exists():
        return {}
    fields = {"tanzaku": "project/v1", "name": title, "environment": environment}
    ignored = {} if (root / ".gitignore").exists() else {".gitignore": _IGNORED}
    return {PROJECT_FILE: render_yaml(fields), **ignored}


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
