"""Accounts and quotes: fractions, null, unions, maps, nesting. Invalid fields are answered 422."""

from decimal import Decimal
from typing import Any, override

from benchmarks.planted import _checks as check
from benchmarks.planted._kernel import Answer, Refused, Request, Service, answer_json

KEY = "key-pricing-c3c9"
CURRENCIES = ("CNY", "EUR", "JPY", "USD")
TAX_PERCENT = {"standard": 13, "reduced": 6, "none": 0}
CENT = Decimal("0.01")


class Pricing(Service):
    routes = (
        ("POST", "/accounts", "create_account"),
        ("GET", "/accounts/{account_id}", "get_account"),
        ("PUT", "/accounts/{account_id}", "replace_account"),
        ("POST", "/quotes", "create_quote"),
    )

    def __init__(self, bug: str | None = None) -> None:
        super().__init__(bug)
        self._accounts: dict[str, dict[str, Any]] = {}

    @override
    def admit(self, operation: str, request: Request) -> None:
        if self.bug == "pricing-put-without-key" and operation == "replace_account":
            return
        if request.query.get("api_key") != [KEY]:
            raise Refused(401, "unauthorized", "Send the key in the query parameter api_key.")

    @override
    def refuse(self, refused: Refused) -> Answer:
        if refused.code == "invalid":
            refused.status = 422
        return super().refuse(refused)

    def create_account(self, request: Request) -> Answer:
        new = self._check_account(check.read_json(request))
        account_id = f"acc{len(self._accounts) + 1:05}"
        self._accounts[account_id] = self._build(account_id, new)
        location = ("location", f"/accounts/{account_id}")
        return answer_json(201, self._accounts[account_id], location)

    def get_account(self, request: Request) -> Answer:
        return answer_json(200, self._find(request))

    def replace_account(self, request: Request) -> Answer:
        before = self._find(request)
        new = self._check_account(check.read_json(request))
        if self.bug == "pricing-put-merges":
            new = {name: before[name] for name in ("tags", "labels", "address", "referral")} | new
        self._accounts[before["id"]] = self._build(before["id"], new)
        return answer_json(200, self._accounts[before["id"]])

    def _find(self, request: Request) -> dict[str, Any]:
        account = self._accounts.get(request.values[0])
        if account is None:
            raise Refused(404, "not_found", "There is no such account.")
        return account

    def _build(self, account_id: str, new: dict[str, Any]) -> dict[str, Any]:
        account = {
            "id": account_id,
            "name": new["name"],
            "currency": new["currency"],
            "credit_limit": new["credit_limit"],
            "owner": dict(new["owner"]),
            "tags": new.get("tags", []),
            "labels": new.get("labels", {}),
            "address": new.get("address"),
            "referral": new.get("referral"),
        }
        if self.bug == "pricing-vat-lost":
            account["owner"].pop("vat_id", None)
        if self.bug == "pricing-labels-lost":
            account["labels"] = {}
        return account

    def _check_account(self, value: Any) -> dict[str, Any]:
        optional = ("tags", "labels", "address", "referral")
        required = ("name", "currency", "credit_limit", "owner")
        new = check.take_object(value, "account", required, optional)
        if self.bug == "pricing-name-null-accepted" and new["name"] is None:
            new["name"] = str(new["name"])
        if self.bug == "pricing-name-cut" and isinstance(new["name"], str):
            new["name"] = new["name"][:16]
        check.take_text(new["name"], "name", 1, 16)
        self._check_currency(new)
        self._check_limit(new["credit_limit"])
        self._check_owner(new["owner"])
        tags = check.take_list(new.get("tags", []), "tags", 0, 5)
        for tag in tags:
            check.take_text(tag, "tags[]", 1, 8)
        if len(set(tags)) != len(tags) and self.bug != "pricing-tags-twice":
            raise check.invalid("tags", "must not repeat a tag")
        self._check_labels(new.get("labels", {}))
        if "address" in new and (
            new["address"] is not None or self.bug == "pricing-address-null-refused"
        ):
            self._check_address(new["address"])
        if new.get("referral") is not None:
            check.take_text(new["referral"], "referral", pattern="R-[0-9]{4}")
        return new

    def _check_currency(self, value: dict[str, Any]) -> None:
        if self.bug == "pricing-currency-case" and isinstance(value["currency"], str):
            value["currency"] = value["currency"].upper()
        check.take_choice(value["currency"], "currency", CURRENCIES)

    def _check_limit(self, value: Any) -> None:
        if self.bug == "pricing-limit-whole-refused" and isinstance(value, int):
            raise check.invalid("credit_limit", "must be a number with a fraction")
        limit = check.take_number(value, "credit_limit", 0, 1_000_000)
        if limit == 0 and self.bug != "pricing-limit-zero":
            raise check.invalid("credit_limit", "must be more than 0")
        if (limit % CENT != 0 or 0 < limit < CENT) and self.bug != "pricing-limit-mills":
            raise check.invalid("credit_limit", "must be a multiple of 0.01")

    def _check_owner(self, value: Any) -> None:
        kind = value.get("kind") if isinstance(value, dict) else None
        if self.bug == "pricing-owner-kind-ignored" and isinstance(value, dict):
            kind = "company" if "company_name" in value else "person"
        if kind == "person":
            owner = check.take_object(value, "owner", ("kind", "given_name"), ("family_name",))
            for name in set(owner) - {"kind"}:
                check.take_text(owner[name], f"owner.{name}", 1, 30)
        elif kind == "company":
            owner = check.take_object(value, "owner", ("kind", "company_name", "vat_id"))
            check.take_text(owner["company_name"], "owner.company_name", 1, 30)
            check.take_text(owner["vat_id"], "owner.vat_id", pattern="[A-Z]{2}[0-9]{9}")
        else:
            raise check.invalid("owner.kind", "must be person or company")

    def _check_labels(self, value: Any) -> None:
        if not isinstance(value, dict) or len(value) > 4:
            raise check.invalid("labels", "must be an object of at most 4 labels")
        for name, text in value.items():
            check.take_text(name, "labels", pattern="[a-z]{1,10}")
            check.take_text(text, f"labels.{name}", 0, 20)

    def _check_address(self, value: Any) -> None:
        required = {"street", "city", "zip"}
        if self.bug == "pricing-zip-optional":
            required.remove("zip")
        address = check.take_object(value, "address", required, ("zip", "geo"))
        check.take_text(address["street"], "address.street", 1, 60)
        check.take_text(address["city"], "address.city", 1, 30)
        if "zip" in address:
            check.take_text(address["zip"], "address.zip", pattern="[0-9]{5,6}")
        if "geo" in address:
            extra: tuple[str, ...] = ()
            if self.bug == "pricing-geo-extra-accepted" and isinstance(address["geo"], dict):
                extra = tuple(address["geo"])
            geo = check.take_object(address["geo"], "geo", ("lat", "lon"), extra)
            check.take_number(geo["lat"], "geo.lat", -90, 90)
            high = 360 if self.bug == "pricing-lon-360" else 180
            check.take_number(geo["lon"], "geo.lon", -180, high)

    def create_quote(self, request: Request) -> Answer:
        value = check.take_object(
            check.read_json(request), "quote", ("currency", "items"), ("reduction",)
        )
        check.take_choice(value["currency"], "currency", CURRENCIES)
        low = 0 if self.bug == "pricing-no-items-crash" else 1
        items = check.take_list(value["items"], "items", low, 10)
        lines, tax = [], Decimal(0)
        for item in items:
            line, percent = self._check_item(item)
            lines.append(line)
            tax += line * percent / 100
        net = sum(lines, Decimal(0))
        reduction = self._check_reduction(value.get("reduction"), net)
        dearest = max(lines)
        total = net - reduction + tax
        if self.bug != "pricing-total-negative":
            total = max(total, Decimal(0))
        told: dict[str, Any] = {
            "currency": value["currency"],
            "net": net,
            "tax": tax,
            "total": total,
            "lines": lines,
            "dearest_line": dearest,
        }
        if self.bug == "pricing-total-text":
            told["total"] = f"{total:.2f}"
        return answer_json(200, told)

    def _check_item(self, value: Any) -> tuple[Decimal, int]:
        item = check.take_object(value, "items[]", ("price", "quantity"), ("tax_class",))
        price = check.take_number(item["price"], "items[].price", 0, 100_000)
        quantity = check.take_whole(item["quantity"], "items[].quantity", 1, 1000)
        line = Decimal(price) * quantity
        if self.bug == "pricing-greatest-line-crash" and line >= 10**8:
            raise OverflowError("numeric(10, 2)")
        tax_class = item.get("tax_class", "standard")
        return line, TAX_PERCENT[check.take_choice(tax_class, "items[].tax_class", TAX_PERCENT)]

    def _check_reduction(self, value: Any, net: Decimal) -> Decimal:
        if value is None:
            return Decimal(0)
        reduction = check.take_object(value, "reduction", ("kind", "value"))
        kind = check.take_choice(reduction["kind"], "reduction.kind", ("percent", "amount"))
        if kind == "percent":
            return net * check.take_whole(reduction["value"], "reduction.value", 1, 100) / 100
        if self.bug == "pricing-amount-unknown":
            raise NotImplementedError(kind)
        return Decimal(check.take_number(reduction["value"], "reduction.value", 0, 1_000_000))
