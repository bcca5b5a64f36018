"""Families of the API that are not simulated: named, so that a 404 explains itself.

Source: SDK 2.12.0 `resources/` and `resources/beta/`.
"""

from tanzaku.wire import ApiError, get_error_type

_FAMILIES = {
    "agents": "Managed Agents",
    "complete": "Text Completions",
    "deployment_runs": "Managed Agents",
    "deployments": "Managed Agents",
    "dreams": "Dreams",
    "environments": "Managed Agents",
    "memory_stores": "Memory Stores",
    "oauth": "OAuth",
    "organizations": "Admin",
    "sessions": "Managed Agents",
    "skills": "Skills",
    "tunnels": "MCP Tunnels",
    "user_profiles": "User Profiles",
    "vaults": "Managed Agents",
}


def find_family(path: str) -> str | None:
    """The name of the family a path belongs to; None when it is of none that is not simulated."""
    return _FAMILIES.get(path.split("/")[2] if path.startswith("/v1/") else "")


def refuse_path(path: str) -> ApiError:
    """The 404 for a path that nothing serves; of a known family it gives the name."""
    family = find_family(path)
    if family is None:
        return ApiError.not_found()
    return ApiError.not_found(f"Not found: the {family} API ({path}) is not simulated by Tanzaku")


def refuse_method(*allowed: str) -> ApiError:
    """The 405 of a path that takes the methods `allowed`. The text is a guess; that `allow` names
    them is RFC 9110, 15.5.6."""
    allow = (b"allow", ", ".join(allowed).encode())
    return ApiError(405, get_error_type(405), "Method Not Allowed", headers=(allow,))
