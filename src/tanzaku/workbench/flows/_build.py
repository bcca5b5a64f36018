"""Flows that no file has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions import Assertion
from tanzaku.workbench.flows._capture import read_captures
from tanzaku.workbench.flows._flow import Flow, Step, ToolLoop
from tanzaku.workbench.project import RequestFile, Template


def build_one_step(
    request: RequestFile,
    *,
    before: Flow | None = None,
    variables: Mapping[str, Any] | None = None,
    capture: Entry | None = None,
    expect: Sequence[Assertion] = (),
    tools: ToolLoop | None = None,
    timeout_s: float | None = None,
) -> Flow:
    """A flow that sends one request: what a suite's case is. Its step's id is empty.
    The steps of `before` come first, with the same variables; their values are known as `before.STEP.NAME`.

    `variables` may have places in their texts. `timeout_s` comes before the request's own.
    InputFileError for a capture that cannot be read.
    """
    place = request.entry.place
    step = Step(
        "",
        place,
        request=request,
        capture=read_captures(capture),
        expect=tuple(expect),
        tools=tools,
        timeout_s=timeout_s,
    )
    given = Template(dict(variables), place) if variables else None
    steps: tuple[Step, ...] = (step,)
    if before is not None:
        steps = (
            Step("before", place, name=before.name, flow=before, variables=given),
            replace(step, needs=(0,), sees=("before",)),
        )
    return Flow(
        flow_id=request.id,
        name=request.name,
        root=request.root,
        steps=steps,
        variables={name: Template(value, place) for name, value in (variables or {}).items()},
    )
