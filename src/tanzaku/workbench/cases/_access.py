"""Who may call, and how: credentials and methods."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._target import Target
from tanzaku.workbench.openapi import Operation

UNAUTHORIZED: Final = (401, 403)
NOT_ALLOWED: Final = 405
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_WRONG: Final = "wrong"


def list_access_cases(target: Target, auth: Mapping[str, Any] | None) -> Iterator[MadeCase]:
    """Of a secured operation each way of not being let in; of an open one, that all are. `auth` is
    how the request's file or its environment says who asks."""
    alternatives = target.operation.security
    if target.is_claude:
        alternatives = alternatives or (("key",),)
    is_open = not alternatives or () in alternatives
    if is_open:
        if target.document.security_schemes and alternatives == () and auth is not None:
            yield _make(target, "access.open", _take_away(auth), target.accept())
        return
    auth = auth or _guess_auth(target, alternatives[0])
    if auth is None:
        return
    refused = target.oracles.refuse(*UNAUTHORIZED)
    yield _make(target, "access.missing", _take_away(auth), refused)
    if target.is_claude:
        return  # The simulator takes any key; what it is cannot be told from the document.
    for rule, patch in _list_wrong(auth):
        if rule != "access.other_place" or len(alternatives) == 1:
            yield _make(target, rule, patch, refused)


def _guess_auth(target: Target, names: tuple[str, ...]) -> Mapping[str, Any] | None:
    """A credential of the document's own scheme, where nobody says who asks: a wrong one."""
    scheme = target.document.security_schemes.get(names[0]) if len(names) == 1 else None
    match scheme:
        case None:
            return None
        case _ if scheme.kind == "apiKey" and scheme.place in {"header", "query"}:
            return {
                "type": "api_key",
                "in": scheme.place,
                "name": scheme.parameter,
                "value": _WRONG,
            }
        case _ if scheme.kind == "http" and scheme.scheme == "bearer":
            return {"type": "bearer", "token": _WRONG}
        case _ if scheme.kind == "http" and scheme.scheme == "basic":
            return {"type": "basic", "username": _WRONG, "password": _WRONG}
        case _:
            return None


def _make(target: Target, rule: str, patch: dict[str, Any], expect: list[Any]) -> MadeCase:
    is_refused = rule != "access.open"
    return MadeCase(
        rule=rule, at="", kind="security" if is_refused else "positive", patch=patch,
        expect=expect, goal=("auth", rule, "", not is_refused), weight=1,
    )  # fmt: skip


def _take_away(auth: Mapping[str, Any]) -> dict[str, Any]:
    """Neither the request nor the environment says who asks."""
    patch: dict[str, Any] = {"auth": "none"}
    if auth["type"] == "api_key" and auth.get("in", "header") == "header":
        patch["headers"] = {str(auth["name"]).lower(): None}
    elif auth["type"] in {"bearer", "basic"}:
        patch["headers"] = {"authorization": None}
    return patch


def _list_wrong(auth: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    match auth["type"]:
        case "api_key":
            yield "access.wrong", {"auth": {**auth, "value": _WRONG}}
            yield "access.extended", {"auth": {**auth, "value": f"{auth['value']}x"}}
            yield "access.empty", {"auth": {**auth, "value": ""}}
            taken = _take_away(auth)
            bearer = _replace(auth, {"type": "bearer", "token": _WRONG})
            yield "access.other_scheme", {**taken, "auth": bearer}
            place = "header" if auth.get("in", "header") != "header" else "query"
            yield "access.other_place", {**taken, "auth": {**auth, "in": place}}
        case "bearer":
            yield "access.wrong", {"auth": {**auth, "token": _WRONG}}
            yield "access.extended", {"auth": {**auth, "token": f"{auth['token']}x"}}
            yield "access.empty", {"auth": "none", "headers": {"authorization": "Bearer"}}
            basic = {"type": "basic", "username": _WRONG, "password": _WRONG}
            yield "access.other_scheme", {"auth": _replace(auth, basic)}
        case _:
            yield "access.wrong", {"auth": {**auth, "password": _WRONG}}
            yield "access.wrong_name", {"auth": {**auth, "username": _WRONG}}
            bearer = {"type": "bearer", "token": _WRONG}
            yield "access.other_scheme", {"auth": _replace(auth, bearer)}


def _replace(auth: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A patch that leaves nothing of the first."""
    return {**dict.fromkeys(auth), **other}


def list_method_cases(target: Target, is_first: bool) -> Iterator[MadeCase]:
    """Methods that the path does not have; told once a path, with the first of its operations."""
    if not is_first or target.is_claude:
        return
    path = target.operation.path
    beside = [one for one in target.document.operations if one.path == path]
    known = {one.method for one in beside}
    like = [one for one in target.document.operations if one.path != path and _matches(one, path)]
    is_documented = any("405" in one.responses for one in beside)
    for method in _METHODS:
        if method in known or any(one.method == method for one in like):
            continue
        patch = {"method": method, "body": None} if "body" in target.fields else {"method": method}
        expect: list[Any] = [{"status": "4xx"}]
        if is_documented:
            expect = [{"status": NOT_ALLOWED}, {"header": {"allow": {"exists": True}}}]
            expect += [{"header": {"allow": {"icontains": one}}} for one in sorted(known)]
        yield MadeCase(
            rule="method.unknown", at=method, kind="negative", patch=patch, expect=expect,
            goal=("method", method, "", False), weight=3,
        )  # fmt: skip


def _matches(operation: Operation, path: str) -> bool:
    """Whether another operation's template takes this path in as well."""
    pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(operation.path))
    return re.fullmatch(pattern, path) is not None
