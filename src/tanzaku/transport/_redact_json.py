"""Redaction of JSON values, where the name of a field says as much as its text."""

from functools import lru_cache
from typing import Any

from tanzaku.transport._redact import MASK, redact_text

# Without any of these a text holds nothing that `redact_text` would find; most hold none, and
# looking for them costs a hundredth of it.
_SIGNS = ("AKIA", "ASIA", "ABSK", "eyJ", "://")
_SIGNS_IN_ANY_CASE = (
    *("sk-ant-", "c2styw50l", "nrlwfudc", "zay1hbnqt"),
    *("sk-tzk-", "c2stdhprl", "nrlxr6ay", "zay10emst"),
    *("%73", "%6b", "%2d", "%61", "%6e", "%74", "%7a"),
    *("authorization", "bearer", "private key", "api-key", "api_key", "secret_access_key"),
    *("aws_session_token", "admin-token", "admin_token"),
)
_SHORT = 40


def redact_json(value: Any) -> Any:
    """`value` with `redact_text` done to every text in it, names included.

    A text in a field named like a credential (`api_key`, `authorization`) is masked whole. What is
    masked stays what it is when it is redacted again. Lists and objects that hold no credential are
    returned, not copied.
    """
    if isinstance(value, str):
        return _redact_fully(value) if _may_hold_credential(value) else value
    if isinstance(value, list):
        items = [redact_json(item) for item in value]
        is_same = all(new is old for new, old in zip(items, value, strict=True))
        return value if is_same else items
    if isinstance(value, dict):
        fields = {redact_json(name): _redact_field(name, item) for name, item in value.items()}
        is_same = all(fields.get(name) is item for name, item in value.items())
        return value if is_same else fields
    return value


def _redact_field(name: str, value: Any) -> Any:
    if isinstance(value, str) and value not in ("", MASK) and _is_credential_name(name):
        return MASK
    return redact_json(value)


@lru_cache(maxsize=1024)
def _is_credential_name(name: str) -> bool:
    if not _may_hold_credential(name):
        return False
    probe = f"{name}:x"
    return redact_text(probe) != probe


def _redact_fully(text: str) -> str:
    """`text` redacted until nothing more is found. What stands between masks is looked at alone, so
    that no mask is masked; each round leaves less of it, so there is an end."""
    while True:
        redacted = MASK.join(redact_text(piece) for piece in text.split(MASK))
        if redacted == text:
            return text
        text = redacted


def _may_hold_credential(text: str) -> bool:
    return _find_sign_in_short(text) if len(text) <= _SHORT else _find_sign(text)


def _find_sign(text: str) -> bool:
    if any(sign in text for sign in _SIGNS):
        return True
    lowered = text.lower()
    return any(sign in lowered for sign in _SIGNS_IN_ANY_CASE)


# Names of fields and of kinds come again and again.
_find_sign_in_short = lru_cache(maxsize=4096)(_find_sign)
