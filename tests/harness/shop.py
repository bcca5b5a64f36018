"""A small service that keeps to its document (fixtures/shop/shop.yaml), and ways to break it.

`Shop(broken={"NAME"})` has one of the faults that FAULTS names, so that a test can say which cases
find it. Requests are judged by `jsonschema_rs` and nothing of the workbench.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import jsonschema_rs

from tanzaku.core.plain_yaml import read_yaml
from tanzaku.transport import HttpRequest, HttpResponse

DOCUMENT = Path(__file__).parent.parent / "fixtures/shop/shop.yaml"
KEY = "shop-test-credential"
FAULTS = (
    "no_auth", "wrong_key_passes", "huge_number_crashes", "bytes_counted", "utf16_counted",
    "unanchored", "bool_as_number", "number_as_text", "unknown_kept", "default_forgotten",
    "note_lost", "patch_resets", "put_appends", "deleted_stays", "deleted_listed", "filter_ignored",
    "page_repeats", "page_drops", "limit_ignored", "sort_ignored", "cancel_twice", "twins_accepted",
    "zero_pair_crashes", "stream_as_json", "stream_unended", "status_200", "location_missing",
    "bad_error", "email_twice", "key_forgotten", "etag_ignored", "html_error", "null_refused",
    "password_shown", "last_enum_refused", "wrong_method_ok", "deep_crashes", "other_changed",
)  # fmt: skip


def load_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = read_yaml(DOCUMENT).plain["components"]["schemas"]
    return schemas


@dataclass
class Shop:
    """A `Handler`. Everything is in memory; the clock is a counter."""

    broken: frozenset[str] = frozenset()
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[int, dict[str, Any]] = field(default_factory=dict)
    answered: dict[str, HttpResponse] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        document = read_yaml(DOCUMENT).plain
        self._schemas = document["components"]["schemas"]
        inline = document["paths"]
        self._bodies = {
            "order": self._compile({"$ref": "#/components/schemas/NewOrder"}),
            "change": self._compile({"$ref": "#/components/schemas/OrderChange"}),
            "customer": self._compile(_body(inline["/customers"]["post"])),
            "advice": self._compile(_body(inline["/advice"]["post"])),
        }

    def _compile(self, schema: dict[str, Any]) -> Any:
        whole = {**schema, "components": {"schemas": self._schemas}}
        return jsonschema_rs.validator_for(whole, validate_formats=True)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self._answer(request)
        except Refused as refused:
            response = refused.response
            if "html_error" in self.broken:
                return HttpResponse(response.status, [(b"content-type", b"text/html")], b"<p>no")
            if "bad_error" in self.broken:
                return reply(response.status, {"detail": "no"})
        except (OverflowError, ZeroDivisionError, RecursionError):
            response = HttpResponse(500, [(b"content-type", b"text/plain")], b"crashed")
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts == ["health"]:
            self._only(request, "GET")
            return reply(200, {"status": "ok"})
        headers = {name.decode().lower(): value.decode() for name, value in request.headers}
        self._let_in(headers)
        match parts:
            case ["orders"]:
                return self._orders(request, headers, query)
            case ["orders", order_id]:
                return self._order(request, headers, order_id)
            case ["orders", order_id, "cancel"]:
                self._only(request, "POST")
                return self._cancel(order_id)
            case ["customers"]:
                self._only(request, "POST")
                return self._make_customer(request, headers)
            case ["customers", number]:
                self._only(request, "GET")
                return self._customer(number)
            case ["advice"]:
                self._only(request, "POST")
                return self._advise(request, headers)
            case _:
                raise Refused(404, "not_found")

    def _only(self, request: HttpRequest, *methods: str) -> None:
        if request.method not in methods and "wrong_method_ok" not in self.broken:
            raise Refused(405, "method", [(b"allow", ", ".join(methods).encode())])

    def _let_in(self, headers: dict[str, str]) -> None:
        given = headers.get("x-api-key")
        if "no_auth" in self.broken or ("wrong_key_passes" in self.broken and given):
            return
        if given != KEY:
            raise Refused(401, "unauthorized")

    def _read(self, request: HttpRequest, headers: dict[str, str], kind: str) -> Any:
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415 if request.target == "/orders" else 400, "content_type")
        if "deep_crashes" in self.broken and request.body.count(b"{") > 200:
            raise RecursionError
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            raise Refused(400, "json") from None
        body = self._coerce(body)
        judged = self._loosen(body, kind)
        try:
            if not self._bodies[kind].is_valid(judged):
                raise Refused(400, "invalid")
            request_text = json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, UnicodeEncodeError):
            raise Refused(400, "unicode") from None
        if b"\\u0000" in request_text or "Infinity" in request_text.decode():
            raise Refused(400, "unicode")
        return body

    def _coerce(self, body: Any) -> Any:
        """Faults of reading."""
        if not isinstance(body, dict):
            return body
        for item in body.get("items") or [] if isinstance(body.get("items"), list) else []:
            if not isinstance(item, dict):
                continue
            quantity = item.get("quantity")
            if "bool_as_number" in self.broken and quantity is True:
                item["quantity"] = 1
            if "number_as_text" in self.broken and isinstance(quantity, str) and quantity.isdigit():
                item["quantity"] = int(quantity)
            if "huge_number_crashes" in self.broken and isinstance(quantity, int):
                quantity.to_bytes(8, "big", signed=True)
        if "unknown_kept" in self.broken and "items" in body:
            body.pop("unknown_property", None)
        if "null_refused" in self.broken and body.get("note", "") is None:
            raise Refused(400, "null")
        if "last_enum_refused" in self.broken and body.get("priority") == "high":
            raise Refused(400, "enum")
        return body

    def _loosen(self, body: Any, kind: str) -> Any:
        """What is judged in place of the body: faults of judging."""
        if not isinstance(body, dict):
            return body
        judged = dict(body)
        customer = body.get("customer")
        if isinstance(customer, str):
            if "bytes_counted" in self.broken:
                judged["customer"] = "x" * len(customer.encode("utf-8", "replace"))
            if "utf16_counted" in self.broken:
                judged["customer"] = "x" * (len(customer.encode("utf-16-le", "replace")) // 2)
        if "unanchored" in self.broken and isinstance(body.get("items"), list):
            judged["items"] = [
                {**one, "sku": found[0]}
                if isinstance(one, dict)
                and isinstance(one.get("sku"), str)
                and (found := re.search("[A-Z]{3}-[0-9]{3}", one["sku"]))
                else one
                for one in body["items"]
            ]
        if "twins_accepted" in self.broken and isinstance(body.get("tags"), list):
            judged["tags"] = list(dict.fromkeys(map(str, body["tags"])))
        return judged

    def _orders(self, request: HttpRequest, headers: dict[str, str], query: str) -> HttpResponse:
        self._only(request, "GET", "POST")
        if request.method != "POST":
            return self._list(dict(parse_qsl(query, keep_blank_values=True)))
        key = headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= 64:
            raise Refused(400, "key")
        if key is not None and key in self.answered and "key_forgotten" not in self.broken:
            return self.answered[key]
        body = self._read(request, headers, "order")
        response = self._make_order(body)
        if key is not None:
            self.answered[key] = response
        return response

    def _make_order(self, body: dict[str, Any]) -> HttpResponse:
        self.count += 1
        order = {
            "id": f"ord_{self.count:08x}",
            "created_at": f"2026-01-01T{self.count // 3600 % 24:02}:{self.count // 60 % 60:02}:"
            f"{self.count % 60:02}Z",
            "status": "open",
            "priority": "low" if "default_forgotten" in self.broken else "normal",
            "gift": False,
            **body,
            "quantity": sum(item["quantity"] for item in body["items"]),
        }
        if "note_lost" in self.broken:
            order.pop("note", None)
        self.orders[order["id"]] = order
        location = [(b"location", f"/orders/{order['id']}".encode())]
        status = 200 if "status_200" in self.broken else 201
        return reply(status, order, [] if "location_missing" in self.broken else location)

    def _list(self, query: dict[str, str]) -> HttpResponse:
        limit = _integer(query.get("limit", "20"))
        if not 1 <= limit <= 100:
            raise Refused(400, "limit")
        found = list(self.orders.values())
        if "status" in query:
            if query["status"] not in {"open", "cancelled"}:
                raise Refused(400, "status")
            if "filter_ignored" not in self.broken:
                found = [one for one in found if one["status"] == query["status"]]
        if "sort" in query:
            if query["sort"] not in {"quantity", "-quantity"}:
                raise Refused(400, "sort")
            if "sort_ignored" not in self.broken:
                found.sort(key=lambda one: one["quantity"], reverse=query["sort"][0] == "-")
        start = 0
        if query.get("cursor"):
            if not query["cursor"].isdecimal() or not query["cursor"].isascii():
                raise Refused(400, "cursor")
            start = int(query["cursor"][:9])
        taken = limit + 1 if "limit_ignored" in self.broken else limit
        end = start + limit
        shown = found[start : start + taken]
        if "page_repeats" in self.broken and start:
            shown = found[start - 1 : end - 1]
        if "page_drops" in self.broken:
            end += 1
        following = str(end) if end < len(found) else None
        return reply(200, {"data": shown, "next_cursor": following})

    def _find(self, order_id: str) -> dict[str, Any]:
        if re.fullmatch(r"ord_[0-9a-f]{8}", order_id) is None:
            raise Refused(400, "order_id")
        if order_id not in self.orders or self.orders[order_id].get("gone"):
            raise Refused(404, "not_found")
        return self.orders[order_id]

    def _order(self, request: HttpRequest, headers: dict[str, str], order_id: str) -> HttpResponse:
        self._only(request, "GET", "PATCH", "PUT", "DELETE")
        order = self._find(order_id)
        match request.method:
            case "PATCH":
                return self._change(order, self._read(request, headers, "change"))
            case "PUT":
                return self._replace(order, self._read(request, headers, "order"))
            case "DELETE":
                if "deleted_stays" not in self.broken:
                    del self.orders[order_id]
                if "deleted_listed" in self.broken:
                    self.orders[f"{order_id}~"] = order
                return HttpResponse(204, [], b"")
        tag = f'"{json.dumps(order, sort_keys=True).__hash__() & 0xFFFFFFFF:x}"'
        if headers.get("if-none-match") == tag and "etag_ignored" not in self.broken:
            return HttpResponse(304, [(b"etag", tag.encode())], b"")
        return reply(200, order, [(b"etag", tag.encode())])

    def _change(self, order: dict[str, Any], change: dict[str, Any]) -> HttpResponse:
        if order["status"] == "cancelled":
            raise Refused(409, "cancelled")
        if "patch_resets" in self.broken:
            order["priority"] = "normal"
            order.pop("note", None)
        order.update(change)
        if "other_changed" in self.broken:
            for other in self.orders.values():
                other.update(change)
        return reply(200, order)

    def _replace(self, order: dict[str, Any], body: dict[str, Any]) -> HttpResponse:
        kept = {key: order[key] for key in ("id", "created_at", "status")}
        items = [*order["items"], *body["items"]] if "put_appends" in self.broken else body["items"]
        order.clear()
        order.update({**kept, "priority": "normal", "gift": False, **body, "items": items})
        order["quantity"] = sum(item["quantity"] for item in items)
        return reply(200, order)

    def _cancel(self, order_id: str) -> HttpResponse:
        order = self._find(order_id)
        if order["status"] == "cancelled" and "cancel_twice" not in self.broken:
            raise Refused(409, "cancelled")
        order["status"] = "cancelled"
        return reply(200, order)

    def _make_customer(self, request: HttpRequest, headers: dict[str, str]) -> HttpResponse:
        body = self._read(request, headers, "customer")
        taken = any(one["email"] == body["email"] for one in self.customers.values())
        if taken and "email_twice" not in self.broken:
            raise Refused(409, "taken")
        if "password_shown" not in self.broken:
            body.pop("password", None)
        customer = {"id": len(self.customers) + 1, **body}
        self.customers[customer["id"]] = customer
        return reply(201, customer)

    def _customer(self, number: str) -> HttpResponse:
        wanted = _integer(number) if len(number) < 19 else 10**18
        if wanted < 1:
            raise Refused(400, "id")
        if wanted not in self.customers:
            raise Refused(404, "not_found")
        return reply(200, self.customers[wanted])

    def _advise(self, request: HttpRequest, headers: dict[str, str]) -> HttpResponse:
        body = self._read(request, headers, "advice")
        if "zero_pair_crashes" in self.broken and body.get("temperature") == 1:
            1 // (body.get("top_k", 1))
        words = ["Drink", "tea"]
        if body.get("stream") is not True or "stream_as_json" in self.broken:
            return reply(200, {"text": " ".join(words), "words": len(words)})
        events = [{"type": "word", "seq": n, "word": word} for n, word in enumerate(words)]
        if "stream_unended" not in self.broken:
            events.append({"type": "done", "seq": len(words)})
        text = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], text.encode())


class Refused(Exception):
    """An answer that is a problem."""

    def __init__(
        self, status: int, kind: str, headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        super().__init__(kind)
        self.response = reply(status, {"error": {"type": kind, "message": kind}}, headers or [])


def reply(
    status: int, value: Any, headers: list[tuple[bytes, bytes]] | None = None
) -> HttpResponse:
    body = json.dumps(value, ensure_ascii=False).encode()
    return HttpResponse(status, [(b"content-type", b"application/json"), *(headers or [])], body)


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def _integer(text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) is None:
        raise Refused(400, "number")
    return int(text)
