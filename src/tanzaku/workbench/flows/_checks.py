"""What a flow's `expect` may ask of its steps as a whole: was each subtask done once, did all
results reach the step that joins them, was the budget kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from json import dumps
from typing import Any, Final
from urllib.parse import unquote

from pydantic_core import from_json

from tanzaku.core import InputFileError, canonical_json
from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.flows._flow import FlowCheck, Step
from tanzaku.workbench.flows._meter import Account
from tanzaku.workbench.flows._result import FlowResult, StepResult

type _Verdict = tuple[str, Mapping[str, object]]
"""What is wrong, and what fills it."""
type _Look = Callable[[FlowResult, Account], _Verdict | None]

FLOW_CHECKS: Final = ("flow.once", "flow.joined", "flow.within_budget")


def read_checks(
    entries: Sequence[Entry], steps: Sequence[Step]
) -> tuple[tuple[FlowCheck, ...], list[Entry]]:
    """The checks of an `expect` list, and its other lines."""
    checks: list[FlowCheck] = []
    others: list[Entry] = []
    for entry in entries:
        fields = entry.as_mapping()
        name = next((one for one in FLOW_CHECKS if one in fields), None)
        if name is None:
            others.append(entry)
            continue
        entry.as_fields((name,))
        look = _READERS[name](fields[name], steps)
        checks.append(FlowCheck(name, entry.place, partial(_check, look, name, entry)))
    return tuple(checks), others


def _check(look: _Look, name: str, entry: Entry, result: FlowResult, account: Account) -> Outcome:
    found = look(result, account)
    expected = entry.as_mapping()[name].plain
    if found is None:
        return Outcome(name, "pass", expected=expected, place=entry.place)
    template, values = found
    return Outcome(
        name, "fail", expected=expected, template=template, values=values, place=entry.place
    )


def fails(template: str, **values: object) -> _Verdict:
    """What a check found to be wrong."""
    return template, values


def _read_once(entry: Entry, steps: Sequence[Step]) -> _Look:
    way = _read_way(entry, steps)
    step = _find_step(way, steps)
    if step is None or step.foreach is None:
        raise InputFileError(
            "{place}: `{step}` is no step with a `foreach`.", place=entry.place, step=entry.plain
        )
    return lambda result, _: _look_once(_find_results(way, result.steps), ".".join(way))


def _look_once(items: Sequence[StepResult], way: str) -> _Verdict | None:
    """Every item ended well, no two are the same, and each was told what it is about."""
    seen: dict[bytes, int] = {}
    for number, one in enumerate(items):
        if one.state != "ok":
            return fails(
                "{step}[{number}] ended as {state}", step=way, number=number, state=one.state
            )
        item = one.values["item"]
        first = seen.setdefault(canonical_json(item), number)
        if first != number:
            return fails(
                "{step}[{number}] is the same subtask as {step}[{first}]",
                step=way,
                number=number,
                first=first,
            )
        requests = [request for step in one.walk() for request in step.requests]
        texts = list(_list_texts(item)) or [dumps(item)]
        if not any(_holds(requests, text) for text in texts):
            return fails(
                "{step}[{number}] was sent without its subtask {item}",
                step=way,
                number=number,
                item=dumps(item, ensure_ascii=False)[:200],
            )
    return None if items else fails("{step} had no subtasks", step=way)


def _read_joined(entry: Entry, steps: Sequence[Step]) -> _Look:
    fields = entry.as_fields(("from", "into"), ("from", "into"))
    source, target = (_read_way(fields[name], steps) for name in ("from", "into"))
    for name, way in (("from", source), ("into", target)):
        step = _find_step(way, steps)
        if step is None or step.request is None:
            raise InputFileError(
                "{place}: `{step}` is no step that sends.",
                place=fields[name].place,
                step=fields[name].plain,
            )

    def look(result: FlowResult, _: Account) -> _Verdict | None:
        parts = [one for one in _find_results(source, result.steps) if one.state == "ok"]
        joins = [one for one in _find_results(target, result.steps) if one.requests]
        if not parts:
            return fails("{step} has no results", step=".".join(source))
        if not joins:
            return fails("{step} was not sent", step=".".join(target))
        requests = [request for one in joins for request in one.requests]
        for part in parts:
            text = part.replies[-1].text.strip()
            if not text or not _holds(requests, text):
                return fails(
                    "the result of {part} is not in what {step} was sent",
                    part=part.step,
                    step=".".join(target),
                )
        return None

    return look


def _read_within_budget(entry: Entry, _: Sequence[Step]) -> _Look:
    if not entry.as_bool():
        raise InputFileError("{place}: `{key}` can only be true.", place=entry.place, key=entry.key)
    return _look_within_budget


def _look_within_budget(result: FlowResult, account: Account) -> _Verdict | None:
    budget = account.budget
    if result.stopped == "budget":
        return fails("the flow was stopped by its budget")
    if budget.usd is not None and account.usd > budget.usd:
        return fails("it cost ${actual} of ${most}", actual=account.usd, most=budget.usd)
    if budget.output_tokens is not None and account.output_tokens > budget.output_tokens:
        return fails(
            "it took {actual} output tokens of {most}",
            actual=account.output_tokens,
            most=budget.output_tokens,
        )
    return None


_READERS: Final[dict[str, Callable[[Entry, Sequence[Step]], _Look]]] = {
    "flow.once": _read_once,
    "flow.joined": _read_joined,
    "flow.within_budget": _read_within_budget,
}


def _read_way(entry: Entry, steps: Sequence[Step]) -> list[str]:
    way = entry.as_text().split(".")
    if _find_step(way, steps) is None:
        raise InputFileError(
            "{place}: there is no step `{step}`.",
            hint="Steps are {known}; one inside another is written with a dot.",
            place=entry.place,
            step=entry.plain,
            known=", ".join(step.step_id for step in steps),
        )
    return way


def _find_step(way: Sequence[str], steps: Sequence[Step]) -> Step | None:
    for step in steps:
        if step.step_id == way[0]:
            below = step.flow.steps if step.flow else step.steps
            return _find_step(way[1:], below) if len(way) > 1 else step
    return None


def _find_results(way: Sequence[str], results: Sequence[StepResult]) -> list[StepResult]:
    """Every execution of the step: the items of a `foreach`, in the order of the list."""
    found = [one for one in results if one.step_id == way[0]]
    each = [item for one in found for item in (one.children if one.is_foreach else (one,))]
    if len(way) == 1:
        return each
    return [below for one in each for below in _find_results(way[1:], one.children)]


def _holds(requests: Sequence[HttpRequest], text: str) -> bool:
    """Whether the text, or the text as JSON writes it, is in one of the requests."""
    forms = {text, dumps(text)[1:-1], dumps(text, ensure_ascii=False)[1:-1]}
    return any(
        form in sent for request in requests for sent in _list_sent(request) for form in forms
    )


def _list_sent(request: HttpRequest) -> Iterator[str]:
    yield unquote(request.target)
    try:
        yield from _list_texts(from_json(request.body))
    except ValueError:
        yield request.body.decode("utf-8", "replace")


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _list_texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _list_texts(one)
