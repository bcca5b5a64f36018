"""Secrets taken out of what is kept of an exchange."""

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from tanzaku.transport import (
    CREDENTIAL_HEADERS,
    MASK,
    HeaderList,
    redact_body,
    redact_json,
    redact_query,
)

SHORTEST: Final = 4
"""Shorter secrets are masked in the headers of credentials only: in a text they would be everywhere."""


class Mask:
    """Masks `secrets`, written plain, in JSON or in a URL, and what looks like an API key."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _spell(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    def finds(self, *texts: bytes) -> bool:
        """Whether one of the secrets is in one of `texts`."""
        return any(form in text for form in self._forms for text in texts)

    def mask_body(self, body: bytes) -> bytes:
        return redact_body(self._replace(body))

    def mask_text(self, text: str) -> str:
        return str(redact_json(self._replace(text.encode("utf-8", "replace")).decode()))

    def mask_query(self, query: str) -> str:
        return redact_query(self._replace(query.encode("utf-8", "replace")).decode())

    def mask_headers(self, headers: HeaderList) -> list[tuple[str, str]]:
        """Names in lower case; the value of a header that carries a credential is masked whole."""
        return [
            (name.lower().decode("latin-1"), self._mask_value(name.lower(), value))
            for name, value in headers
        ]

    def _mask_value(self, name: bytes, value: bytes) -> str:
        if name in CREDENTIAL_HEADERS:
            return MASK
        return str(redact_json(self._replace(value).decode("latin-1")))

    def _replace(self, text: bytes) -> bytes:
        for form in self._forms:
            text = text.replace(form, MASK.encode())
        return text


def spell_in_json(secret: str) -> list[str]:
    """What stands between the quotes."""
    return [json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)]


def spell_in_url(secret: str) -> list[str]:
    """In a path, with slashes or without, and in a query."""
    raw = secret.encode("utf-8", "surrogateescape")
    return [quote(raw), quote(raw, safe=""), quote_plus(raw)]


def _spell(secret: str) -> list[bytes]:
    spelled = [secret, *spell_in_json(secret), *spell_in_url(secret)]
    return [text.encode("utf-8", "surrogateescape") for text in spelled]
