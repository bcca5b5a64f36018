"""Scripted answers: said once or several times, before the improviser gets a word in."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type When = Callable[[Mapping[str, Any]], bool]
"""Decides by the parsed request body whether an answer is for it."""


@dataclass(slots=True)
class ScriptedAnswer:
    """One `say`: content blocks, and the fields of a whole message that were given with them."""

    rule: str
    content: list[dict[str, Any]]
    fields: dict[str, Any]
    times: int
    when: When | None


class Script:
    """A queue of answers. Other threads may add to it while the simulator takes from it."""

    def __init__(self) -> None:
        self._answers: deque[ScriptedAnswer] = deque()
        self._said = 0

    def say(
        self,
        answer: str | Sequence[Mapping[str, Any]] | Mapping[str, Any],
        *,
        times: int = 1,
        when: When | None = None,
    ) -> None:
        """Queue `answer` for the next `times` (>= 1) requests that `when` accepts (all, without).

        `answer` is a text, a list of content blocks, or a message (a mapping with `content`, and
        whatever of `stop_reason`, `stop_sequence`, `usage`, ... should differ). It is sent as
        given: neither `max_tokens` nor stop sequences cut it.
        """
        if times < 1:
            raise ValueError("times is at least 1")
        fields: dict[str, Any] = {}
        blocks: Sequence[Mapping[str, Any]]
        content: Any = answer
        if isinstance(answer, Mapping):
            fields = {key: value for key, value in answer.items() if key != "content"}
            content = answer["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        rule = f"say[{self._said}]"
        self._said += 1
        content = [dict(block) for block in blocks]
        self._answers.append(ScriptedAnswer(rule, content, fields, times, when))

    def take(self, request: Mapping[str, Any]) -> ScriptedAnswer | None:
        """The first queued answer that is for `request`, used up once; None when there is none."""
        for answer in tuple(self._answers):
            if answer.when is None or answer.when(request):
                answer.times -= 1
                if answer.times == 0:
                    self._answers.remove(answer)
                return answer
        return None

    def __bool__(self) -> bool:
        return bool(self._answers)
