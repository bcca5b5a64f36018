"""A driver of flows without any HTTP: time is virtual, answers are told, the order is by choice."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from harness.projects import write_project as write_files
from tanzaku.core import SseDecoder
from tanzaku.exchange import Cost, Exchange, Settlement, Timings
from tanzaku.wire import encode_event
from tanzaku.workbench.flows import (
    Action,
    CallTool,
    FlowMachine,
    FlowResult,
    Send,
    ToolResult,
    Wait,
)
from tanzaku.workbench.project import Environment, RequestFile, load_environment, load_project
from tanzaku.workbench.project import load_request as load_request_file
from tanzaku.workbench.sending import Reply, TimedFrame, Trouble

FILES: Mapping[str, str] = {
    "tanzaku.yaml": "tanzaku: project/v1\nname: test\nenvironment: mock\n",
    "environments/mock.yaml": "tanzaku: environment/v1\nupstream: simulator\n",
    "requests/ask.yaml": (
        "tanzaku: request/v1\n"
        "method: POST\n"
        "path: /v1/messages\n"
        "headers: {x-api-key: any, anthropic-version: '2023-06-01'}\n"
        "body:\n"
        "  model: claude-haiku-4-5\n"
        "  max_tokens: 100\n"
        "  messages:\n"
        "    - {role: user, content: '{{text | default(\"hello\")}}'}\n"
    ),
    "requests/get.yaml": (
        "tanzaku: request/v1\nmethod: GET\npath: /orders/{id}\n"
        "path_params: {id: '{{id | default(\"1\")}}'}\n"
    ),
}


def write_project(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """The files above and `files`, and a folder for flows."""
    (root / "flows").mkdir(parents=True, exist_ok=True)
    return write_files(root, {**FILES, **(files or {})})


def load_parts(root: Path) -> tuple[RequestFile, Environment]:
    """The request `ask` and the environment `mock`."""
    return load_request_file("requests/ask.yaml", root), load_environment(load_project(root))


def build_message(content: Any, *, stop_reason: str = "end_turn", tokens: int = 5) -> Any:
    """A message of the API; a text becomes its one block."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": tokens},
    }


def build_reply(
    send: Send,
    body: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    usd: str | None = "0.001",
) -> Reply:
    """The answer to `send` with this JSON; what has usage costs `usd`."""
    usage = body.get("usage") if isinstance(body, dict) else None
    settlement = Settlement(
        settled_at=0.0,
        status=status,
        route="test",
        response_headers=[("content-type", "application/json"), *(headers or {}).items()],
        response_body=json.dumps(body, ensure_ascii=False).encode(),
        timings=Timings(1.0, 2.0),
        attempts=[],
        usage=usage,
        cost=Cost(Decimal(usd), {}) if usage and usd else None,
    )
    return Reply(_build_exchange(send, settlement))


def build_stream(send: Send, events: Sequence[Mapping[str, Any]]) -> Reply:
    """An answer in these events of the API."""
    body = b"".join(encode_event(event) for event in events)
    settlement = Settlement(
        settled_at=0.0,
        status=200,
        route="test",
        response_headers=[("content-type", "text/event-stream")],
        response_body=body,
        timings=Timings(1.0, 2.0),
        attempts=[],
    )
    frames = tuple(TimedFrame(1.0, frame) for frame in SseDecoder().feed(body))
    return Reply(_build_exchange(send, settlement), frames)


def build_silence(send: Send, trouble: Trouble = "timeout") -> Reply:
    """No answer at all."""
    return Reply(_build_exchange(send, None), (), "nothing came", trouble)


def _build_exchange(send: Send, settlement: Settlement | None) -> Exchange:
    return Exchange(
        exchange_id=f"x{send.number}",
        started_at=0.0,
        method=send.request.method,
        path=send.request.path,
        request_headers=[],
        request_body=send.request.body,
        settlement=settlement,
    )


def read_question(send: Send) -> str:
    """The text of the last message that is asked."""
    content = json.loads(send.request.body)["messages"][-1]["content"]
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


class Driver:
    """Carries out a machine's actions. With `chance` any action under way may be the next to end;
    without, the one that was asked for first. `begun` and `ended` are all actions in order, `history`
    both together as (number, begin or end, way); `most` is how many requests were under way at one
    time."""

    def __init__(
        self,
        answer: Callable[[Send], Any],
        *,
        call: Callable[[CallTool], ToolResult] | None = None,
        chance: Random | None = None,
    ) -> None:
        self._answer = answer
        self._call = call
        self._chance = chance
        self.now = 0.0
        self.begun: list[Action] = []
        self.ended: list[Action] = []
        self.history: list[tuple[int, str, str]] = []
        self.most = 0

    @property
    def sends(self) -> list[Send]:
        return [one for one in self.begun if isinstance(one, Send)]

    @property
    def waits(self) -> list[Wait]:
        return [one for one in self.begun if isinstance(one, Wait)]

    @property
    def calls(self) -> list[CallTool]:
        return [one for one in self.begun if isinstance(one, CallTool)]

    def drive(self, machine: FlowMachine) -> FlowResult:
        """Until the flow has ended."""
        under_way = list(machine.start(self.now))
        self._note("begin", under_way)
        while under_way:
            self.most = max(self.most, sum(isinstance(one, Send) for one in under_way))
            at = self._chance.randrange(len(under_way)) if self._chance else 0
            action = under_way.pop(at)
            self._note("end", [action])
            new = machine.take(action.number, self._carry_out(action), self.now)
            self._note("begin", new)
            under_way += new
        assert machine.result is not None
        return machine.result

    def _note(self, kind: str, actions: Sequence[Action]) -> None:
        (self.begun if kind == "begin" else self.ended).extend(actions)
        for action in actions:
            self.history.append((len(self.history), kind, action.step))

    def _carry_out(self, action: Action) -> Reply | ToolResult | None:
        self.now += action.seconds if isinstance(action, Wait) else 1.0
        if isinstance(action, Wait):
            return None
        if isinstance(action, CallTool):
            assert self._call is not None
            return self._call(action)
        answer = self._answer(action)
        return answer if isinstance(answer, Reply) else build_reply(action, answer)
