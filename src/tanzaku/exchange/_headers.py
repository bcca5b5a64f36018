"""The headers Tanzaku adds for itself; a real upstream never sees one."""

from collections.abc import Collection
from urllib.parse import quote

LABEL_PREFIX = "tanzaku-"
RULE_HEADER = "tanzaku-rule"
EXCHANGE_ID_HEADER = "tanzaku-exchange-id"
TRACE_HEADER = "tanzaku-trace"
VIOLATIONS_HEADER = "tanzaku-violations"
_MOST_BYTES = 2048


def encode_violations(violations: Collection[object]) -> bytes:
    """Violations for their header: percent-encoded, a comma between two, 2,048 bytes at most."""
    texts = [quote(str(violation), safe=" :`'.[]{}()<>=*/_-") for violation in violations]
    return ", ".join(texts)[:_MOST_BYTES].encode("ascii")
