"""A probe for each planted bug: a few requests, and whether the document held."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from harness.witnessed import Told, Witness

type Probe = Callable[[Witness], bool]

ORDER: dict[str, Any] = {
    "customer": {"name": "李娜"},
    "parcels": [{"sku": "TEA-001", "quantity": 2}],
}
MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "你好"}],
}
COUNT = {name: value for name, value in MESSAGE.items() if name != "max_tokens"}
TOOLS = {
    "tools": [{"name": "weather", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "any"},
}
JOB: dict[str, Any] = {"name": "月度报表", "kind": "report", "rows": 20}
ACCOUNT: dict[str, Any] = {
    "name": "茶馆",
    "currency": "CNY",
    "credit_limit": 100.5,
    "owner": {"kind": "person", "given_name": "晓明"},
}
COMPANY = {"kind": "company", "company_name": "墨香书店", "vat_id": "DE123456789"}
ADDRESS: dict[str, Any] = {"street": "南京路 1 号", "city": "上海", "zip": "200001"}
QUOTE: dict[str, Any] = {"currency": "CNY", "items": [{"price": 12.5, "quantity": 2}]}


def order(w: Witness, **fields: object) -> Told:
    return w.ask("POST", "/orders", ORDER | fields)


def parcel(w: Witness, quantity: object) -> Told:
    return order(w, parcels=[{"sku": "TEA-001", "quantity": quantity}])


def customer(w: Witness, **fields: object) -> Told:
    return order(w, customer={"name": "李娜"} | fields)


def list_ids(w: Witness, limit: int) -> list[str]:
    found: list[str] = []
    target = f"/orders?limit={limit}"
    while len(found) < 50:
        page = w.ask("GET", target).json
        found += [told["id"] for told in page["data"]]
        if page["next"] is None:
            break
        target = f"/orders?limit={limit}&cursor={page['next']}"
    return found


def lists_all(w: Witness) -> bool:
    made = [order(w).json["id"] for _ in range(4)]
    ids = list_ids(w, 2)
    return len(ids) == len(set(ids)) and set(made) <= set(ids)


def lists_urgent(w: Witness) -> bool:
    return order(w, priority="urgent").json["id"] in list_ids(w, 50)


def forgets_order(w: Witness) -> bool:
    path = f"/orders/{order(w).json['id']}"
    before = w.ask("GET", path).status
    w.ask("DELETE", path)
    return (before, w.ask("GET", path).status) == (200, 404)


def keeps_note(w: Witness) -> bool:
    made = order(w, note="第三扇门").json
    changed = w.ask("PATCH", f"/orders/{made['id']}", {"priority": "low"}).json
    return bool(changed == made | {"priority": "low"})


def takes_note_away(w: Witness) -> bool:
    made = order(w, note="door").json
    return w.ask("PATCH", f"/orders/{made['id']}", {"note": None}).status == 200


def creates_once(w: Witness) -> bool:
    once = {"idempotency-key": "7f1a0f34-4b6e-4b4e-9a57-0d3f9f5a2c11"}
    first, second = (w.ask("POST", "/orders", ORDER, headers=once) for _ in range(2))
    return bool(first.json["id"] == second.json["id"])


def needs_key(method: str, target: str, value: object = None) -> Probe:
    return lambda w: w.ask(method, target, value, credential=None).status == 401


ORDERS: dict[str, Probe] = {
    "orders-quantity-text": lambda w: parcel(w, "3").status == 400,
    "orders-quantity-bool": lambda w: parcel(w, True).status == 400,
    "orders-limit-unbounded": lambda w: w.ask("GET", "/orders?limit=51").status == 400,
    "orders-limit-zero": lambda w: w.ask("GET", "/orders?limit=0").status == 400,
    "orders-limit-huge-crash": lambda w: w.ask("GET", f"/orders?limit={2**31}").status == 400,
    "orders-name-bytes": lambda w: customer(w, name="李" * 20).status == 201,
    "orders-phone-unanchored": lambda w: customer(w, phone="call +8613800138000 now").status == 400,
    "orders-note-null-refused": takes_note_away,
    "orders-priority-default": lambda w: order(w).json["priority"] == "normal",
    "orders-create-200": lambda w: order(w).status == 201,
    "orders-location-missing": lambda w: "location" in order(w).headers,
    "orders-created-at-local": lambda w: order(w).status == 201,
    "orders-unknown-crash": lambda w: w.ask("GET", "/orders/ord_999999").status == 404,
    "orders-get-after-delete": forgets_order,
    "orders-list-hides-urgent": lists_urgent,
    "orders-page-repeats": lists_all,
    "orders-page-skips": lists_all,
    "orders-patch-clears-note": keeps_note,
    "orders-coupon-and-discount": lambda w: (
        order(w, coupon="SAVE10", discount_percent=10).status == 201
    ),
    "orders-repeat-creates": creates_once,
    "orders-delete-without-key": needs_key("DELETE", "/orders/ord_000001"),
}


def message(w: Witness, **fields: object) -> Told:
    return w.ask("POST", "/v1/messages", MESSAGE | fields)


def refused(**fields: object) -> Probe:
    return lambda w: message(w, **fields).status == 400


def streamed(**fields: object) -> Probe:
    def probe(w: Witness) -> bool:
        told = message(w, stream=True, **fields)
        return told.status == 200 and told.media_type == "text/event-stream"

    return probe


def said(*blocks: object, role: str = "user") -> dict[str, object]:
    return {"messages": [{"role": role, "content": list(blocks)}]}


def counted(**fields: object) -> Probe:
    return lambda w: w.ask("POST", "/v1/messages/count_tokens", COUNT | fields).status == 200


TEXT = {"type": "text", "text": "北京天气如何？"}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "晴"}

MESSAGES: dict[str, Probe] = {
    "messages-temperature-two": refused(temperature=1.5),
    "messages-max-tokens-zero": refused(max_tokens=0),
    "messages-role-unchecked": refused(messages=[{"role": "system", "content": "hi"}]),
    "messages-five-stops": refused(stop_sequences=["a", "b", "c", "d", "e"]),
    "messages-stream-number": refused(stream=1),
    "messages-both-zero-crash": lambda w: message(w, temperature=0, top_k=0).status == 200,
    "messages-choice-without-tools": refused(tool_choice={"type": "auto"}),
    "messages-version-optional": lambda w: (
        w.ask("POST", "/v1/messages", MESSAGE, headers={"anthropic-version": None}).status == 400
    ),
    "messages-tool-result-crash": lambda w: message(w, **said(RESULT)).status == 200,
    "messages-block-type-ignored": refused(**said({"type": "video", "text": "hi"})),
    "messages-tool-input-text": lambda w: message(w, **TOOLS).status == 200,
    "messages-count-system-blocks": counted(system=[TEXT]),
    "messages-count-emoji-crash": counted(messages=[{"role": "user", "content": "🍵"}]),
    "messages-count-without-key": lambda w: (
        w.ask("POST", "/v1/messages/count_tokens", COUNT, credential=None).status == 401
    ),
    "messages-error-detail": refused(max_tokens="many"),
    "messages-refusal-200": refused(max_tokens=64_001),
    "messages-model-unknown-200": lambda w: w.ask("GET", "/v1/models/gpt").status == 404,
    "messages-stream-unfinished": streamed(),
    "messages-stream-delta-after-stop": streamed(),
    "messages-stream-index-twice": streamed(**TOOLS),
    "messages-stream-usage-falls": streamed(),
    "messages-stream-debug-event": streamed(),
    "messages-stream-as-json": streamed(),
    "messages-stream-unlabelled": streamed(),
}


def job(w: Witness, **fields: object) -> Told:
    return w.ask("POST", "/jobs", JOB | fields)


def job_path(w: Witness, readings: int = 0) -> str:
    path = f"/jobs/{job(w).json['id']}"
    for _ in range(readings):
        w.ask("GET", path)
    return path


def ended(w: Witness) -> tuple[str, Told]:
    path = job_path(w)
    return path, w.ask("POST", f"{path}/cancel")


def stays_canceled(w: Witness) -> bool:
    path, _ = ended(w)
    states = [w.ask("GET", path).json["state"] for _ in range(2)]
    return states == ["canceled"] * 2


def leaves_the_list(w: Witness) -> bool:
    path, told = ended(w)
    w.ask("DELETE", path)
    return told.json["id"] not in [it["id"] for it in w.ask("GET", "/jobs").json["jobs"]]


JOBS: dict[str, Probe] = {
    "jobs-create-201": lambda w: job(w).status == 202,
    "jobs-extra-accepted": lambda w: job(w, colour="red").status == 400,
    "jobs-rows-one-more": lambda w: job(w, rows=10_001).status == 400,
    "jobs-rows-huge-crash": lambda w: job(w, rows=10**30).status == 400,
    "jobs-empty-name-crash": lambda w: job(w, name="").status == 400,
    "jobs-empty-tags-crash": lambda w: job(w, tags=[]).status == 202,
    "jobs-priority-default": lambda w: job(w).json["priority"] == 5,
    "jobs-priority-zero-lost": lambda w: job(w, priority=0).json["priority"] == 0,
    "jobs-state-undocumented": lambda w: (
        w.ask("GET", job_path(w, readings=1)).json["state"] == "running"
    ),
    "jobs-ended-at-lost": lambda w: ended(w)[1].status == 200,
    "jobs-progress-text": lambda w: w.ask("GET", job_path(w, readings=1)).status == 200,
    "jobs-cancel-twice": lambda w: w.ask("POST", f"{ended(w)[0]}/cancel").status == 409,
    "jobs-results-early": lambda w: w.ask("GET", f"{job_path(w)}/results").status == 409,
    "jobs-canceled-runs-on": stays_canceled,
    "jobs-deleted-still-listed": leaves_the_list,
    "jobs-state-filter-unchecked": lambda w: w.ask("GET", "/jobs?state=lost").status == 400,
    "jobs-not-found-html": lambda w: w.ask("GET", "/jobs/job-999").status == 404,
    "jobs-challenge-missing": needs_key("GET", "/jobs"),
    "jobs-cancel-by-get": lambda w: w.ask("GET", f"{job_path(w)}/cancel").status == 405,
    "jobs-any-token": lambda w: w.ask("GET", "/jobs", credential="other").status == 401,
}


def upload(
    w: Witness, target: str, body: bytes = b"hi", media: str = "application/octet-stream"
) -> Told:
    return w.ask("PUT", f"/files/{target}", body=body, headers={"content-type": media})


def stores_as(w: Witness, name: str) -> bool:
    told = upload(w, f"{quote(name, safe='')}?kind=text")
    return told.status == 201 and told.json["name"] == name


def known(w: Witness) -> bool:
    tag = w.ask("GET", "/files/logo.png").headers["etag"]
    return w.ask("GET", "/files/logo.png", headers={"if-none-match": tag}).status == 304


def replaces(w: Witness) -> bool:
    first, second = (upload(w, "a.txt?kind=text", b"abc").json["size"] for _ in range(2))
    return bool(first == second == 3)


def lists_both(w: Witness) -> bool:
    told = w.ask("GET", "/files?kind=image,text").json["files"]
    return {it["kind"] for it in told} == {"image", "text"}


FILES: dict[str, Probe] = {
    "files-name-slash": lambda w: stores_as(w, "a/b.txt"),
    "files-name-latin": lambda w: stores_as(w, "茶.txt"),
    "files-expires-unchecked": lambda w: upload(w, "a?kind=text&expires=2026-02-30").status == 400,
    "files-kind-unsplit": lambda w: w.ask("GET", "/files?kind=image,text").status == 200,
    "files-kind-last-only": lists_both,
    "files-kind-optional": lambda w: upload(w, "a").status == 400,
    "files-public-anything": lambda w: w.ask("GET", "/files?public=perhaps").status == 400,
    "files-etag-restless": known,
    "files-etag-missing": lambda w: w.ask("GET", "/files/logo.png").status == 200,
    "files-put-appends": replaces,
    "files-csv-as-plain": lambda w: (
        w.ask("GET", "/files", headers={"accept": "text/csv"}).media_type == "text/csv"
    ),
    "files-delete-200": lambda w: w.ask("DELETE", "/files/logo.png").status == 204,
    "files-delete-unknown-204": lambda w: w.ask("DELETE", "/files/none").status == 404,
    "files-empty-upload-crash": lambda w: upload(w, "a?kind=text", b"").status == 201,
    "files-limit-one-more": lambda w: len(w.ask("GET", "/files?limit=2").json["files"]) == 2,
    "files-sort-with-kind-crash": lambda w: (
        w.ask("GET", "/files?sort=size&kind=text").status == 200
    ),
    "files-any-type-accepted": lambda w: upload(w, "a?kind=text", media="text/html").status == 415,
    "files-too-big-accepted": lambda w: upload(w, "a?kind=text", b"x" * 4097).status == 413,
}


def account(w: Witness, **fields: object) -> Told:
    return w.ask("POST", "/accounts", ACCOUNT | fields)


def unfit(**fields: object) -> Probe:
    return lambda w: account(w, **fields).status == 422


def quoted(**fields: object) -> Probe:
    return lambda w: w.ask("POST", "/quotes", QUOTE | fields).status == 200


def replaces_all(w: Witness) -> bool:
    made = account(w, tags=["old"], referral="R-0001").json
    told = w.ask("PUT", f"/accounts/{made['id']}", ACCOUNT).json
    return bool(told == made | {"tags": [], "referral": None})


def put_needs_key(w: Witness) -> bool:
    path = f"/accounts/{account(w).json['id']}"
    return w.ask("PUT", path, ACCOUNT, credential=None).status == 401


def geo(**fields: object) -> dict[str, object]:
    return ADDRESS | {"geo": {"lat": 31.2, "lon": 121.5} | fields}


PRICING: dict[str, Probe] = {
    "pricing-tags-twice": unfit(tags=["a", "a"]),
    "pricing-limit-mills": unfit(credit_limit=100.505),
    "pricing-limit-zero": unfit(credit_limit=0),
    "pricing-limit-whole-refused": lambda w: account(w, credit_limit=100).status == 201,
    "pricing-lon-360": unfit(address=geo(lon=200)),
    "pricing-owner-kind-ignored": unfit(owner={"kind": "robot", "given_name": "R2"}),
    "pricing-vat-lost": lambda w: account(w, owner=COMPANY).status == 201,
    "pricing-amount-unknown": quoted(reduction={"kind": "amount", "value": 1.5}),
    "pricing-address-null-refused": lambda w: account(w, address=None).status == 201,
    "pricing-name-null-accepted": unfit(name=None),
    "pricing-name-cut": unfit(name="x" * 17),
    "pricing-geo-extra-accepted": unfit(address=geo(height=4)),
    "pricing-labels-lost": lambda w: (
        account(w, labels={"city": "上海"}).json["labels"] == {"city": "上海"}
    ),
    "pricing-currency-case": unfit(currency="cny"),
    "pricing-zip-optional": unfit(address={"street": "南京路", "city": "上海"}),
    "pricing-put-merges": replaces_all,
    "pricing-put-without-key": put_needs_key,
    "pricing-no-items-crash": lambda w: (
        w.ask("POST", "/quotes", QUOTE | {"items": []}).status == 422
    ),
    "pricing-greatest-line-crash": quoted(items=[{"price": 100_000, "quantity": 1000}]),
    "pricing-total-negative": quoted(reduction={"kind": "amount", "value": 1000}),
    "pricing-total-text": quoted(),
}

PROBES = ORDERS | MESSAGES | JOBS | FILES | PRICING
