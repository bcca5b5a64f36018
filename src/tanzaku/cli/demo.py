"""`tanzaku demo`: the main job, offline, driven by the unmodified official SDK."""

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tanzaku.cli.context import CliContext, ledger_option
from tanzaku.cli.log import print_exchanges
from tanzaku.look import Messages, Terminal, format_usd

if TYPE_CHECKING:
    import anthropic

    from tanzaku.exchange import Exchange

HAIKU = "claude-haiku-4-5"
SONNET = "claude-sonnet-5-5"
NEIGHBOURS = (HAIKU, "claude-haiku-5-5", "claude-sonnet-4-5", SONNET, "claude-opus-5-5")


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    return click.Command(
        "demo",
        callback=click.pass_obj(run_demo),
        params=[ledger_option(messages, help_key="cli.demo.ledger.help")],
        help=messages.say("cli.demo.help"),
    )


def run_demo(context: CliContext, *, ledger: Path | None) -> None:
    """Start a server on a free port, run five scenes against it, show the bill."""
    import anthropic

    from tanzaku.server import Server

    with Server(ledger=ledger) as server:
        context.terminal.line(
            context.say("demo.start", url=server.url, sdk=anthropic.__version__), "strong"
        )
        # Past any proxy that the environment names: it cannot reach this machine's own server.
        direct = anthropic.DefaultHttpxClient(mounts={server.url: None})
        with anthropic.Anthropic(
            base_url=server.url, api_key="offline-demo", http_client=direct
        ) as client:
            scenes = Scenes(context, client)
            scenes.greet()
            scenes.stream()
            scenes.use_tool()
            asyncio.run(scenes.plan(server.url))
            scenes.be_refused()
        exchanges = server.exchanges
    exchanges.reverse()
    print_exchanges(context, exchanges)
    _print_bill(context, exchanges)


class Scenes:
    """What the demo plays; each scene is what an application would do with the SDK."""

    def __init__(self, context: CliContext, client: "anthropic.Anthropic") -> None:
        self._say = context.say
        self._terminal: Terminal = context.terminal
        self._client = client

    def _title(self, key: str) -> None:
        self._terminal.line()
        self._terminal.line(self._say(key), "strong")

    def greet(self) -> None:
        """One question, one answer."""
        self._title("demo.hello")
        prompt = self._say("demo.hello.prompt")
        message = self._client.messages.create(
            model=HAIKU, max_tokens=1000, messages=[{"role": "user", "content": prompt}]
        )
        self._terminal.line(f"› {prompt}", "faint")
        self._terminal.line(_text_of(message.content))

    def stream(self) -> None:
        """An answer that arrives in pieces."""
        self._title("demo.stream")
        prompt = self._say("demo.stream.prompt")
        self._terminal.line(f"› {prompt}", "faint")
        with self._client.messages.stream(
            model=HAIKU, max_tokens=500, messages=[{"role": "user", "content": prompt}]
        ) as stream:
            for piece in stream.text_stream:
                self._terminal.piece(piece)
        self._terminal.line()

    def use_tool(self) -> None:
        """The calculator round trip: call, result, answer."""
        self._title("demo.tool")
        prompt = self._say("demo.tool.prompt")
        messages: list[Any] = [{"role": "user", "content": prompt}]
        request: dict[str, Any] = {"model": HAIKU, "max_tokens": 1000, "tools": [_CALCULATOR]}
        self._terminal.line(f"› {prompt}", "faint")
        message = self._client.messages.create(messages=messages, **request)
        results = []
        for block in message.content:
            if block.type == "tool_use":
                answer = _multiply(str(block.input["expression"]))
                self._terminal.line(f"{block.name}({block.input['expression']}) = {answer}", "good")
                results.append(
                    {"type": "tool_result", "tool_use_id": block.id, "content": str(answer)}
                )
        messages += [
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": results},
        ]
        final = self._client.messages.create(messages=messages, **request)
        self._terminal.line(_text_of(final.content))

    async def plan(self, url: str) -> None:
        """Sonnet splits a task, four Haiku workers run at once, Sonnet sums up."""
        import anthropic

        self._title("demo.plan")
        direct = anthropic.DefaultAsyncHttpxClient(mounts={url: None})
        async with anthropic.AsyncAnthropic(
            base_url=url, api_key="offline-demo", http_client=direct
        ) as client:

            async def ask(model: str, prompt: str, **more: Any) -> str:
                message = await client.messages.create(
                    model=model,
                    max_tokens=600,
                    messages=[{"role": "user", "content": prompt}],
                    **more,
                )
                return _text_of(message.content)

            task = self._say("demo.plan.prompt")
            self._terminal.line(f"› {task}", "faint")
            parts = self._say("demo.plan.parts").split("|")
            plan = await ask(SONNET, task, output_config={"format": _build_plan_format(parts)})
            subtasks = [
                self._say("demo.plan.part", part=part, goal=goal)
                for part, goal in json.loads(plan).items()
            ]
            results = await asyncio.gather(*(ask(HAIKU, subtask) for subtask in subtasks))
            for subtask, result in zip(subtasks, results, strict=True):
                self._terminal.line(f"  haiku ‹{subtask}› {_first_line(result)}", "faint")
            question = self._say("demo.plan.aggregate")
            self._terminal.line(await ask(SONNET, "\n\n".join([question, *results])))

    def be_refused(self) -> None:
        """A request the API refuses, with its own words."""
        import anthropic

        self._title("demo.refused")
        try:
            self._client.messages.create(
                model=HAIKU,
                max_tokens=100_000,
                messages=[{"role": "user", "content": "…"}],
                timeout=60,
            )
        except anthropic.BadRequestError as error:
            self._terminal.line(f"{error.status_code} {error.type}: {_message_of(error)}", "bad")


_CALCULATOR = {
    "name": "calculator",
    "description": "Evaluates an arithmetic expression. 执行算术运算",
    "input_schema": {
        "type": "object",
        "properties": {"expression": {"type": "string"}},
        "required": ["expression"],
    },
}


def _build_plan_format(parts: list[str]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {part: {"type": "string"} for part in parts},
            "required": parts,
            "additionalProperties": False,
        },
    }


def _print_bill(context: CliContext, exchanges: "list[Exchange]") -> None:
    from tanzaku.catalog import price

    settled = [e.settlement for e in exchanges if e.settlement and e.settlement.usage]
    total = sum((s.cost.total_usd for s in settled if s.cost), Decimal(0))
    context.terminal.line(context.say("demo.total", total=format_usd(total)), "strong")
    for model in NEIGHBOURS:
        same = sum((price(model, s.usage).total_usd for s in settled if s.usage), Decimal(0))
        context.terminal.line(
            context.say("demo.same_on", model=model, total=format_usd(same)), "faint"
        )
    context.terminal.line(context.say("demo.next"), "good")


def _text_of(content: Iterable[Any]) -> str:
    return "".join(block.text for block in content if block.type == "text")


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 60 else line[:59] + "…"


def _message_of(error: "anthropic.APIStatusError") -> str:
    body: Any = error.body
    return str(body["error"]["message"])


def _multiply(expression: str) -> int:
    left, _, right = expression.partition("*")
    return int(left) * int(right)
