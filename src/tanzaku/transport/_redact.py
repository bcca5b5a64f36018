"""What may be kept of headers and texts: credentials are dropped or masked before they are written.

Patterns follow the issuers' published key forms: Anthropic `sk-ant-`, Tanzaku's own `sk-tzk-`, AWS
access keys, JSON Web Tokens (RFC 7519), PEM private keys, user information in URLs (RFC 3986 section
3.2.1).
"""

import logging
import re
from typing import override
from urllib.parse import unquote_plus

from tanzaku.transport._http import HeaderList

MASK = "[redacted]"
"""What stands where a credential stood."""

CREDENTIAL_HEADERS = frozenset(
    {
        b"authorization",
        b"api-key",
        b"cookie",
        b"proxy-authorization",
        b"set-cookie",
        b"tanzaku-admin-token",
        b"x-amz-security-token",
        b"x-api-key",
        b"x-goog-api-key",
    }
)
"""Headers whose value is a credential, in lower case."""
_KEPT_NAMES = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"cache-control",
        b"cf-ray",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"date",
        b"host",
        b"request-id",
        b"retry-after",
        b"server",
        b"traceparent",
        b"transfer-encoding",
        b"user-agent",
        b"via",
        b"x-should-retry",
    }
)
_KEPT_PREFIXES = (b"anthropic-", b"tanzaku-", b"x-stainless-")

_KEY_STARTS_IN_TEXT = ("sk-ant-", "sk-tzk-")
# Each of them at the three offsets it can have inside base64, less the digits its neighbours decide.
_KEY_STARTS_IN_BASE64 = (
    *("c2stYW50L", "NrLWFudC", "zay1hbnQt"),
    *("c2stdHprL", "NrLXR6ay", "zay10emst"),
)
_KEY_START_IN_URL = "|".join(
    "".join(f"(?:{char}|%{ord(char):02x}|%{ord(char):02X})" for char in start)
    for start in _KEY_STARTS_IN_TEXT
)
# What the two have in common at each offset, so that one search serves both.
_SIGNS_IN_BODY = (b"sk-ant-", b"sk-tzk-", b"c2st", b"NrL", b"zay1")
_KEY_STARTS = tuple(start.encode() for start in (*_KEY_STARTS_IN_TEXT, *_KEY_STARTS_IN_BASE64))
_KEY_IN_BODY = re.compile(rb"(?:" + b"|".join(_KEY_STARTS) + rb")[A-Za-z0-9+/=_\-]{8,}")

# A token and not tokens, whose number may be asked for.
_SECRET_PARAMETER = re.compile(
    r"(?i)key|token(?!s)|secret|passw|signature|^sig$|credential|auth(?!or)"
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN ([A-Z0-9 ]{0,40})PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
            re.DOTALL,
        ),
        MASK,
    ),
    (re.compile(rf"(?:{_KEY_START_IN_URL})[A-Za-z0-9_\-%]+"), MASK),
    (re.compile(rf"(?:{'|'.join(_KEY_STARTS_IN_BASE64)})[A-Za-z0-9+/=_\-]*"), MASK),
    (
        re.compile(
            r"(authorization['\"]?\s{0,3}[:=,]\s{0,3}b?['\"]?)(?:[a-z]{1,20} +)?[^\s'\",;)}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b(Bearer\s{1,3})[A-Za-z0-9._~+/=\-]{4,}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"\b(?:AKIA|ASIA|ABSK)[A-Za-z0-9+/=]{16,}"), MASK),
    (
        re.compile(
            r"(?i)((?:x-api-key|api[-_]key|admin[-_]token|aws_secret_access_key|aws_session_token|secret_access_key)"
            r"['\"]?\s{0,3}[:=,]\s{0,3}b?['\"]?)[^\s'\",;&)}\]]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]*"), MASK),
    (re.compile(r"(?<=://)[^/\s@'\"]{1,512}@"), f"{MASK}@"),
)


def redact_headers(headers: HeaderList) -> list[tuple[str, str]]:
    """What may be stored of `headers`: known names with their values, other names masked.

    Lines that carry a credential are left out whole. Known values still pass `redact_text`, for
    a key pasted into the wrong header.
    """
    kept: list[tuple[str, str]] = []
    for raw_name, value in headers:
        name = raw_name.lower()
        if name in CREDENTIAL_HEADERS:
            continue
        is_known = name in _KEPT_NAMES or name.startswith(_KEPT_PREFIXES)
        text = redact_text(value.decode("latin-1")) if is_known else MASK
        kept.append((redact_text(name.decode("latin-1")), text))
    return kept


def redact_text(text: str) -> str:
    """`text` with API keys, bearer tokens, cloud keys, JWTs, private keys and URL users masked."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_query(query: str) -> str:
    """A URL's query as `redact_text` has it, and every value masked whose name says it is a
    credential."""
    return "&".join(_redact_parameter(part) for part in redact_text(query).split("&"))


def _redact_parameter(part: str) -> str:
    name, _, value = part.partition("=")
    return f"{name}={MASK}" if value and _SECRET_PARAMETER.search(unquote_plus(name)) else part


def redact_body(body: bytes) -> bytes:
    """`body` with API keys of Anthropic and Tanzaku masked, plain or in base64; all else is the user's own text.

    Costs a search that finds nothing for a body without one.
    """
    if _holds_any(body, _SIGNS_IN_BODY) and _holds_any(body, _KEY_STARTS):
        return _KEY_IN_BODY.sub(MASK.encode(), body)
    return body


def _holds_any(body: bytes, starts: tuple[bytes, ...]) -> bool:
    for start in starts:  # noqa: SIM110 - any() costs small bodies twice as much
        if body.find(start) >= 0:  # `in` costs bytes four times as much
            return True
    return False


class RedactingFormatter(logging.Formatter):
    """A formatter whose last step masks credentials, tracebacks and arguments included."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))
