"""One request under inspection: what the rules read, and where they write."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tanzaku.wire._rules import ModelRules
from tanzaku.wire._violation import Violation

type Endpoint = Literal["messages", "count_tokens", "batches"]

DOCS_URL = "https://docs.claude.com/en/docs/build-with-claude"


@dataclass(slots=True)
class Inspection:
    """`marks` are the cache breakpoints passed so far, as (path of the block, mark), in the order
    the API processes them: tools, system, messages.
    """

    request: Mapping[str, Any]
    model: ModelRules
    endpoint: Endpoint
    betas: Collection[str]
    is_strict_version: bool
    found: list[Violation] = field(default_factory=list)
    marks: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def refuse(self, path: str, message: str, *, is_guess: bool = False) -> None:
        self.found.append(Violation(path, message, is_guess=is_guess))

    @property
    def effort(self) -> str | None:
        config = self.request.get("output_config")
        return None if config is None else config.get("effort")

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        config = self.request.get("output_config")
        form = None if config is None else config.get("format")
        return None if form is None else form["schema"]

    @property
    def thinking_mode(self) -> str | None:
        """The mode the request asks for; None where it leaves that to the model."""
        thinking = self.request.get("thinking")
        return None if thinking is None else thinking["type"]

    @property
    def forces_tool(self) -> bool:
        choice = self.request.get("tool_choice")
        return choice is not None and choice["type"] in ("any", "tool")
