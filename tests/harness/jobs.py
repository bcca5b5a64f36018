"""A service of jobs and notes that keeps to fixtures/jobs/jobs.yaml, and ways to break it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import jsonschema_rs

from harness.shop import DOCUMENT as SHOP
from harness.shop import KEY, Refused
from harness.shop import reply as reply_json
from tanzaku.core.plain_yaml import read_yaml
from tanzaku.transport import HttpRequest, HttpResponse

DOCUMENT = SHOP.parent.parent / "jobs/jobs.yaml"
MOST_BYTES = 1000


def _refuse(status: int) -> Refused:
    refused = Refused(status, "no")
    more = [(b"www-authenticate", b"Bearer")] if status == 401 else []
    refused.response = reply_json(status, {"problem": "no"}, more)
    return refused


@dataclass
class Jobs:
    """A `Handler`; `broken` names what is wrong with it."""

    broken: frozenset[str] = frozenset()
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    count: int = 0
    reads: int = 0

    def __post_init__(self) -> None:
        schemas = read_yaml(DOCUMENT).plain["components"]["schemas"]
        new = {"$ref": "#/components/schemas/NewJob", "components": {"schemas": schemas}}
        self._new = jsonschema_rs.validator_for(new)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._answer(request)
        except Refused as refused:
            return refused.response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        parts = path.strip("/").split("/")
        if "slash_split" in self.broken:
            parts = unquote(path).strip("/").split("/")
        parts = [unquote(part) for part in parts]
        headers = {name.decode().lower(): value.decode() for name, value in request.headers}
        given = headers.get("authorization")
        if given != f"Bearer {KEY}" and not ("any_bearer" in self.broken and given):
            raise _refuse(401)
        match request.method, parts:
            case "POST", ["jobs"]:
                return self._make(request, headers)
            case "GET", ["jobs"]:
                return self._list(parse_qsl(query, keep_blank_values=True))
            case "GET" | "DELETE", ["jobs", name]:
                return self._job(request.method, self._find(name))
            case "POST", ["jobs", name, "cancel"]:
                return self._cancel(self._find(name))
            case "GET", ["jobs", name, "results"]:
                return self._results(self._find(name), headers.get("accept", ""))
            case "GET", ["parts"]:
                return self._stream()
            case "PUT" | "GET" | "DELETE", ["notes", name]:
                return self._note(request, headers, name)
        raise _refuse(404)

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise _refuse(404)
        return self.jobs[name]

    def _make(self, request: HttpRequest, headers: dict[str, str]) -> HttpResponse:
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise _refuse(415)
        key = headers.get("idempotency-key")
        uuid = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
        if key is not None and re.fullmatch(uuid, key) is None:
            raise _refuse(400)
        try:
            body = json.loads(request.body, parse_constant=lambda _: 1 / 0)
            if not self._new.is_valid(body) or "\\ud800" in json.dumps(body):
                raise _refuse(400)
        except (ValueError, RecursionError, ZeroDivisionError):
            raise _refuse(400) from None
        if key in self.keys:
            return reply_json(201, self.jobs.get(self.keys[key], {}))
        self.count += 1
        job = {"id": f"job-{self.count}", "state": "waiting", "kind": body["kind"]}
        job |= {"title": body["title"]} if "title" in body else {}
        self.jobs[job["id"]] = job
        if key is not None:
            self.keys[key] = job["id"]
        return reply_json(201, job)

    def _list(self, query: list[tuple[str, str]]) -> HttpResponse:
        limits = [value for name, value in query if name == "limit"]
        least = 0 if "limit_zero" in self.broken else 1
        if limits and (re.fullmatch("[0-9]{1,3}", limits[0]) is None
                       or not least <= int(limits[0]) <= 50):  # fmt: skip
            raise _refuse(400)
        kinds = [value for name, value in query if name == "kind"]
        if {*kinds} - {"small", "middle", "big"}:
            raise _refuse(400)
        kinds = kinds[-1:] if "last_kind" in self.broken else kinds
        found = [one for one in self.jobs.values() if not kinds or one["kind"] in kinds]
        if "big_hidden" in self.broken and not kinds:
            found = [one for one in found if one["kind"] != "big"]
        found = found[::-1][: int(limits[0]) if limits else 20]
        return reply_json(200, {"jobs": found})

    def _job(self, method: str, job: dict[str, Any]) -> HttpResponse:
        if method == "DELETE":
            if job["state"] not in {"canceled", "done"}:
                raise _refuse(409)
            if "deleted_stays" not in self.broken:
                del self.jobs[job["id"]]
            return HttpResponse(204, [], b"")
        shown = dict(job)
        if "canceled_runs" in self.broken and job["state"] == "canceled":
            job["state"] = "running"
        self.reads += 1
        tag = f'"{shown["state"]}{self.reads * ("tag_restless" in self.broken)}"'
        return reply_json(200, shown, [(b"etag", tag.encode())])

    def _cancel(self, job: dict[str, Any]) -> HttpResponse:
        if job["state"] == "canceled" and "cancel_twice" not in self.broken:
            raise _refuse(409)
        job["state"] = "canceled"
        return reply_json(200, job)

    def _results(self, job: dict[str, Any], accept: str) -> HttpResponse:
        if job["kind"] != "small":
            raise _refuse(409)
        if accept == "text/csv" and "json_only" not in self.broken:
            return HttpResponse(200, [(b"content-type", b"text/csv")], b"a,b\n1,2\n")
        return reply_json(200, {})

    def _stream(self) -> HttpResponse:
        second = 0 if "starts_twice" in self.broken else 1
        events = [
            {"type": kind, "index": index}
            for index in (0, second)
            for kind in ("part_start", "part_stop")
        ]
        text = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], text.encode())

    def _note(self, request: HttpRequest, headers: dict[str, str], name: str) -> HttpResponse:
        if not 1 <= len(name) <= 40:
            raise _refuse(404)
        if request.method == "PUT":
            return self._put(name, request.body, headers.get("content-type", ""))
        if name not in self.notes:
            raise _refuse(404)
        if request.method == "DELETE":
            del self.notes[name]
            return HttpResponse(204, [], b"")
        kind = [(b"content-type", b"application/octet-stream")]
        return HttpResponse(200, kind, self.notes[name])

    def _put(self, name: str, body: bytes, kind: str) -> HttpResponse:
        if kind.partition(";")[0] != "application/octet-stream" and "any_kind" not in self.broken:
            raise _refuse(415)
        if len(body) > MOST_BYTES and "any_size" not in self.broken:
            raise _refuse(413)
        is_new = name not in self.notes
        before = self.notes.get(name, b"") if "put_appends" in self.broken else b""
        if "ascii_names" in self.broken:
            name = name.encode("ascii", "ignore").decode()
        self.notes[name] = before + body
        return HttpResponse(201 if is_new else 204, [], b"")
