"""How figures are written: dollars, tokens, milliseconds, times."""

from datetime import UTC, datetime
from decimal import Decimal

_SMALLEST_USD = Decimal("0.00000001")


def format_usd(amount: Decimal | None) -> str:
    """Dollars with at least two and at most eight decimals; less than that is `<$0.00000001`, so
    that a cost never looks like nothing. `-` when there is no figure."""
    if amount is None:
        return "-"
    if 0 < amount < _SMALLEST_USD:
        return f"<${_SMALLEST_USD:.8f}"
    text = f"{amount:,.8f}"
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.rstrip('0').ljust(2, '0')}"


def format_count(count: int | None) -> str:
    """A whole number with thousands separators; `-` when there is none."""
    return "-" if count is None else f"{count:,}"


def format_ms(milliseconds: float | None) -> str:
    """Milliseconds with one decimal below 100, none above; `-` when there is no figure."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,.1f} ms" if milliseconds < 100 else f"{milliseconds:,.0f} ms"


def format_time(unix_seconds: float) -> str:
    """A moment in UTC to the second, `2026-11-23 10:00:00`."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
