"""`tanzaku generate`: cases from an imported OpenAPI document, without a language model."""

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.look import Messages, format_count

if TYPE_CHECKING:
    from tanzaku.workbench.cases import ChangeKind, OperationCoverage, Plan

_SHOWN = 20
_TONES: "dict[ChangeKind, Any]" = {
    "added": "good",
    "changed": "good",
    "removed": "warn",
    "edited": "plain",
}


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""

    def option(*names: str, **more: Any) -> click.Option:
        key = names[0].removeprefix("--").replace("-", "_")
        return click.Option(list(names), help=messages.say(f"cli.generate.{key}.help"), **more)

    return click.Command(
        "generate",
        callback=click.pass_obj(generate_cases),
        params=[
            click.Argument(["document"], required=False),
            option("--operation", "operations", multiple=True, metavar="ID"),
            option("--max-cases", type=click.IntRange(1, 20_000)),
            option("--seed", type=click.IntRange(0)),
            option("--min-coverage", type=click.FloatRange(0, 100), metavar="PERCENT"),
            option("--check", is_flag=True),
            json_option(messages),
        ],
        help=messages.say("cli.generate.help"),
    )


def generate_cases(
    context: CliContext,
    *,
    document: str | None,
    operations: tuple[str, ...],
    max_cases: int | None,
    seed: int | None,
    min_coverage: float | None,
    check: bool,
    as_json: bool,
) -> None:
    """Write suites and flows and tell what changed and what they cover. Exits 1 when `check` finds
    that something would change, or less than `min_coverage` percent is covered."""
    from pathlib import Path

    from tanzaku.workbench.cases import MAX_CASES, plan_generation
    from tanzaku.workbench.project import load_project

    plan = plan_generation(
        load_project(Path()),
        context.messages,
        document=document,
        operations=operations,
        most=max_cases or MAX_CASES,
        seed=seed,
    )
    if not check:
        plan.write()
    if as_json:
        echo_json(_describe(plan, is_written=not check))
    else:
        _print_plan(context, plan, is_check=check)
    percent = plan.generated.coverage.percent
    is_short = min_coverage is not None and percent < min_coverage
    if is_short and not as_json:
        context.terminal.line(
            context.say("generate.short", percent=f"{percent:.1f}", wanted=f"{min_coverage:g}"),
            "bad",
        )
    if is_short or (check and plan.is_drift):
        sys.exit(1)


def _describe(plan: "Plan", *, is_written: bool) -> dict[str, Any]:
    coverage = plan.generated.coverage
    return {
        "document": plan.document,
        "changes": [
            {"kind": change.kind, "file": change.file, "case": change.case}
            for one in plan.files
            for change in one.changes
        ],
        "unchanged": sum(one.unchanged for one in plan.files),
        "left_out": dict(plan.generated.left_out),
        "coverage_percent": round(coverage.percent, 2),
        "operations": [
            {
                "operation": one.operation,
                "cases": one.cases,
                "cells": one.cells,
                "reached": one.reached,
                "statuses": one.statuses,
                "content_types": one.content_types,
                "has_answer_schema": one.has_answer_schema,
                "missed": list(one.missed),
                "left_out": list(one.left_out),
                "has_odd_errors": one.has_odd_errors,
            }
            for one in coverage.operations
        ],
        "written": is_written,
    }


def _print_plan(context: CliContext, plan: "Plan", *, is_check: bool) -> None:
    say, line = context.say, context.terminal.line
    changes = [change for one in plan.files for change in one.changes]
    counts = Counter(change.kind for change in changes)
    unchanged = sum(one.unchanged for one in plan.files)
    parts = [
        say(f"generate.{kind}", count=format_count(counts[kind])) for kind in _TONES if counts[kind]
    ]
    if unchanged:
        parts.append(say("generate.unchanged", count=format_count(unchanged)))
    line(say("generate.title", document=plan.document, what=" · ".join(parts)), "strong")
    is_first = not unchanged and set(counts) <= {"added"}
    for change in () if is_first else changes[:_SHOWN]:
        text = say(f"generate.change.{change.kind}", file=change.file, case=change.case)
        line(text.rstrip(" #"), _TONES[change.kind])
    if not is_first and len(changes) > _SHOWN:
        line(say("generate.more", count=format_count(len(changes) - _SHOWN)))
    for operation in plan.generated.coverage.operations:
        _print_operation(context, operation)
    without = [reason for reason in plan.generated.left_out.values() if not reason]
    if without:
        line(say("generate.without_request", count=format_count(len(without))), "warn")
    skipped = len(plan.generated.left_out) - len(without)
    if skipped:
        line(say("generate.skipped", count=format_count(skipped)))
    line(say("generate.coverage", percent=f"{plan.generated.coverage.percent:.1f}"), "strong")
    if is_check:
        line(say("generate.drift" if plan.is_drift else "generate.no_drift"))


def _print_operation(context: CliContext, one: "OperationCoverage") -> None:
    percent = 100.0 if one.cells == 0 else 100 * one.reached / one.cells
    context.terminal.line(
        context.say(
            "generate.operation",
            operation=one.operation,
            cases=format_count(one.cases),
            percent=f"{percent:.0f}",
            statuses=" ".join(
                status if is_met else f"({status})" for status, is_met in one.statuses.items()
            ),
        )
    )
    if not one.has_answer_schema:
        context.terminal.line(context.say("generate.no_schema", operation=one.operation), "warn")
    if one.left_out:
        names = ", ".join(one.left_out)
        context.terminal.line(
            context.say("generate.left_out", operation=one.operation, fields=names)
        )
    if one.has_odd_errors:
        context.terminal.line(context.say("generate.odd_errors", operation=one.operation))
