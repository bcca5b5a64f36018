"""The correct services do what their documents say, whatever they are sent."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.planted.catalogue import SERVICES
from harness.probes import (
    ACCOUNT,
    ADDRESS,
    COMPANY,
    COUNT,
    JOB,
    MESSAGE,
    ORDER,
    QUOTE,
    RESULT,
    TEXT,
)
from harness.witnessed import Witness, find_misfits, follow, load_document

IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
}
CALL = {"type": "tool_use", "id": "toolu_01", "name": "weather", "input": {"city": "北京"}}
TALK: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": [TEXT, CALL]},
        {"role": "user", "content": [RESULT | {"is_error": True}, IMAGE]},
    ],
    "system": [TEXT],
    "tools": [{"name": "weather", "description": "w", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "weather"},
}
SAMPLING = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["终"]}
FULL_ACCOUNT = ACCOUNT | {
    "owner": COMPANY,
    "tags": ["书", "new"],
    "labels": {"city": "上海"},
    "address": ADDRESS | {"geo": {"lat": 31.2, "lon": 121.5}},
    "referral": "R-0001",
}
FULL_ORDER = ORDER | {
    "customer": {"name": "李娜", "phone": "+8613800138000"},
    "priority": "urgent",
    "note": "第三扇门",
    "coupon": "SAVE10",
    "discount_percent": 10,
}
BODIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "createOrder": ("POST", "/orders", FULL_ORDER),
    "changeOrder": (
        "PATCH",
        "/orders/ord_000001",
        {"note": "x", "priority": "low", "customer": {"name": "王芳", "phone": "+8613800138000"}},
    ),
    "createMessage": (
        "POST",
        "/v1/messages",
        MESSAGE | TALK | SAMPLING | {"stream": True, "metadata": {"user_id": "u"}},
    ),
    "countTokens": ("POST", "/v1/messages/count_tokens", COUNT | TALK),
    "createJob": ("POST", "/jobs", JOB | {"tags": ["财务"], "priority": 3, "dry_run": True}),
    "createAccount": ("POST", "/accounts", FULL_ACCOUNT),
    "replaceAccount": ("PUT", "/accounts/acc00001", ACCOUNT | {"tags": ["a", "b"]}),
    "createQuote": (
        "POST",
        "/quotes",
        QUOTE
        | {"items": [{"price": 12.5, "quantity": 2, "tax_class": "reduced"}]}
        | {"reduction": {"kind": "percent", "value": 10}},
    ),
}
OWNERS = {
    "createOrder": "orders",
    "changeOrder": "orders",
    "createMessage": "messages",
    "countTokens": "messages",
    "createJob": "jobs",
    "createAccount": "pricing",
    "replaceAccount": "pricing",
    "createQuote": "pricing",
}
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2, 1.0, 1.5, 0.01, 0.001, 1e-300, 1e300, 10**20, -(2**63)),
    *(9, 10, 90, 91, 100, 101, 180.5, 500, 501, 999, 1000, 1001, 10_000, 10_001, 64_000, 64_001),
    *(100_000, 100_001, 1_000_000, 1_000_000.01),
    *("", "x", "true", "3", "user", "urgent", "none", "EUR", "eur", "percent", "text", "\u0000"),
    *(
        "李" * 16,
        "李" * 20,
        "李" * 21,
        "🍵" * 16,
        "🍵" * 17,
        "x" * 257,
        "R-0001\n",
        "日" * 30,
        "日" * 31,
    ),
    *([], [1], ["a"], ["a", "a"], [{}], ["a", "b", "c", "d"], ["a", "b", "c", "d", "e", "f"]),
    *({}, {"type": "any"}, {"type": "text"}, {"kind": "person", "given_name": "晓明"}, {"a": "b"}),
    *(
        {"kind": "amount", "value": 0.5},
        {"Aa": "b"},
        {"a": "1", "b": "2", "c": "3", "d": "4", "e": ""},
    ),
)
MISSHAPEN = {
    "empty": b"",
    "no JSON": b"{'a': 1}",
    "cut": b'{"name": "x',
    "two values": b"{} {}",
    "NaN": b'{"rows": NaN}',
    "infinity": b"[-Infinity]",
    "no UTF-8": b'{"name": "\xff"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "lone surrogate": b'{"name": "\\ud83d"}',
    "repeated name": b'{"name": "a", "name": "b"}',
    "depth": b"[" * 20_000 + b"]" * 20_000,
    "long integer": b'{"rows": %b}' % (b"9" * 9000),
    "long exponent": b'{"rows": 1e99999999999999999999}',
    "NUL": b"\x00",
}
UNFIT = {"null": b"null", "array": b"[]", "text": b'"x"', "number": b"1", "object": b"{}"}


@pytest.fixture(name="witness")
def build_witness(request: pytest.FixtureRequest) -> Witness:
    witness = Witness(request.param)
    if request.param == "pricing":
        witness.ask("POST", "/accounts", FULL_ACCOUNT)
    return witness


@pytest.mark.parametrize(
    ("operation", "witness"), OWNERS.items(), ids=list(OWNERS), indirect=["witness"]
)
def test_a_body_is_accepted_where_its_schema_holds_and_only_there(
    operation: str, witness: Witness
) -> None:
    method, path, body = BODIES[operation]
    schema = _find_schema(witness, operation)
    verdicts = set()
    for change, changed in [("none", body), *_iter_changes(body)]:
        is_fit = not find_misfits(witness.document, schema, changed)
        told = witness.ask(method, path, body=json.dumps(changed).encode())
        assert (told.status < 300) == is_fit, (change, told.status, told.body)
        assert told.status < 300 or told.status == (422 if witness.service == "pricing" else 400)
        verdicts.add(is_fit)
    assert verdicts == {True, False}
    assert witness.breaches == []


def _find_schema(witness: Witness, operation: str) -> dict[str, Any]:
    for item in witness.document["paths"].values():
        for told in item.values():
            if isinstance(told, dict) and told.get("operationId") == operation:
                body = follow(witness.document, told["requestBody"])
                schema: dict[str, Any] = body["content"]["application/json"]["schema"]
                return schema
    raise KeyError(operation)


def _iter_changes(value: object, where: str = "") -> Iterator[tuple[str, Any]]:
    """`value` with one place changed: each place, each of VALUES, each field left out or added."""
    for other in VALUES:
        yield f"{where} = {other!r}", other
    if isinstance(value, dict):
        yield f"{where}.extra", value | {"extra": 1}
        for name, inner in value.items():
            rest = {key: kept for key, kept in value.items() if key != name}
            yield f"{where} without {name}", rest
            for change, changed in _iter_changes(inner, f"{where}.{name}"):
                yield change, value | {name: changed}
    elif isinstance(value, list):
        yield f"{where} * 60", value * 60
        for at, inner in enumerate(value):
            for change, changed in _iter_changes(inner, f"{where}[{at}]"):
                yield change, [*value[:at], changed, *value[at + 1 :]]


@pytest.mark.parametrize(
    ("operation", "witness"), OWNERS.items(), ids=list(OWNERS), indirect=["witness"]
)
def test_what_is_no_json_text_or_no_json_request_is_refused_as_documented(
    operation: str, witness: Witness
) -> None:
    method, path, body = BODIES[operation]
    for name, text in MISSHAPEN.items():
        assert witness.ask(method, path, body=text).status == 400, name
    for name, text in UNFIT.items():
        expected = 422 if witness.service == "pricing" else 400
        assert witness.ask(method, path, body=text).status == expected, name
    good = json.dumps(body).encode()
    for media_type in ("text/plain", "application/xml", "", None):
        headers = {"content-type": media_type}
        assert witness.ask(method, path, body=good, headers=headers).status == 415, media_type
    charset = {"content-type": "Application/JSON; charset=utf-8"}
    assert witness.ask(method, path, body=good, headers=charset).status < 300
    big = good + b" " * 65_536
    assert witness.ask(method, path, body=big).status == 413
    assert witness.breaches == []


@pytest.mark.parametrize(
    ("service", "witness"), [(it, it) for it in SERVICES], ids=SERVICES, indirect=["witness"]
)
def test_every_operation_wants_its_key_and_every_path_its_methods(
    service: str, witness: Witness
) -> None:
    for path, item in load_document(service)["paths"].items():
        target = path.partition("{")[0] + "x" * ("{" in path) + path.partition("}")[2]
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"):
            for credential in (None, "", "wrong"):
                told = witness.ask(method, target, credential=credential)
                assert told.status == (401 if method.lower() in item else 405), (method, target)
        assert witness.ask("GET", f"{target}/none/such").status == 404
    assert witness.ask("GET", "").status == 404
    assert witness.breaches == []


STRANGE = [
    "x",
    "ord_0000010",
    "job-0",
    "..",
    "%00",
    "%ff",
    "%2F",
    "a%2Fb",
    "%E4%BA%AC",
    "%F0%9F%8D%B5",
]


@pytest.mark.parametrize(
    ("service", "witness"), [(it, it) for it in SERVICES], ids=SERVICES, indirect=["witness"]
)
def test_an_unknown_id_is_404_however_it_is_written(service: str, witness: Witness) -> None:
    for path, item in load_document(service)["paths"].items():
        if "{" not in path:
            continue
        for strange in [*STRANGE, "9" * 3000, quote("茶" * 65)]:
            target = path.partition("{")[0] + strange + path.partition("}")[2]
            for method in set(item) & {"get", "delete", "post"}:
                assert witness.ask(method.upper(), target).status == 404, target
    assert witness.breaches == []


QUERIES = {
    "/orders": {
        "limit": (
            ["1", "50"],
            ["", "0", "51", "-1", "1.5", "x", "%D9%A3", "9" * 5000, "%ff", "1&limit=2"],
        ),
        "cursor": (["c0", "c999999999"], ["", "c", "c1234567890", "1", "c%0A1", "c1%0A"]),
        "priority": (["low"], ["", "LOW", "low,urgent", "%00"]),
        "unknown": (["1", "%ff"], []),
    },
    "/jobs": {"state": (["done"], ["", "Done", "lost"])},
    "/files": {
        "kind": (["text", "text,image,binary", "text%2Cimage"], ["", "text,", "movie", "a,b,c,d"]),
        "expires_before": (
            ["2028-02-29", "0000-02-29"],
            ["", "2027-02-29", "20270228", "2027-2-8"],
        ),
        "public": (["true", "false"], ["", "1", "True", "yes"]),
        "sort": (["name", "-size"], ["", "kind"]),
        "limit": (["1", "20"], ["0", "21"]),
    },
}


@pytest.mark.parametrize(
    ("path", "witness"),
    [(path, path[1:]) for path in QUERIES],
    ids=list(QUERIES),
    indirect=["witness"],
)
def test_a_query_is_accepted_where_the_document_has_it_and_only_there(
    path: str, witness: Witness
) -> None:
    for name, (fit, others) in QUERIES[path].items():
        for text in fit:
            assert witness.ask("GET", f"{path}?{name}={text}").status == 200, (name, text)
        for text in others:
            assert witness.ask("GET", f"{path}?{name}={text}").status == 400, (name, text)
    assert witness.breaches == []


def test_files_are_kept_byte_for_byte_and_told_in_the_form_that_is_wanted() -> None:
    witness = Witness("files")
    octets = {"content-type": "application/octet-stream"}
    for name in ("a", "a/b", "茶 🍵", "%41", "x" * 64, "n\x00"):
        target = f"/files/{quote(name, safe='')}?kind=binary&expires=2027-01-01&public=true"
        content = bytes(range(256)) + name.encode()
        assert witness.ask("PUT", target, body=content, headers=octets).status == 201
        told = witness.ask("PUT", target, body=content, headers=octets)
        assert (told.status, told.json["name"]) == (200, name)
        got = witness.ask("GET", target)
        assert got.body == content
        assert witness.ask("GET", target, headers={"if-none-match": "*"}).status == 304
    for name, expected in ((".a", 400), ("x" * 65, 400), ("%ff", 404), ("", 404)):
        target = f"/files/{name}?kind=text"
        assert witness.ask("PUT", target, body=b"", headers=octets).status == expected, name
    for accept, media_type in {
        "": "application/json",
        "*/*": "application/json",
        "text/*": "text/csv",
        "text/csv;q=0.5, application/json;q=0.1": "text/csv",
        "application/json, text/csv": "application/json",
    }.items():
        assert witness.ask("GET", "/files", headers={"accept": accept}).media_type == media_type
    for accept in ("image/png", "application/json;q=0", "text/csv;q=x"):
        assert witness.ask("GET", "/files", headers={"accept": accept}).status == 406
    assert witness.breaches == []


def test_a_job_goes_its_way_and_says_409_to_what_comes_too_early_or_too_late() -> None:
    witness = Witness("jobs")
    made = witness.ask("POST", "/jobs", JOB)
    path = made.headers["location"]
    assert made.json["state"] == "queued"
    assert witness.ask("GET", f"{path}/results").status == 409
    assert witness.ask("DELETE", path).status == 409
    states = [witness.ask("GET", path).json["state"] for _ in range(4)]
    assert states == ["queued", "running", "done", "done"]
    assert len(witness.ask("GET", f"{path}/results").json["rows"]) == 10
    assert witness.ask("POST", f"{path}/cancel").status == 409
    assert [it["id"] for it in witness.ask("GET", "/jobs?state=done").json["jobs"]] == [path[6:]]
    assert witness.ask("DELETE", path).status == 204
    assert witness.ask("GET", path).status == 404
    assert witness.ask("GET", "/jobs").json == {"jobs": []}
    assert witness.breaches == []


def test_an_idempotency_key_makes_one_order_and_conflicts_with_another_body() -> None:
    witness = Witness("orders")
    once = {"idempotency-key": "7f1a0f34-4b6e-4b4e-9a57-0d3f9f5a2c11"}
    first, again = (witness.ask("POST", "/orders", ORDER, headers=once) for _ in range(2))
    assert first.json == again.json
    other = ORDER | {"note": "other"}
    assert witness.ask("POST", "/orders", other, headers=once).status == 409
    assert witness.ask("DELETE", f"/orders/{first.json['id']}").status == 204
    assert witness.ask("POST", "/orders", ORDER, headers=once).status == 409
    assert witness.ask("POST", "/orders", ORDER, headers={"idempotency-key": "x"}).status == 400
    assert witness.breaches == []


def test_the_schemas_of_the_documents_name_nothing_that_is_not_there() -> None:
    def walk(document: dict[str, Any], value: Any) -> Iterator[object]:
        if isinstance(value, dict):
            yield follow(document, value)
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                yield from walk(document, inner)

    for service in SERVICES:
        document = load_document(service)
        assert all(found is not None for found in walk(document, document))
