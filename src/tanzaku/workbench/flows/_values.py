"""What `{{step.…}}` finds of a step that has ended."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, override

from tanzaku.workbench.flows._result import StepResult
from tanzaku.workbench.sending import Reply

_OF_REPLY: Final[dict[str, Callable[[Reply], Any]]] = {
    "status": lambda reply: reply.status,
    "text": lambda reply: reply.text,
    "stop_reason": lambda reply: (reply.message or {}).get("stop_reason"),
    "cost_usd": lambda reply: None if reply.cost_usd is None else float(reply.cost_usd),
}


class ReplyValues(Mapping[str, Any]):
    """A request's: its captures, and before them what every reply has, read when it is asked for."""

    def __init__(self, reply: Reply | None, own: Mapping[str, Any]) -> None:
        self._reply = reply
        self._own = own

    @override
    def __getitem__(self, name: str) -> Any:
        if name in self._own or self._reply is None:
            return self._own[name]
        return _OF_REPLY[name](self._reply)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter({**self._own, **(_OF_REPLY if self._reply else {})})

    @override
    def __len__(self) -> int:
        return len(list(iter(self)))


def collect_values(state: str, children: tuple[StepResult, ...]) -> dict[str, Any]:
    """Of a group or a sub-flow: its steps by their ids."""
    return {"state": state} | {one.step_id: one.values for one in children}


def collect_items(state: str, items: tuple[StepResult, ...]) -> dict[str, Any]:
    """Of a `foreach`: what its items that ended well came to, in their order, and the counts."""
    return {
        "state": state,
        "results": [one.values for one in items if one.state == "ok"],
        "count": len(items),
        "ok_count": sum(one.state == "ok" for one in items),
        "failed_count": sum(one.state in {"failed", "error"} for one in items),
    }
