"""What Schemathesis is told: its configuration, and the credentials in its environment variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.workbench.openapi import Document, Operation, SecurityScheme, names_claude
from tanzaku.workbench.project import Auth, Environment, RequestFile, build_request

# Its own marker `token` would turn `max_tokens` into `[Filtered]`, and no request could be repeated.
_MARKERS: Final = ("secret", "password", "api-key", "api_key", "authorization")
_CREDENTIALS: Final = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key")
_VARIABLE: Final = "TANZAKU_FUZZ_"
_SCHEMES: Final = {"bearer": "bearer", "basic": "basic"}


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """How much is tried. `max_examples` is an operation's; in `max_time_s` all of the time is used,
    without it each phase ends by itself."""

    seed: int
    max_examples: int
    max_time_s: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`text` is a `schemathesis.toml` without any value of a header or a credential: those are in
    `environ`. `unchecked` are checks that say nothing here."""

    text: str
    environ: Mapping[str, str]
    unchecked: tuple[str, ...] = ()


@dataclass
class _Values:
    """Values by the variable that holds them."""

    environ: dict[str, str] = field(default_factory=dict)

    def keep(self, value: str) -> str:
        """The TOML text that stands for the value."""
        name = f"{_VARIABLE}{len(self.environ)}"
        self.environ[name] = value
        return f'"${{{name}}}"'


def build_settings(
    document: Document,
    environment: Environment,
    requests: Mapping[str, RequestFile],
    fuzzing: Fuzzing,
    base_url: str,
) -> Settings:
    """Try the operations that `requests` names; headers and credentials are those which the request
    files and the environment send."""
    values = _Values()
    sent = {key: _fill_headers(one, environment) for key, one in requests.items()}
    auth = environment.auth
    unchecked = _list_unchecked(document, environment)
    lines = [
        f"seed = {fuzzing.seed}",
        "continue-on-failure = true",
        f"base-url = {_quote(base_url)}",
        "generation.max-examples = " + str(fuzzing.max_examples),
        "request-timeout = 20.0",
        "warnings = false",
        "",
        "[output.sanitization]",
        "enabled = true",
        f"sensitive-markers = {json.dumps(_MARKERS)}",
        f"keys-to-sanitize = {json.dumps(sorted({*_CREDENTIALS, *_list_names(auth)}))}",
        *(line for one in unchecked for line in ("", f"[checks.{one}]", "enabled = false")),
        *_write_auth(document, environment, values),
    ]
    for operation in document.operations:
        if operation.id in requests:
            said = _write_headers(operation, sent[operation.id], values)
        else:
            said = ["enabled = false"]
        if said:
            lines += ["", "[[operations]]", f"include-name = {_quote(name_operation(operation))}"]
            lines += said
    return Settings("\n".join(lines) + "\n", values.environ, unchecked)


def _list_unchecked(document: Document, environment: Environment) -> tuple[str, ...]:
    """The simulator takes any key. Claude's API refuses more than a schema can state: what no file
    or cursor is called, tool results without calls; the generated cases know those rules."""
    found = ["ignored_auth"] if environment.upstream == "simulator" else []
    return (*found, "positive_data_acceptance") if names_claude(document) else tuple(found)


def name_operation(operation: Operation) -> str:
    """As Schemathesis calls it: `GET /orders/{id}`."""
    return f"{operation.method.upper()} {operation.path}"


def _fill_headers(request: RequestFile, environment: Environment) -> dict[str, str]:
    """What the request file sends, by name in lower case; nothing where a variable has no value."""
    try:
        built = build_request(request, environment, environment.scope)
    except InputFileError:
        return {}
    return {name.decode().lower(): value.decode("latin-1") for name, value in built.headers}


def _write_headers(operation: Operation, sent: Mapping[str, str], values: _Values) -> list[str]:
    """Documented headers with the value that is known to be right: by a pattern alone no request
    with a right body would be tried."""
    pairs = [
        f"{_quote(f'header.{one.name}')} = {values.keep(sent[one.name.lower()])}"
        for one in operation.parameters
        if one.place == "header" and one.name.lower() in sent
    ]
    return [f"parameters = {{ {', '.join(pairs)} }}"] if pairs else []


def _write_auth(document: Document, environment: Environment, values: _Values) -> list[str]:
    auth = environment.auth
    if auth is None or auth.kind == "none":
        return []
    scheme = next((one for one in document.security_schemes.values() if _is_meant(one, auth)), None)
    if scheme is None:
        headers, _ = auth.build(environment.scope)
        pairs = [f"{_quote(name)} = {values.keep(value.decode())}" for name, value in headers]
        return ["", "[headers]", *pairs] if pairs else []
    filled = [values.keep(value.fill(environment.scope)) for value in auth.values]
    keys = {"api_key": ["api_key"], "bearer": ["bearer"], "basic": ["username", "password"]}
    pairs = [f"{key} = {value}" for key, value in zip(keys[auth.kind], filled, strict=True)]
    return ["", f"[auth.openapi.{_quote(scheme.name)}]", *pairs]


def _is_meant(scheme: SecurityScheme, auth: Auth) -> bool:
    if auth.kind == "api_key":
        is_key = scheme.kind == "apiKey" and scheme.place == auth.carrier
        return is_key and scheme.parameter.lower() == auth.name.lower()
    return scheme.kind == "http" and scheme.scheme.lower() == _SCHEMES.get(auth.kind)


def _list_names(auth: Auth | None) -> list[str]:
    return [] if auth is None else [auth.name.lower()]


def _quote(text: str) -> Any:
    return json.dumps(text, ensure_ascii=False)
