"""Requests written for other tools: curl, REST clients in editors, pytest."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pprint import pformat
from typing import Any, Final, override

from tanzaku.transport import HttpRequest
from tanzaku.workbench.openapi._requests import make_slug
from tanzaku.workbench.sending import render_snippet

_SECRET: Final = re.compile(r"TANZAKU_SECRET_(\w+?)_END")
_NOT_WRITTEN: Final = frozenset({"content-length", "host"})


@dataclass(frozen=True, slots=True)
class NamedRequest:
    """A request filled with the names of its secrets (SecretNames) in the place of their values.
    `expected` are statuses as suites write them (`200`, `4xx`); none: below 400."""

    name: str
    request: HttpRequest
    base_url: str
    expected: tuple[str, ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """As they are sent, names in lower case; user and password of a Basic credential open."""
        return [
            (name.decode("latin-1").lower(), _open_basic(value.decode("latin-1")))
            for name, value in self.request.headers
            if name.decode("latin-1").lower() not in _NOT_WRITTEN
        ]

    @property
    def text(self) -> str | None:
        """The body; None when it is no text."""
        try:
            return self.request.body.decode()
        except UnicodeDecodeError:
            return None

    @property
    def json(self) -> Any:
        """The body's JSON object or list; None when it is no such thing."""
        kind = dict(self.headers).get("content-type", "")
        try:
            value = json.loads(self.request.body) if "json" in kind else None
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict | list) else None


class SecretNames(Mapping[str, str]):
    """In the place of secrets: what is written where a secret's value would stand, by its name.
    The exports below turn it into a reference."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    @override
    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return f"TANZAKU_SECRET_{name}_END"

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    @override
    def __len__(self) -> int:
        return len(self._names)


def render_curl(requests: Sequence[NamedRequest], secrets: SecretNames) -> str:
    """A shell script: one command a request, secrets from environment variables."""
    return "\n".join(
        f"# {_flatten(one.name)}\n"
        + render_snippet(one.request, one.base_url, "curl", dict(secrets))
        for one in requests
    )


def render_http(requests: Sequence[NamedRequest]) -> tuple[str, list[str]]:
    """An `.http` file as the REST clients of VS Code and JetBrains read it, and the names of the
    requests whose bodies cannot stand in one (bytes that are no text, or `{{`, which would be a
    variable there)."""
    blocks: list[str] = []
    left: list[str] = []
    bases = {one: f"baseUrl{number or ''}" for number, one in enumerate(_list_bases(requests))}
    for one in requests:
        body = _write_http_body(one)
        if body is None:
            left.append(one.name)
            continue
        lines = [f"### {_flatten(one.name)}", f"# @name {_name_variable(one.name)}"]
        lines.append(f"{one.request.method} {{{{{bases[one.base_url]}}}}}{one.request.target}")
        lines += [f"{name}: {value}" for name, value in one.headers]
        blocks.append("\n".join([*lines, "", body] if body else lines))
    text = _refer("\n\n".join(blocks), lambda name: f"{{{{{name}}}}}")
    names = dict.fromkeys(_SECRET.findall("\n\n".join(blocks)))
    head = [f"@{name} = {base}" for base, name in bases.items()]
    if names:
        head.append("# JetBrains: set these in http-client.private.env.json, and remove the lines.")
        head += [f"@{name} = {{{{$processEnv {name}}}}}" for name in names]
    return "\n".join([*head, "", text]) + "\n", left


def render_pytest(requests: Sequence[NamedRequest]) -> str:
    """A test file that needs pytest and nothing else: each request is sent, and its status
    checked. BASE_URL in the environment sends them elsewhere."""
    cases = [
        {
            "name": one.name,
            "base_url": one.base_url,
            "method": one.request.method,
            "target": one.request.target,
            "headers": dict(one.headers),
            **_write_python_body(one),
            "expected": list(one.expected) or ["2xx", "3xx"],
        }
        for one in requests
    ]
    shown = pformat(cases, width=96, sort_dicts=False)
    return _PYTEST.replace("CASES = []", f"CASES = {_refer(shown, _refer_in_python)}")


def _write_http_body(one: NamedRequest) -> str | None:
    if one.json is not None:
        # Only inside of a text can two braces stand side by side in JSON with indents.
        return json.dumps(one.json, ensure_ascii=False, indent=2).replace("{{", "{\\u007b")
    text = one.text
    if text is None or "{{" in text or re.search(r"(?m)^(###|< )", text):
        return None
    return text.replace("\r\n", "\n")


def _write_python_body(one: NamedRequest) -> dict[str, Any]:
    if one.json is not None:
        return {"json": one.json}
    if not one.request.body:
        return {}
    return {"body": one.request.body} if one.text is None else {"text": one.text}


def _list_bases(requests: Sequence[NamedRequest]) -> list[str]:
    return list(dict.fromkeys(one.base_url for one in requests))


def hide_secrets(text: str) -> str:
    """Without even the names of secrets."""
    return _refer(text, lambda name: "…")


def _refer(text: str, write: Callable[[str], str]) -> str:
    return _SECRET.sub(lambda found: write(found[1]), text)


def _refer_in_python(name: str) -> str:
    return f"{{{{secret.{name}}}}}"


def _open_basic(value: str) -> str:
    """Both clients, and the test file, encode `Basic user:password` themselves."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "basic":
        return value
    try:
        return f"Basic {b64decode(rest, validate=True).decode()}"
    except ValueError:
        return value


def _name_variable(text: str) -> str:
    return make_slug(text).replace("-", "_")


def _flatten(text: str) -> str:
    return " ".join(text.split())


_PYTEST: Final = '''\
"""Requests that are sent one by one, and their statuses checked.

Written by `tanzaku export pytest`. BASE_URL in the environment sends them elsewhere; secrets are read
from environment variables of their names.
"""

import base64
import json
import os
import re
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

CASES = []


def fill(text):
    return re.sub(r"\\{\\{secret\\.(\\w+)\\}\\}", lambda found: os.environ[found[1]], text)


def build(case):
    headers = {name: fill(value) for name, value in case["headers"].items()}
    scheme, _, pair = headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    body = case.get("body")
    if "text" in case:
        body = fill(case["text"]).encode()
    if "json" in case:
        body = fill(json.dumps(case["json"], ensure_ascii=False)).encode()
    url = os.environ.get("BASE_URL", case["base_url"]).rstrip("/") + fill(case["target"])
    return Request(url, data=body, headers=headers, method=case["method"])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_request(case):
    try:
        with urlopen(build(case), timeout=600) as answer:
            status, body = answer.status, answer.read()
    except HTTPError as error:
        with error:
            status, body = error.code, error.read()
    wanted = [str(one).lower().replace("x", "[0-9]") for one in case["expected"]]
    assert any(re.fullmatch(one, str(status)) for one in wanted), (status, body[:2000])
'''
