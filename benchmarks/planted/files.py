"""A small store of files: upload by name, fetch with an ETag, list with filters, as JSON or CSV."""

from hashlib import sha256
from typing import Any, override

from benchmarks.planted import _checks as check
from benchmarks.planted._kernel import Answer, Headers, Refused, Request, Service, answer_json

KEY = "key-files-04de"
KINDS = ("text", "image", "binary")
MOST_BYTES = 4096
MEDIA_TYPES = ("application/json", "text/csv")


class Files(Service):
    routes = (
        ("GET", "/files", "list_files"),
        ("GET", "/files/{name}", "get_file"),
        ("PUT", "/files/{name}", "put_file"),
        ("DELETE", "/files/{name}", "delete_file"),
    )
    max_body_bytes = MOST_BYTES

    def __init__(self, bug: str | None = None) -> None:
        super().__init__(bug)
        if bug == "files-too-big-accepted":
            self.max_body_bytes = 1_000_000
        self._told = 0
        self._files: dict[str, dict[str, Any]] = {}
        self._contents: dict[str, bytes] = {}
        self._keep("说明.txt", b"hello", "text")
        self._keep("docs/read me.md", b"# Read me", "text")
        self._keep("logo.png", b"\x89PNG", "image")

    def _keep(self, name: str, content: bytes, kind: str) -> None:
        self._contents[name] = content
        info = {"name": name, "size": len(content), "kind": kind, "expires": None, "public": False}
        self._files[name] = info

    @override
    def admit(self, operation: str, request: Request) -> None:
        if request.headers.get("x-files-key") != KEY:
            raise Refused(401, "unauthorized", "Send the key in X-Files-Key.")

    def _tag(self, name: str) -> str:
        content = self._contents[name]
        if self.bug == "files-etag-restless":
            self._told += 1
            content += str(self._told).encode()
        return f'"{sha256(content).hexdigest()[:16]}"'

    def _read_name(self, request: Request) -> str:
        name = request.values[0]
        if self.bug == "files-name-slash" and "/" in name:
            raise Refused(404, "not_found", "There is nothing at this path.")
        if self.bug == "files-name-latin":
            return name.encode().decode("latin-1")
        return name

    def list_files(self, request: Request) -> Answer:
        media_type = choose_media_type(request.headers.get("accept") or "*/*")
        kinds = self._read_kinds(request)
        before = check.get_query(request, "expires_before")
        if before is not None:
            check.take_date(before, "expires_before")
        public = self._read_public(request)
        sort = check.get_query(request, "sort")
        if sort is not None:
            check.take_choice(sort, "sort", ("name", "size", "-size"))
        limit = check.get_query_whole(request, "limit", 1, 20, 10)
        if self.bug == "files-sort-with-kind-crash" and kinds != KINDS and sort is not None:
            raise KeyError("kind.sort")
        found = [
            info
            for info in self._files.values()
            if info["kind"] in kinds
            and public in {None, info["public"]}
            and (before is None or (info["expires"] or "9999-12-31") < before)
        ]
        found.sort(key=lambda info: info["name"])
        if sort in ("size", "-size"):
            found.sort(key=lambda info: int(info["size"]), reverse=sort == "-size")
        if self.bug == "files-limit-one-more":
            limit += 1
        if media_type == "text/csv":
            return self._answer_csv(found[:limit])
        return answer_json(200, {"files": found[:limit], "total": len(found)})

    def _answer_csv(self, found: list[dict[str, Any]]) -> Answer:
        names = (info["name"].replace('"', '""') for info in found)
        lines = [f'"{name}",{info["size"]}' for name, info in zip(names, found, strict=True)]
        media_type = "text/csv"
        if self.bug == "files-csv-as-plain":
            media_type = "text/plain"
        text = "".join(f"{line}\r\n" for line in ["name,size", *lines])
        return Answer(200, (("content-type", media_type),), (text.encode(),))

    def _read_kinds(self, request: Request) -> tuple[str, ...]:
        text = check.get_query(request, "kind")
        if text is None:
            return KINDS
        if self.bug == "files-kind-unsplit":
            return (check.take_choice(text, "kind", KINDS),)
        kinds = check.take_list(text.split(","), "kind", 1, 3)
        if self.bug == "files-kind-last-only":
            kinds = kinds[-1:]
        return tuple(check.take_choice(kind, "kind", KINDS) for kind in kinds)

    def _read_public(self, request: Request) -> bool | None:
        if self.bug == "files-public-anything":
            text = check.get_query(request, "public")
            return None if text is None else text.lower() not in ("", "0", "false", "no")
        return check.get_query_flag(request, "public")

    def get_file(self, request: Request) -> Answer:
        name = self._read_name(request)
        if name not in self._files:
            raise Refused(404, "not_found", "There is no such file.")
        tag = self._tag(name)
        headers: Headers = (("etag", tag),)
        if self.bug == "files-etag-missing":
            headers = ()
        known = [part.strip() for part in request.headers.get("if-none-match", "").split(",")]
        if "*" in known or tag in [part.removeprefix("W/") for part in known]:
            return Answer(304, headers)
        media_type = ("content-type", "application/octet-stream")
        return Answer(200, (media_type, *headers), (self._contents[name],))

    def put_file(self, request: Request) -> Answer:
        name = check.take_text(self._read_name(request), "name", 1, 64)
        if name.startswith("."):
            raise check.invalid("name", "must not begin with a dot")
        kind = check.get_query(request, "kind")
        if kind is None and self.bug == "files-kind-optional":
            kind = "binary"
        kind = check.take_choice(kind, "kind", KINDS)
        expires = check.get_query(request, "expires")
        if expires is not None and self.bug != "files-expires-unchecked":
            check.take_date(expires, "expires")
        public = self._read_public(request) or False
        if self.bug == "files-any-type-accepted":
            content = check.read_body(request)
        else:
            content = check.read_body(request, "application/octet-stream")
        if self.bug == "files-empty-upload-crash":
            content[0]
        is_new = name not in self._files
        if self.bug == "files-put-appends" and not is_new:
            self._contents[name] += content
        else:
            self._contents[name] = content
        size = len(self._contents[name])
        info = {"name": name, "size": size, "kind": kind, "expires": expires, "public": public}
        self._files[name] = info
        return answer_json(201 if is_new else 200, info, ("etag", self._tag(name)))

    def delete_file(self, request: Request) -> Answer:
        name = self._read_name(request)
        if self._files.pop(name, None) is None and self.bug != "files-delete-unknown-204":
            raise Refused(404, "not_found", "There is no such file.")
        if self.bug == "files-delete-200":
            return answer_json(200, {"deleted": True})
        return Answer(204)


def choose_media_type(accept: str) -> str:
    """The offered media type that the client likes best. Raises Refused(406)."""
    best, chosen = 0.0, ""
    for offered in MEDIA_TYPES:
        weight = _weigh(accept, offered)
        if weight > best:
            best, chosen = weight, offered
    if not chosen:
        raise Refused(406, "not_acceptable", f"There is {' and '.join(MEDIA_TYPES)}.")
    return chosen


def _weigh(accept: str, offered: str) -> float:
    """The weight of the most specific range of `accept` that covers `offered` (RFC 9110, 12.5.1)."""
    ranges = (offered, f"{offered.partition('/')[0]}/*", "*/*")
    found = {}
    for part in accept.lower().split(","):
        name, *options = [piece.strip() for piece in part.split(";")]
        weight = next((option[2:] for option in options if option.startswith("q=")), "1")
        try:
            found[name] = float(weight)
        except ValueError:
            found[name] = 0.0
    return next((found[name] for name in ranges if name in found), 0.0)
