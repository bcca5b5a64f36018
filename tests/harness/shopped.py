"""Suites generated from the shop's document, executed against a shop, right or broken."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.shop import DOCUMENT, KEY, Shop
from tanzaku.cli.context import CliContext
from tanzaku.cli.targets import SimulatorNeeds, open_target
from tanzaku.core import SystemClock
from tanzaku.look import Messages
from tanzaku.transport import Handler, serve
from tanzaku.workbench.cases import Plan, plan_generation
from tanzaku.workbench.openapi import import_document
from tanzaku.workbench.project import Project, load_project
from tanzaku.workbench.runner import CaseEnded, Event, Execution, Preparer, Settings, Wishes
from tanzaku.workbench.suites import Choice, load_suite

ENVIRON = {"SHOP_KEY": KEY}
ENVIRONMENT = """\
tanzaku: environment/v1
upstream: url
base_url: {url}
auth: {{type: api_key, in: header, name: x-api-key, value: "{{{{secret.SHOP_KEY}}}}"}}
secrets: {{SHOP_KEY: {{env: SHOP_KEY}}}}
"""
BEARER = ENVIRONMENT.replace(
    'type: api_key, in: header, name: x-api-key, value: "', 'type: bearer, token: "'
)
CONTEXT = CliContext(Messages("en"), {})


@dataclass
class Found:
    """`bad` are the cases that failed or broke, with what they say; `passed` how many did not."""

    passed: int = 0
    bad: dict[str, str] = field(default_factory=dict)


def import_shop(root: Path, document: Path = DOCUMENT, environment: str = ENVIRONMENT) -> Project:
    """A project of the document's requests."""
    import_document(document, root, lambda method, path: "")
    write_environment(root, "http://127.0.0.1:1", environment)
    return load_project(root, ENVIRON)


def write_environment(root: Path, url: str, environment: str = ENVIRONMENT) -> None:
    (path,) = (root / "environments").glob("*.yaml")
    path.write_text(environment.format(url=url), encoding="utf-8")


def generate_shop(root: Path, document: Path = DOCUMENT, environment: str = ENVIRONMENT) -> Plan:
    """A project with every suite."""
    plan = plan_generation(import_shop(root, document, environment), Messages("en"))
    plan.write()
    return plan


def check_shop(
    root: Path, broken: Sequence[str] = (), suite: str = "*", bail: int | None = None
) -> Found:
    """The project's suites, those of a name, against a shop of their own."""
    return asyncio.run(check_service(root, Shop(frozenset(broken)), suite, bail))


async def check_service(
    root: Path,
    shop: Handler,
    suite: str = "*",
    bail: int | None = None,
    environment: str = ENVIRONMENT,
) -> Found:
    """The project's suites against a service that listens."""
    async with serve(shop, max_body_bytes=1 << 20, drain_s=0.2) as running:
        write_environment(root, running.url, environment)
        project = load_project(root, ENVIRON)
        preparer = Preparer(project, Wishes(seed=1))
        chosen = [
            preparer.prepare(load_suite(path, root), Choice())
            for path in sorted((root / "suites").rglob(f"{suite}.suite.yaml"))
        ]
        events: list[Event] = []
        execution = Execution(
            chosen,
            lambda environment, needs: open_target(
                CONTEXT, environment, live=False, needs=SimulatorNeeds()
            ),
            SystemClock(),
            Settings(execution="shop", bail=bail),
            [events.append],
        )
        await execution.run()
    found = Found()
    for one in events:
        if isinstance(one, CaseEnded) and one.verdict in {"failed", "error"}:
            said = [out.message for out in one.outcomes if out.verdict != "pass"]
            found.bad[one.case] = "; ".join([one.reason, *said])
        elif isinstance(one, CaseEnded):
            found.passed += one.verdict == "passed"
    return found
