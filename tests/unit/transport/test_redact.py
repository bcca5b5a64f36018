"""Credentials do not pass: neither as headers nor inside texts nor through a log."""

import base64
import io
import logging

import pytest

from tanzaku.transport import (
    RedactingFormatter,
    redact_body,
    redact_headers,
    redact_query,
    redact_text,
)

CANARY = "c4n4ry"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ{CANARY}In0.{CANARY}sig"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n{CANARY}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.requirement("K3")
@pytest.mark.parametrize(
    "name",
    [
        b"authorization", b"Authorization", b"x-api-key", b"X-API-KEY", b"api-key", b"cookie",
        b"set-cookie", b"proxy-authorization", b"x-amz-security-token", b"x-goog-api-key",
        b"tanzaku-admin-token",
    ],
)  # fmt: skip
def test_a_credential_header_is_left_out_whole(name: bytes) -> None:
    assert redact_headers([(name, CANARY.encode()), (b"accept", b"*/*")]) == [("accept", "*/*")]


@pytest.mark.requirement("K3")
def test_known_headers_keep_their_value_and_others_are_masked() -> None:
    assert redact_headers(
        [
            (b"Anthropic-Version", b"2026-10-21"),
            (b"user-agent", b"Anthropic/Python 2.12.0"),
            (b"x-company-token", CANARY.encode()),
            (b"content-type", b"application/json"),
            (b"content-type", b"text/plain"),
        ]
    ) == [
        ("anthropic-version", "2026-10-21"),
        ("user-agent", "Anthropic/Python 2.12.0"),
        ("x-company-token", "[redacted]"),
        ("content-type", "application/json"),
        ("content-type", "text/plain"),
    ]


def test_a_key_in_a_harmless_header_is_masked_there() -> None:
    headers = redact_headers([(b"user-agent", b"mine sk-ant-" + CANARY.encode())])
    assert headers == [("user-agent", "mine [redacted]")]


SECRETS = [
    f"sk-ant-api03-{CANARY}_-{CANARY}AA",
    f"Authorization: Bearer {CANARY}.{CANARY}",
    f"authorization: basic {CANARY}==",
    f"sk-tzk-{CANARY}_-{CANARY}AA",
    f"{{'x-api-key': '{CANARY}'}}",
    f"tanzaku-admin-token: {CANARY}",
    f"TANZAKU_ADMIN_TOKEN={CANARY}",
    f"(b'x-api-key', b'{CANARY}')",
    f'"api_key": "{CANARY}"',
    f"api_key={CANARY}&x=1",
    "AKIA" + "C4N4RY" + "A" * 10,
    f"aws_secret_access_key = {CANARY}/{CANARY}",
    JWT,
    PEM,
    PEM[: PEM.index("-----END")],
    f"https://user:{CANARY}@example.test/path",
    f"postgres://{CANARY}@db",
    base64.b64encode(f"sk-ant-{CANARY}".encode()).decode(),
    base64.b64encode(f"sk-tzk-{CANARY}".encode()).decode(),
    base64.b64encode(f"Bearer sk-tzk-{CANARY}".encode()).decode(),
    f"/v1/models/%73%6B%2D%61%6E%74%2D{CANARY}%2d1",
    f"/v1/models/sk-t%7ak-{CANARY}%2d1",
]


@pytest.mark.requirement("K3")
@pytest.mark.parametrize("secret", SECRETS)
def test_a_credential_inside_a_text_is_masked_and_the_rest_stays(secret: str) -> None:
    redacted = redact_text(f"before {secret} after\nnext line")
    assert CANARY not in redacted
    assert "C4N4RY" not in redacted
    assert redacted.startswith("before ")
    if "-----" not in secret:
        assert redacted.endswith("\nnext line")


@pytest.mark.parametrize(
    "text",
    [
        "The bearer of this letter", "basic plan", "sk-antelope", "an api key is needed",
        "sk-tzkar", "the admin token is needed",
        "https://example.test/a@b", "15*23=345", "request-id: req_011CZ", "eyJ", "user@example.test",
        "你好，世界", "",
    ],
)  # fmt: skip
def test_plain_text_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("beta=true&limit=20&after_id=msgbatch_1", None),
        ("max_tokens=5&author=ann", None),
        (f"key={CANARY}", "key=[redacted]"),
        (f"a=1&access_token={CANARY}&b", "a=1&access_token=[redacted]&b"),
        (f"X-Amz-Signature={CANARY}&sig={CANARY}", "X-Amz-Signature=[redacted]&sig=[redacted]"),
        (f"%6bey={CANARY}", "%6bey=[redacted]"),
        (f"q=sk-ant-{CANARY}", "q=[redacted]"),
        ("key=&token", None),
        ("", None),
    ],
)
def test_of_a_query_what_is_named_like_a_credential_is_masked(query: str, kept: str | None) -> None:
    assert redact_query(query) == (query if kept is None else kept)


@pytest.mark.requirement("K3")
def test_the_formatter_masks_messages_arguments_extras_and_tracebacks() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(message)s %(note)s"))
    logger = logging.Logger("transport-redact-test")
    logger.addHandler(handler)
    key = f"sk-ant-{CANARY}"
    try:
        int(key)
    except ValueError:
        logger.exception("%s and %r", key, {"k": key}, extra={"note": f"Bearer {key}"})
    logger.error(ConnectionError(key), extra={"note": ""}, stack_info=True)
    assert CANARY not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") >= 5


KEY = b"sk-ant-api03-" + CANARY.encode()
VIRTUAL_KEY = b"sk-tzk-" + CANARY.encode() * 2


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"model":"' + KEY + b'","a":1}', b'{"model":"[redacted]","a":1}'),
        (b'{"model":"' + VIRTUAL_KEY + b'","a":1}', b'{"model":"[redacted]","a":1}'),
        (base64.b64encode(VIRTUAL_KEY), b"[redacted]"),
        (base64.b64encode(b"1" + VIRTUAL_KEY), b"MX[redacted]"),
        (base64.b64encode(b"12" + VIRTUAL_KEY), b"MTJ[redacted]"),
        (b'"' + base64.b64encode(KEY) + b'"', b'"[redacted]"'),
        (base64.b64encode(b"1" + KEY), b"MX[redacted]"),
        (base64.b64encode(b"12" + KEY), b"MTJ[redacted]"),
        (b"Authorization: Bearer abcdefgh, sk-ant-... is how a key begins", None),
        ("短冊".encode() + b"\xff\0", None),
    ],
    ids=[
        *("plain", "own", "own-base64", "own-base64-by-1", "own-base64-by-2"),
        *("base64", "base64-by-1", "base64-by-2", "no-key", "no-text"),
    ],
)
def test_a_body_loses_its_api_keys_and_nothing_else(body: bytes, kept: bytes | None) -> None:
    assert redact_body(body) == (body if kept is None else kept)


def test_a_long_hostile_text_is_redacted_in_linear_time() -> None:
    # Each repeats the beginning of a pattern; a pattern that backtracks would not come back.
    for start in (
        "-----BEGIN PRIVATE KEY-----",
        "sk-ant-",
        "sk-tzk-",
        "%73k-",
        "eyJaaaaaa.",
        "://a",
        "Bearer ",
        "api_key=",
    ):
        redact_text(start * 20_000)
