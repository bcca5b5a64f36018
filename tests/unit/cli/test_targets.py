"""Who answers what the workbench sends: opened by the environment's word, and never by accident live."""

import asyncio
from pathlib import Path

import pytest

from harness.projects import MOCK, load_all, write_project
from tanzaku.cli.context import CliContext
from tanzaku.cli.targets import SimulatorNeeds, open_target
from tanzaku.core import UserError
from tanzaku.look import Messages
from tanzaku.server import Server
from tanzaku.workbench.project import build_request

CONTEXT = CliContext(Messages("en"), {})
URL = "tanzaku: environment/v1\nupstream: url\n"
SCENARIO = "rules:\n  - id: fixed\n    reply: 今天晴\n"
TOOLS = (
    "tools:\n  get_weather:\n    input_schema: {type: object}\n"
    "    sets: {success: {result: {temp_c: 21}}}\n"
)


def test_a_simulator_answers_as_the_environment_says(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "environments/mock.yaml": MOCK + "simulator: {scenario: scenarios/a.yaml}\n",
        "scenarios/a.yaml": SCENARIO,
        "scenarios/b.yaml": SCENARIO.replace("晴", "雨"),
        "mocks/w.yaml": TOOLS,
    }
    _, environment, file = load_all(write_project(tmp_path, files))
    request = build_request(file, environment, environment.scope)

    async def ask(needs: SimulatorNeeds) -> tuple[str, str | None, str, bool]:
        async with open_target(CONTEXT, environment, live=False, needs=needs) as target:
            reply = await target.sender.send(request)
            return reply.text, target.tools_url, target.base_url, target.is_live

    text, tools_url, base_url, is_live = asyncio.run(ask(SimulatorNeeds()))
    assert (text, tools_url, is_live) == ("今天晴", None, False)
    assert base_url.startswith("http://127.0.0.1:")
    needs = SimulatorNeeds(tmp_path / "scenarios/b.yaml", (tmp_path / "mocks/w.yaml",))
    text, tools_url, base_url, _ = asyncio.run(ask(needs))
    assert (text, tools_url) == ("今天雨", base_url + "/_tanzaku/mocks")


def test_a_server_that_runs_already_is_asked_at_its_address(tmp_path: Path) -> None:
    with Server() as server:
        text = URL + f"base_url: {server.url}\n" + MOCK.partition("simulator\n")[2]
        write_project(tmp_path, {"environments/mock.yaml": text})
        _, environment, file = load_all(tmp_path)

        async def ask() -> int | None:
            async with open_target(CONTEXT, environment, live=False) as target:
                request = build_request(file, environment, environment.scope)
                return (await target.sender.send(request)).status

        assert asyncio.run(ask()) == 200
        assert [seen.path for seen in server.requests] == ["/v1/messages"]


@pytest.mark.parametrize(
    "text",
    [
        "tanzaku: environment/v1\nupstream: live\n",
        "tanzaku: environment/v1\nupstream: live\nbase_url: https://relay.example/claude\n",
        URL + "base_url: https://api.anthropic.com\n",
        URL + "base_url: https://API.Anthropic.com:443/\n",
        URL + "base_url: https://eu.anthropic.com\n",
        URL + "base_url: https://api.anthropic.com./\n",
    ],
)
def test_nothing_live_is_opened_without_the_word(tmp_path: Path, text: str) -> None:
    _, environment, _ = load_all(write_project(tmp_path, {"environments/mock.yaml": text}))

    async def look(*, live: bool) -> tuple[str, bool]:
        async with open_target(CONTEXT, environment, live=live) as target:
            return target.base_url, target.is_live

    with pytest.raises(UserError, match="costs money") as caught:
        asyncio.run(look(live=False))
    assert "--live" in caught.value.hint
    base_url, is_live = asyncio.run(look(live=True))
    assert is_live
    assert base_url == (environment.base_url or "https://api.anthropic.com")


def test_what_looks_like_the_live_api_only_in_part_is_not_live(tmp_path: Path) -> None:
    text = URL + "base_url: http://notanthropic.com\n"
    _, environment, _ = load_all(write_project(tmp_path, {"environments/mock.yaml": text}))

    async def look() -> bool:
        async with open_target(CONTEXT, environment, live=False) as target:
            return target.is_live

    assert asyncio.run(look()) is False
