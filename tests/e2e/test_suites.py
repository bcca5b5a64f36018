"""`tanzaku test` as a person runs it: on the simulator, on a service of orders, interrupted."""

import json
import re
import shlex
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.command_line import CommandLine
from harness.orders import ENVIRONMENT, REQUEST, Orders
from harness.projects import write_project
from tanzaku.transport import ThreadedServer, serve

SUITE = """\
tanzaku: suite/v1
name: 天气
defaults: {use: requests/ask.yaml, expect: [{status: 200}]}
cases:
  - {id: greets, tags: [fast], expect: [{stop_reason: end_turn}]}
  - {id: 'wrong', expect: [{contains: "no model says this"}]}
  - id: streams
    with: {body: {stream: true}}
    expect: [{stream.order_valid: true}]
"""


@asynccontextmanager
async def serve_orders() -> AsyncIterator[tuple[str, Orders]]:
    orders = Orders()
    async with serve(orders, max_body_bytes=1 << 20, drain_s=0.2) as running:
        yield running.url, orders


@dataclass
class Site:
    """A project whose requests go to the service."""

    root: Path
    orders: Orders
    server: ThreadedServer[tuple[str, Orders]]

    def wait_for(self, count: int) -> None:
        """Return once so many requests have come."""
        self.server.call(self.orders.wait_for(count))

    def release(self) -> None:
        """Answer what is held, and from now on at once."""

        async def release() -> None:
            self.orders.release.set()

        self.server.call(release())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    server = ThreadedServer(serve_orders)
    with server as (url, orders):
        files = {
            "environments/mock.yaml": ENVIRONMENT.format(url=url),
            "requests/get.yaml": REQUEST,
        }
        yield Site(write_project(tmp_path / "orders", files), orders, server)


def write_suite(root: Path, *cases: dict[str, Any]) -> str:
    suite = {
        "tanzaku": "suite/v1",
        "defaults": {"use": "requests/get.yaml", "expect": [{"status": 200}]},
        "cases": cases,
    }
    path = root / "suites" / "orders.suite.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(suite), encoding="utf-8")
    return str(path)


def read_log(root: Path) -> list[dict[str, Any]]:
    (log,) = root.glob(".tanzaku/executions/*/events.jsonl")
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_a_failed_case_says_how_to_see_it_again(tanzaku: CommandLine, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"suites/weather.suite.yaml": SUITE})
    shown = tanzaku.run("test", str(root / "suites"), exit_code=1)
    assert "weather#wrong" in shown
    (command,) = set(re.findall(r"tanzaku test .*--case .*", shown))
    name, *words = shlex.split(command)
    assert (name, words[0]) == ("tanzaku", "test")
    words[1] = str(Path.cwd() / words[1])
    again = tanzaku.run(*words, exit_code=1)
    assert "weather#wrong" in again
    assert "weather#greets" not in again
    tanzaku.run("test", str(root), "--tag", "fast")


def test_what_cannot_be_read_or_chosen_has_exit_codes(tanzaku: CommandLine, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"suites/weather.suite.yaml": SUITE})
    suite = root / "suites/weather.suite.yaml"
    assert "没有选中" in tanzaku.run("--lang", "zh", "test", str(suite), "--tag", "x", exit_code=5)
    tanzaku.run("test", str(suite), "--budget", "0", exit_code=4)
    suite.write_text(SUITE.replace("stop_reason: end_turn", "stop_raeson: x"), encoding="utf-8")
    shown = tanzaku.run("test", str(suite), exit_code=2)
    assert f"{suite}:5:42" in shown
    assert "stop_reason" in shown


def test_live_needs_the_word(tanzaku: CommandLine, tmp_path: Path) -> None:
    live = "tanzaku: environment/v1\nupstream: live\n"
    files = {"suites/weather.suite.yaml": SUITE, "environments/live.yaml": live}
    root = write_project(tmp_path / "p", files)
    assert "--live" in tanzaku.run("test", str(root), "-e", "live", exit_code=2)
    assert not (root / ".tanzaku").exists()


def test_any_service_is_tested(tanzaku: CommandLine, site: Site) -> None:
    (site.root / "data").mkdir()
    (site.root / "data/orders.csv").write_text("id,customer\n1,张伟\n2,Ana Lima\n", "utf-8")
    suite = site.root / "suites" / "orders.suite.yaml"
    suite.parent.mkdir()
    suite.write_text(
        "tanzaku: suite/v1\n"
        "data: data/orders.csv\n"
        "defaults: {use: requests/get.yaml, expect: [{content_type: application/json}]}\n"
        "cases:\n"
        "  - id: has-its-customer\n"
        "    expect: [{status: 200}, {jsonpath: $.customer, equals: '{{customer}}'}]\n"
        "  - {id: absent, vars: {place: nowhere}, expect: [{status: 404}]}\n",
        encoding="utf-8",
    )
    tanzaku.run("test", str(suite))
    assert site.orders.seen == {"/orders/1": 1, "/orders/2": 1, "/nowhere/1": 1, "/nowhere/2": 1}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_execution_is_resumed(
    tanzaku: CommandLine, site: Site, how: signal.Signals
) -> None:
    """What had ended is not sent again, and the report in the end is that of one execution."""
    cases = [{"id": f"before{n}", "vars": {"id": "1"}} for n in range(3)]
    held = {"id": "held", "vars": {"place": "hold"}}
    after = {"id": "after", "vars": {"id": "2"}}
    process = tanzaku.start("test", write_suite(site.root, *cases, held, after))
    site.wait_for(4)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    assert site.orders.seen == {"/orders/1": 3, "/hold/1": 1}
    log = read_log(site.root)
    assert (log[-1]["event"] == "execution_ended") is (how is signal.SIGINT)

    site.release()
    tanzaku.run("test", str(site.root), "--resume", "--tag", "x", exit_code=2)
    shown = tanzaku.run("test", "--resume", str(site.root))
    assert site.orders.seen == {"/orders/1": 3, "/hold/1": 2, "/orders/2": 1}
    for case in ("before0", "before1", "before2", "held", "after"):
        assert f"orders#{case}" in shown
    last = read_log(site.root)[-1]
    assert (last["event"], last["exit_code"]) == ("execution_ended", 0)
    assert last["counts"]["passed"] == 5
