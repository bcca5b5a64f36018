"""A curl command becomes a request file; what is secret in it becomes a reference."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tanzaku.core import UserError
from tanzaku.core.plain_yaml import read_yaml
from tanzaku.workbench.openapi._claude import API_HOST, KEY_HEADER, KEY_SECRET
from tanzaku.workbench.openapi._curl import (
    CurlCommand,
    parse_curl,
    parse_json,
    split_pairs,
    split_url,
)
from tanzaku.workbench.openapi._environments import draft_claude, draft_project, draft_url
from tanzaku.workbench.openapi._requests import escape_places, make_slug
from tanzaku.workbench.openapi._words import VARIABLE
from tanzaku.workbench.project import (
    parse_for_editing,
    prepare_yaml,
    render_edited,
    render_yaml,
    write_text,
)

_SECRET_NAME = re.compile(
    r"(?i)(^|[-_.])(api[-_]?key|apikey|key|token|secret|password|passwd|pwd|auth|authorization|"
    r"session|sessionid|sid|signature|sig|cookie|credentials?)$"
)
_SECRET_FIELD = re.compile(
    r"(?i)(password|passwd|secret|client_secret|access_token|refresh_token|api_?key|private_?key)"
)
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class CurlReport:
    """The request `file` that was written, the `secrets` it refers to (their values were not kept),
    the `variables` it needs, options of the command that a request file cannot say, and other files
    that were made or changed."""

    file: str
    secrets: tuple[str, ...]
    variables: tuple[str, ...]
    left: tuple[str, ...]
    files: tuple[str, ...]


def import_curl(command: str | list[str], root: Path) -> CurlReport:
    """Write the command into the project at `root` as a request of its own. UserError when it
    cannot be read; no message ever holds a secret of it."""
    curl = parse_curl(command)
    draft = _Draft(curl, root)
    fields = draft.build()
    name = _find_name(root, curl.verb, fields["path"])
    files = draft.write_environments()
    write_text(root / name, render_yaml(fields))
    return CurlReport(
        file=name,
        secrets=tuple(draft.secrets),
        variables=tuple(draft.variables),
        left=tuple(curl.left),
        files=tuple(files),
    )


@dataclass
class _Draft:
    curl: CurlCommand
    root: Path
    secrets: dict[str, None] = field(default_factory=dict)
    variables: dict[str, None] = field(default_factory=dict)
    origin: str = ""
    auth: dict[str, Any] | None = None

    def build(self) -> dict[str, Any]:
        self.origin, path, query, userinfo = split_url(self.curl.url)
        headers = dict(self.curl.headers)
        self.auth = self._find_auth(headers, self.curl.user or userinfo)
        is_claude = urlsplit(self.origin).hostname == API_HOST
        if is_claude and self.auth is not None:
            self.secrets = {KEY_SECRET: None}  # as the environments of this API have it
        pairs = self._find_query(query)
        body = {} if self.curl.is_get else self._build_body(headers)
        fields = {
            "tanzaku": "request/v1",
            "name": f"{self.curl.verb} {VARIABLE.sub(r'{\1}', path)}",
            "method": self.curl.verb,
            "path": self._fill(path),
            "query": {
                name: self._hide(name, values[0]) if len(values) == 1 else
                [self._hide(name, one) for one in values]
                for name, values in pairs.items()
            },
            "headers": {name: self._hide(name, value) for name, value in headers.items()},
            "auth": None if is_claude else self.auth,
            **body,
            "timeout_s": self.curl.timeout_s,
        }  # fmt: skip
        return {key: one for key, one in fields.items() if key == "body" or one not in (None, {})}

    def write_environments(self) -> list[str]:
        """An environment for the address, unless one has it already; its secrets are declared."""
        found: dict[str, dict[str, Any]] = {}
        if urlsplit(self.origin).hostname == API_HOST:
            found = draft_claude()
        else:
            known = self._find_environment()
            if known is not None:
                return self._declare(known)
            found = dict([draft_url(self._fill(self.origin), tuple(self.secrets))])
        files = draft_project(self.root, self.root.resolve().name, next(iter(found)))
        for name, fields in found.items():
            if not (self.root / f"environments/{name}.yaml").exists():
                files[f"environments/{name}.yaml"] = render_yaml(fields)
        for name, text in files.items():
            write_text(self.root / name, text)
        return list(files)

    def _find_environment(self) -> Path | None:
        for path in sorted((self.root / "environments").glob("*.y*ml")):
            url = read_yaml(path).as_mapping().get("base_url")
            if url is not None and url.content == self.origin:
                return path
        return None

    def _declare(self, path: Path) -> list[str]:
        declared = read_yaml(path).plain.get("secrets") or {}
        missing = [name for name in self.secrets if name not in declared]
        if not missing:
            return []
        document = parse_for_editing(path.read_text("utf-8-sig"))
        if not declared:
            document["secrets"] = prepare_yaml({name: {"env": name} for name in missing})
        else:
            for name in missing:
                document["secrets"][name] = prepare_yaml({"env": name})
        write_text(path, render_edited(document))
        return [path.relative_to(self.root).as_posix()]

    def _find_auth(self, headers: dict[str, str], user: str | None) -> dict[str, Any] | None:
        """The credential, taken out of the headers."""
        shown = headers.pop("authorization", None)
        key = headers.pop(KEY_HEADER, None)
        if self.curl.bearer is not None:
            shown = f"Bearer {self.curl.bearer}"
        if user is not None:
            name, _, password = user.partition(":")
            secret = self._keep("PASSWORD", password)
            return {"type": "basic", "username": self._fill(name), "password": secret}
        if shown is not None:
            kind, _, token = shown.partition(" ")
            if kind.lower() == "bearer":
                return {"type": "bearer", "token": self._keep("TOKEN", token)}
            value = self._keep("AUTHORIZATION", shown)
            return {"type": "api_key", "in": "header", "name": "authorization", "value": value}
        if key is not None:
            value = self._keep(self._name_key(), key)
            return {"type": "api_key", "in": "header", "name": KEY_HEADER, "value": value}
        return None

    def _name_key(self) -> str:
        return KEY_SECRET if urlsplit(self.origin).hostname == API_HOST else "API_KEY"

    def _keep(self, name: str, value: str) -> str:
        """A reference to a secret: by the shell variable that held it, else by `name`."""
        held = VARIABLE.fullmatch(value)
        name = held[1] if held else name
        self.secrets[name] = None
        return f"{{{{secret.{name}}}}}"

    def _hide(self, name: str, value: str) -> str:
        """A value that may stand in a file, or a reference when its name says it is secret."""
        if value and _SECRET_NAME.search(name):
            return self._keep(re.sub(r"\W+", "_", name).strip("_").upper(), value)
        return self._fill(value)

    def _fill(self, text: str) -> str:
        """Shell variables as places; braces that are the command's own are no places."""
        escaped: str = escape_places(text)
        for found in VARIABLE.finditer(escaped):
            self.variables[found[1]] = None
        return VARIABLE.sub(r"{{\1}}", escaped)

    def _find_query(self, query: str) -> dict[str, list[str]]:
        pieces = [query, *self.curl.query]
        if self.curl.is_get:
            pieces += [one.text for one in self.curl.data]
        found: dict[str, list[str]] = {}
        for piece in filter(None, pieces):
            for name, value in split_pairs(piece) or [(piece, "")]:
                found.setdefault(name, []).append(value)
        return found

    def _build_body(self, headers: dict[str, str]) -> dict[str, Any]:
        if self.curl.upload is not None:
            return {"file": self._take_file(self.curl.upload)}
        if self.curl.form:
            headers.pop("content-type", None)
            return {"form": self._build_form(self.curl.form)}
        if not self.curl.data:
            return {}
        kind = headers.pop("content-type", _FORM_TYPE)
        files = [one for one in self.curl.data if one.is_file]
        if files and len(self.curl.data) > 1:
            raise UserError(
                "The curl command joins files and texts into one body.",
                hint="Put the whole body into one file, and name that.",
            )
        if files:
            return {"content_type": kind, "file": self._take_file(files[0].text)}
        return self._build_text("&".join(one.text for one in self.curl.data), kind)

    def _build_text(self, text: str, kind: str) -> dict[str, Any]:
        media = kind.partition(";")[0].strip().lower()
        value = parse_json(text)
        if value is not None and (media == _FORM_TYPE or media.endswith("json")):
            # A browser's or a person's `-d '{…}'` without a header is meant as JSON all the same,
            # but what curl sends then is said to be a form.
            named = {} if media == "application/json" else {"content_type": kind}
            return {**named, "body": _map_texts(value, self._fill_field)}
        pairs = split_pairs(text) if media == _FORM_TYPE else None
        if pairs is not None:
            return {"content_type": _FORM_TYPE, "form": self._build_form(pairs)}
        return {"content_type": kind, "raw": self._fill(text)}

    def _fill_field(self, name: str, text: str) -> str:
        return self._hide(name, text) if _SECRET_FIELD.fullmatch(name) else self._fill(text)

    def _build_form(self, parts: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for name, value in parts:
            if isinstance(value, dict):
                part: Any = {**value, "file": self._take_file(value["file"])}
            else:
                part = self._hide(name, value)
            found.setdefault(name, []).append(part)
        return {name: one[0] if len(one) == 1 else one for name, one in found.items()}

    def _take_file(self, name: str) -> str:
        """A file of the project by its path in it; another is copied to `data/`."""
        path = Path(name).expanduser()
        if name in {"-", "."}:
            raise UserError("The curl command reads its body from standard input.")
        inside = path.resolve()
        if inside.is_relative_to(self.root.resolve()):
            return inside.relative_to(self.root.resolve()).as_posix()
        if not path.is_file():
            raise UserError(
                "The curl command sends the file {file}, which is not there.", file=name
            )
        target = self.root / "data" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        return f"data/{path.name}"


def _map_texts(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _map_texts(one, change, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_map_texts(one, change, name) for one in value]
    return change(name, value) if isinstance(value, str) else value


def _find_name(root: Path, method: str, path: str) -> str:
    stem = make_slug(f"{method} {re.sub(r'[{}]', '', path)}")
    name, number = f"requests/{stem}.yaml", 2
    while (root / name).exists():
        name, number = f"requests/{stem}-{number}.yaml", number + 1
    return name
