"""Whether a request to AWS is signed: presence and form, never the secret.

Forms: AWS Signature Version 4 (`Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…,
Signature=…` beside `x-amz-date`) or a Bedrock API key as bearer token. Texts as AWS spells them.
"""

import re

from tanzaku.transport import HeaderList, get_header

_SIGNED = re.compile(
    rb"AWS4-HMAC-SHA256 +Credential=(?P<key>[\w]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/"
    rb"(?P<service>[a-z0-9-]+)/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;-]+), *"
    rb"Signature=[0-9a-f]{64}"
)
_BEARER = re.compile(rb"Bearer +\S+", re.IGNORECASE)
_DATE = re.compile(rb"\d{8}T\d{6}Z")


def check_aws_auth(headers: HeaderList, service: bytes) -> tuple[str, str] | None:
    """What is wrong: AWS's name of the error (status 403) and its text; None when all is well.

    `service` is what the signature has to be for (`bedrock`, `bedrock-mantle`).
    """
    value = get_header(headers, b"authorization")
    if value is None:
        return "MissingAuthenticationTokenException", "Missing Authentication Token"
    if _BEARER.fullmatch(value):
        return None
    match = _SIGNED.fullmatch(value.strip())
    if match is None:
        return (
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
        )
    date = get_header(headers, b"x-amz-date") or b""
    if not _DATE.fullmatch(date) or not date.startswith(match["day"]):
        return (
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    if match["service"] != service or b"host" not in match["headers"].split(b";"):
        return (
            "InvalidSignatureException",
            f"Credential should be scoped to correct service: '{service.decode()}'.",
        )
    return None
