"""Names of cases, in words."""

from tanzaku.look import Messages
from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._files import FlowFile


def name_case(case: MadeCase, messages: Messages) -> str:
    """What it sends or does, in the language of the run."""
    text = messages.say(f"generate.rule.{case.rule}", at=case.at or "/", **case.values)
    return f"{text} ({case.branch})" if case.branch else text


def name_flow(flow: FlowFile, messages: Messages) -> str:
    """What it does, in the language of the run."""
    return messages.say(f"generate.rule.{flow.rule}", **flow.values)
