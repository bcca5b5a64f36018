"""Orders of a parcel shop: list with pages, create once, read, change, delete."""

import json
import struct
from typing import Any, override

from benchmarks.planted import _checks as check
from benchmarks.planted._kernel import Answer, Refused, Request, Service, answer_json

KEY = "key-orders-7f3a"
PRIORITIES = ("low", "normal", "urgent")
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


class Orders(Service):
    routes = (
        ("GET", "/orders", "list_orders"),
        ("POST", "/orders", "create_order"),
        ("GET", "/orders/{order_id}", "get_order"),
        ("PATCH", "/orders/{order_id}", "change_order"),
        ("DELETE", "/orders/{order_id}", "delete_order"),
    )

    def __init__(self, bug: str | None = None) -> None:
        super().__init__(bug)
        self._orders: dict[str, dict[str, Any]] = {}
        self._made = 0
        self._by_key: dict[str, tuple[str, dict[str, Any]]] = {}
        self._cached: dict[str, dict[str, Any]] = {}
        self._create("张伟", "first")
        self._create("王芳", "second")
        self._create("Ana Lima", "third")

    def _create(self, name: str, note: str) -> None:
        parcels = [{"sku": "TEA-001", "quantity": 2}]
        self._keep({"customer": {"name": name}, "parcels": parcels, "note": note})

    @override
    def admit(self, operation: str, request: Request) -> None:
        if self.bug == "orders-delete-without-key" and operation == "delete_order":
            return
        if request.headers.get("x-api-key") != KEY:
            raise Refused(401, "unauthorized", "Send the key in X-API-Key.")

    def list_orders(self, request: Request) -> Answer:
        limit = self._read_limit(request)
        cursor = check.get_query(request, "cursor")
        after = (
            0
            if cursor is None
            else int(check.take_text(cursor, "cursor", 2, 10, "c[0-9]{1,9}")[1:])
        )
        priority = check.get_query(request, "priority")
        if priority is not None:
            check.take_choice(priority, "priority", PRIORITIES)
        found = [
            order
            for order in self._orders.values()
            if int(order["id"][4:]) > after and priority in {None, order["priority"]}
        ]
        if self.bug == "orders-list-hides-urgent" and priority is None:
            found = [order for order in found if order["priority"] != "urgent"]
        page = found[:limit]
        following = None
        if len(found) > limit:
            last = int(page[-1]["id"][4:])
            if self.bug == "orders-page-repeats":
                following = f"c{last - 1}"
            elif self.bug == "orders-page-skips":
                following = f"c{last + 1}"
            else:
                following = f"c{last}"
        return answer_json(200, {"data": page, "next": following})

    def _read_limit(self, request: Request) -> int:
        if self.bug == "orders-limit-unbounded":
            return check.get_query_whole(request, "limit", 1, 10**18, 20)
        if self.bug == "orders-limit-zero":
            return check.get_query_whole(request, "limit", 0, 50, 20) or 1
        if self.bug == "orders-limit-huge-crash":
            struct.pack("i", check.get_query_whole(request, "limit", -(10**18), 10**18, 20))
        return check.get_query_whole(request, "limit", 1, 50, 20)

    def create_order(self, request: Request) -> Answer:
        key = request.headers.get("idempotency-key")
        if key is not None:
            check.take_text(key, "Idempotency-Key", pattern=UUID)
        new = self._check_new(check.read_json(request))
        if key is not None and key.lower() in self._by_key and self.bug != "orders-repeat-creates":
            order_id, before = self._by_key[key.lower()]
            if json.dumps(before, sort_keys=True) != json.dumps(new, sort_keys=True):
                raise Refused(409, "conflict", "The key was used with another body.")
            if order_id not in self._orders:
                raise Refused(409, "conflict", "The order made with this key is deleted.")
            order = self._orders[order_id]
        else:
            order = self._keep(new)
        if key is not None:
            self._by_key[key.lower()] = (order["id"], new)
        location = ("location", f"/orders/{order['id']}")
        if self.bug == "orders-create-200":
            return answer_json(200, order, location)
        if self.bug == "orders-location-missing":
            return answer_json(201, order)
        return answer_json(201, order, location)

    def _keep(self, new: dict[str, Any]) -> dict[str, Any]:
        self._made += 1
        order = {
            "id": f"ord_{self._made:06}",
            "customer": {"name": new["customer"]["name"], "phone": new["customer"].get("phone")},
            "parcels": new["parcels"],
            "total_quantity": sum(parcel["quantity"] for parcel in new["parcels"]),
            "priority": new.get("priority", "normal"),
            "note": new.get("note"),
            "coupon": new.get("coupon"),
            "discount_percent": new.get("discount_percent", 0),
            "created_at": f"2026-11-24T08:{self._made // 60 % 60:02}:{self._made % 60:02}Z",
        }
        if self.bug == "orders-priority-default":
            order["priority"] = new.get("priority", "low")
        if self.bug == "orders-created-at-local":
            order["created_at"] = "2026/11/24 08:00:00"
        self._orders[order["id"]] = order
        return order

    def _check_new(self, value: Any) -> dict[str, Any]:
        new = check.take_object(
            value,
            "order",
            ("customer", "parcels"),
            ("priority", "note", "coupon", "discount_percent"),
        )
        self._check_customer(new["customer"])
        for at, parcel in enumerate(check.take_list(new["parcels"], "parcels", 1, 5)):
            self._check_parcel(parcel, f"parcels[{at}]")
        if "priority" in new:
            check.take_choice(new["priority"], "priority", PRIORITIES)
        if new.get("note") is not None:
            check.take_text(new["note"], "note", 0, 100)
        if "coupon" in new:
            check.take_text(new["coupon"], "coupon", pattern="[A-Z]{4}[0-9]{2}")
        if "discount_percent" in new:
            new["discount_percent"] = check.take_whole(
                new["discount_percent"], "discount_percent", 0, 90
            )
        if self.bug == "orders-coupon-and-discount" and {"coupon", "discount_percent"} <= set(new):
            raise NotImplementedError("two reductions")
        return new

    def _check_customer(self, value: Any) -> None:
        customer = check.take_object(value, "customer", ("name",), ("phone",))
        if self.bug == "orders-name-bytes" and len(str(customer["name"]).encode()) > 20:
            raise check.invalid("customer.name", "must have 1 to 20 characters")
        check.take_text(customer["name"], "customer.name", 1, 20)
        if "phone" in customer:
            pattern = r"\+[0-9]{6,14}"
            if self.bug == "orders-phone-unanchored":
                pattern = rf".*{pattern}.*"
            check.take_text(customer["phone"], "customer.phone", pattern=pattern)

    def _check_parcel(self, value: Any, where: str) -> None:
        parcel = check.take_object(value, where, ("sku", "quantity"))
        check.take_text(parcel["sku"], f"{where}.sku", pattern="[A-Z]{3}-[0-9]{3}")
        quantity = parcel["quantity"]
        if self.bug == "orders-quantity-text" and isinstance(quantity, str) and quantity.isdigit():
            quantity = int(quantity)
        if self.bug == "orders-quantity-bool" and isinstance(quantity, bool):
            quantity = int(quantity)
        parcel["quantity"] = check.take_whole(quantity, f"{where}.quantity", 1, 999)

    def _find(self, order_id: str) -> dict[str, Any]:
        if self.bug == "orders-unknown-crash":
            return self._orders[order_id]
        order = self._orders.get(order_id)
        if order is None:
            raise Refused(404, "not_found", "There is no such order.")
        return order

    def get_order(self, request: Request) -> Answer:
        order_id = request.values[0]
        if self.bug == "orders-get-after-delete" and order_id in self._cached:
            return answer_json(200, self._cached[order_id])
        order = self._find(order_id)
        self._cached[order_id] = order
        return answer_json(200, order)

    def change_order(self, request: Request) -> Answer:
        order = self._find(request.values[0])
        change = check.take_object(
            check.read_json(request), "change", (), ("note", "priority", "customer")
        )
        if not change:
            raise check.invalid("change", "must name at least one field")
        if "customer" in change:
            self._check_customer(change["customer"])
        if "priority" in change:
            check.take_choice(change["priority"], "priority", PRIORITIES)
        if "note" in change and (
            change["note"] is not None or self.bug == "orders-note-null-refused"
        ):
            check.take_text(change["note"], "note", 0, 100)
        if self.bug == "orders-patch-clears-note":
            change.setdefault("note", None)
        if "customer" in change:
            customer = change["customer"]
            change["customer"] = {"name": customer["name"], "phone": customer.get("phone")}
        order.update(change)
        return answer_json(200, order)

    def delete_order(self, request: Request) -> Answer:
        del self._orders[self._find(request.values[0])["id"]]
        return Answer(204)
