"""Which recorded requests another model would refuse, by reason."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tanzaku.catalog import Model, UnknownModelError, get_model
from tanzaku.gateway.whatif._past import Past
from tanzaku.wire import Violation, check_prompt_length, validate

_MOST_REASONS: Final = 500
_MOST_IDS: Final = 1_000
_NUMBER: Final = re.compile(r"\d+")


@dataclass(slots=True)
class Reason:
    """One reason to refuse, as the API says it of the first request; `ids` are those of the first
    1,000. `is_guess`: no primary source says that it refuses this."""

    message: str
    status: int
    is_guess: bool
    count: int = 0
    ids: list[str] = field(default_factory=list)


class Refusals:
    """The requests that `model` (None: their own) would refuse, though they were answered; reasons
    that differ in numbers and places alone are one.

    What is said in the same words of the model that did answer is left out: there the API was
    shown to be milder than the rules.
    """

    def __init__(self, model: Model | None, *, batch: bool) -> None:
        self._model = model
        self._endpoint: Literal["messages", "batches"] = "batches" if batch else "messages"
        self._reasons: dict[str, Reason] = {}
        self.requests = 0
        self.other_reasons = 0

    def judge(self, past: Past, prompt_tokens: int) -> bool:
        """Whether the request, with that many tokens of the model's, would be refused."""
        params = past.params
        assert params is not None
        model = self._model or get_model(past.model or "")
        asked = {**params, "model": model.id}
        if self._endpoint == "batches":
            asked.pop("stream", None)  # what a client waits for is its own affair
        found = validate(
            asked,
            model,
            past.version,
            endpoint=self._endpoint,
            betas=past.betas,
        )
        max_tokens = params.get("max_tokens")
        if type(max_tokens) is int:
            too_long = check_prompt_length(prompt_tokens, max_tokens, model)
            found += [too_long] if too_long is not None else []
        if found:
            known = _list_before(past)
            found = [one for one in found if str(one) not in known]
        for reason in {_NUMBER.sub("N", str(one)): one for one in found}.items():
            self._note(*reason, past.id)
        self.requests += bool(found)
        return bool(found)

    def list_reasons(self) -> list[Reason]:
        """The reasons, the most frequent first."""
        return sorted(self._reasons.values(), key=lambda reason: -reason.count)

    def _note(self, key: str, violation: Violation, exchange_id: str) -> None:
        reason = self._reasons.get(key)
        if reason is None:
            if len(self._reasons) >= _MOST_REASONS:
                self.other_reasons += 1
                return
            reason = Reason(str(violation), violation.status, violation.is_guess)
            self._reasons[key] = reason
        reason.count += 1
        if len(reason.ids) < _MOST_IDS:
            reason.ids.append(exchange_id)


def _list_before(past: Past) -> set[str]:
    """What is said of the request and the model that answered it."""
    try:
        model: Any = get_model(past.model or "")
    except UnknownModelError:
        return set()
    if model.state == "retired" or past.params is None:
        return set()
    return {str(one) for one in validate(past.params, model, past.version, betas=past.betas)}
