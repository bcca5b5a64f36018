"""What equal requests, so many a day, would cost on several models."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from tanzaku.catalog._find import get_model
from tanzaku.catalog._price import resolve_rates
from tanzaku.core import UserError

DAYS_PER_MONTH: Final = 30


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """One model's bill at list prices; a month has 30 days.

    The same text is about 30 % more tokens to the tokenizers v4.7 and v4.8 than to v3 (Haiku 5.5's
    page, 2026-10-08): rows of different `tokenizer` compare equal counts, not equal texts.
    """

    model: str
    tokenizer: str
    usd_per_request: Decimal
    usd_per_day: Decimal
    usd_per_month: Decimal

    def to_json(self) -> dict[str, Any]:
        """The row's attributes by their names, the dollars without trailing zeros."""
        return {
            name: value.normalize() + 0 if isinstance(value, Decimal) else value
            for name, value in asdict(self).items()
        }


def estimate_costs(
    models: Iterable[str],
    *,
    requests_per_day: int,
    tokens_in: int,
    tokens_out: int,
    cache_share: Decimal = Decimal(0),
    batch_share: Decimal = Decimal(0),
) -> list[EstimateRow]:
    """One row per model on the Claude API, cheapest first.

    `tokens_in` is the whole prompt of a request; `cache_share` of it, rounded down to tokens, is
    read from the prompt cache. Writing it there is not counted, which is right while requests
    follow one another within the five minutes that a cached prefix lives. `batch_share` of the
    requests goes through batches; `usd_per_request` is the mean. Shares outside 0..1 and negative
    numbers raise UserError; see `price` for the rest.
    """
    _check_share("cache_share", cache_share)
    _check_share("batch_share", batch_share)
    if requests_per_day < 0:
        raise UserError(
            "{name} is {value}.",
            hint="Give 0 or more.",
            name="requests_per_day",
            value=requests_per_day,
        )
    cached = int(tokens_in * cache_share)
    usage = {
        "input_tokens": tokens_in - cached,
        "cache_read_input_tokens": cached,
        "output_tokens": tokens_out,
    }
    rows = []
    for name in models:
        model = get_model(name)
        rates = resolve_rates(name)
        alone = rates.price(usage).total_usd
        batched = rates.price(usage, batch=True).total_usd
        mean = alone - (alone - batched) * batch_share
        rows.append(
            EstimateRow(
                model=model.id,
                tokenizer=model.tokenizer,
                usd_per_request=mean,
                usd_per_day=mean * requests_per_day,
                usd_per_month=mean * requests_per_day * DAYS_PER_MONTH,
            )
        )
    return sorted(rows, key=lambda row: row.usd_per_month)


def _check_share(name: str, share: Decimal) -> None:
    if share.is_nan() or not 0 <= share <= 1:
        raise UserError(
            "{name} is {value}.", hint="Give a share from 0 to 1.", name=name, value=share
        )
