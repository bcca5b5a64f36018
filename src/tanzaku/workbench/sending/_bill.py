"""What an answer says of tokens, reasons and errors, and what it cost."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tanzaku.catalog import price
from tanzaku.core import UserError
from tanzaku.exchange import Cost, ExchangeError, Settlement
from tanzaku.workbench.sending._read import read_error, read_object
from tanzaku.workbench.sending._reply import Reply


def bill(reply: Reply, settlement: Settlement) -> None:
    """Write into the settlement what can be read off the reply.

    A count of tokens costs nothing, and a batch nothing until its results are read: the answer with
    the results carries the usage of every message in it. Reading them twice counts them twice.
    """
    message = reply.message
    error = read_error(settlement.status, settlement.response_body, reply.read.error)
    settlement.error = ExchangeError(error.error_type, error.message) if error else None
    messages = [message] if message else _list_results(reply)
    if not messages:
        return
    models = {one.get("model") for one in messages}
    model = models.pop() if len(models) == 1 else None
    settlement.response_model = model if isinstance(model, str) else None
    reason = message.get("stop_reason") if message else None
    settlement.stop_reason = reason if isinstance(reason, str) else None
    settlement.usage = _add_usages([one.get("usage") for one in messages])
    settlement.cost, settlement.unpriced = _add_costs(messages)


def _list_results(reply: Reply) -> list[dict[str, Any]]:
    """The messages in the results of a batch, which are one JSON object a line."""
    if not reply.exchange.path.endswith("/results") or (reply.status or 0) >= 400:
        return []
    results = (read_object(line).get("result") for line in reply.body.splitlines())
    succeeded = (one for one in results if isinstance(one, dict) and one.get("type") == "succeeded")
    messages = (one.get("message") for one in succeeded)
    return [one for one in messages if isinstance(one, dict)]


def _add_usages(usages: Sequence[Any]) -> dict[str, Any] | None:
    """Counts added up, what is no count kept where all agree on it."""
    objects = [usage for usage in usages if isinstance(usage, dict)]
    if len(objects) < 2:
        return objects[0] if objects else None
    total: dict[str, Any] = {}
    for name in dict.fromkeys(name for usage in objects for name in usage):
        values = [usage[name] for usage in objects if usage.get(name) is not None]
        if all(isinstance(value, dict) for value in values):
            total[name] = _add_usages(values)
        elif all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            total[name] = sum(values)
        elif all(value == values[0] for value in values):
            total[name] = values[0]
    return total


def _add_costs(messages: Sequence[Mapping[str, Any]]) -> tuple[Cost | None, str | None]:
    total, parts = Decimal(0), dict[str, Decimal]()
    for message in messages:
        model, usage = message.get("model"), message.get("usage")
        if not isinstance(model, str) or not isinstance(usage, dict):
            return None, None
        try:
            priced = price(model, usage)
        except UserError as error:
            return None, error.message
        total += priced.total_usd
        for part, usd in priced.parts_usd.items():
            parts[part] = parts.get(part, Decimal(0)) + usd
    return Cost(total, parts), None
