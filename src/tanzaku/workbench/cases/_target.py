"""One operation, with the request's file that its cases change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tanzaku.workbench.cases._files_of_claude import (
    FILE_CONTENT,
    NOT_DOWNLOADABLE,
    names_file,
)
from tanzaku.workbench.cases._oracles import DOCUMENTED, Oracles
from tanzaku.workbench.cases._patches import read_value
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.cases._values import Builder
from tanzaku.workbench.openapi import Content, Document, Operation

CONFLICT: Final = 409

type Knows = Callable[[Any], Any]
"""What rules beyond the schema say of a body: None when they accept it or say nothing."""


@dataclass(frozen=True, slots=True)
class RequestSource:
    """The request's file of an operation: its way below the project, and what it says."""

    use: str
    fields: Mapping[str, Any]


@dataclass
class Target:
    """`use` is the request's file below the project and `fields` what it says. `before` names the
    flow that makes what the path speaks of, with the `path_params` that come of it; of its variables
    each case has its own, like `own_values`. `judge_body`
    is the API's own validation, where it is known."""

    document: Document
    operation: Operation
    use: str
    fields: Mapping[str, Any]
    shapes: Shapes
    builder: Builder
    oracles: Oracles
    before: str = ""
    path_params: Mapping[str, Any] = field(default_factory=dict)
    own_values: Mapping[str, str] = field(default_factory=dict)
    judge_body: Knows = lambda body: None
    knows_bodies: bool = False
    is_claude: bool = False

    @property
    def json_content(self) -> Content | None:
        """The body's JSON form."""
        return next(
            (
                one
                for kind, one in self.operation.request_bodies.items()
                if kind.partition(";")[0].strip().lower().endswith(("/json", "+json"))
                or "*" in kind
            ),
            None,
        )

    @property
    def base_body(self) -> Any:
        """The body of the request's file, as it is sent."""
        return read_value(self.fields.get("body"))

    @property
    def has_things(self) -> bool:
        """Whether the path leads to something that is there."""
        return bool(self.before) or "{" not in self.operation.path

    @property
    def depends_on_state(self) -> bool:
        """Whether a right request may be refused for what the thing has come to, as far as the
        document tells: it has no body that could be the reason for a conflict."""
        operation = self.operation
        is_of_thing = "{" in operation.path and not operation.request_bodies
        return is_of_thing and str(CONFLICT) in operation.responses

    def accept(self, body: Any = None, **more: Any) -> list[Any]:
        """What a right request is answered with."""
        if not self.has_things or (self.is_claude and names_file(body)):
            return self.oracles.tolerate()
        if self.is_claude and self.operation.path.partition("?")[0] == FILE_CONTENT:
            return [*NOT_DOWNLOADABLE]
        expect = self.oracles.accept(body, **more)
        if self.depends_on_state:
            return [{"any": [{"all": expect}, {"all": [{"status": CONFLICT}, DOCUMENTED]}]}]
        return expect
