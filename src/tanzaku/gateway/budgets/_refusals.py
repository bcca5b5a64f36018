"""Why a budget does not let a call through, in the API's own words for such things.

The API sends `retry-after` with a rate limit and none with a spend cap. So here: it is sent where
room comes within a minute, which is as long as the SDKs wait. Where waiting is useless the answer
carries `x-should-retry: false`; where only calls under way stand against it, neither.
"""

import math
from typing import Final

from tanzaku.core import format_rfc3339
from tanzaku.gateway._stages import Asked
from tanzaku.gateway.budgets._account import Account
from tanzaku.gateway.budgets._rules import MINUTE_S, BudgetRule
from tanzaku.wire import RETRY_AFTER, SHOULD_RETRY, ApiError

_DO_NOT_RETRY: Final = ((SHOULD_RETRY, b"false"),)
_CONCURRENT_S: Final = 1


def refuse_full(account: Account, amount: int, now: float) -> ApiError:
    """The 429 for a call that may use `amount`, for which `account` has no room at `now`."""
    rule, show = account.rule, account.rule.show
    if rule.unit == "concurrent":
        return ApiError.rate_limit(
            f"The limit {rule.title} is reached: {show(account.reserved)} of {show(rule.most)} "
            "requests are under way.",
            retry_after_s=_CONCURRENT_S,
        )
    message = (
        f"The budget {rule.title} is {show(rule.most)}: {show(account.spent)} are spent, "
        f"{show(account.reserved)} held for calls under way, and this call may use {show(amount)}."
    )
    if amount > rule.most:
        return _refuse(f"{message} That is more than all of it.", _DO_NOT_RETRY)
    room_at = account.find_room_at(amount)
    is_for_calls_under_way = account.taken - account.reserved + amount <= account.most
    message += _tell_when(room_at, is_for_calls_under_way)
    wait_s = math.inf if room_at is None else math.ceil(room_at - now)
    if wait_s <= MINUTE_S + 1:
        return _refuse(message, ((RETRY_AFTER, b"%d" % max(1, wait_s)),))
    return _refuse(message, () if is_for_calls_under_way else _DO_NOT_RETRY)


def _tell_when(room_at: float | None, is_for_calls_under_way: bool) -> str:
    when = "" if room_at is None else f" at {format_rfc3339(math.ceil(room_at))}"
    if is_for_calls_under_way:
        when += ", or sooner if" if when else " if"
        when += " those use less than they hold"
    return when and f" There is room for it{when}."


def refuse_unbounded(rule: BudgetRule, asked: Asked) -> ApiError:
    """The 403 for a call that a budget in dollars or tokens covers and nobody can say beforehand
    what it may use."""
    if not asked.is_message:
        why = f"what {asked.request.method} {asked.path} uses is not known beforehand"
    elif asked.model is None:
        why = "it names no model"
    elif type(asked.params.get("max_tokens")) is not int:
        why = "it has no max_tokens"
    else:
        why = f"what the model {asked.model} costs for it is not known"
    message = f"The budget {rule.title} covers this call, and {why}."
    return ApiError(403, "permission_error", message)


def _refuse(message: str, headers: tuple[tuple[bytes, bytes], ...]) -> ApiError:
    error = ApiError.rate_limit(message)
    error.headers = headers
    return error
