"""Every `tool_use` gets its `tool_result` in the next turn, and none without."""

from tanzaku.wire._inspection import Inspection

_NO_RESULT = (
    "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each "
    "`tool_use` block must have a corresponding `tool_result` block in the next message."
)
_NO_USE = (
    "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must "
    "have a corresponding `tool_use` block in the previous message."
)


class Pairing:
    """Fed with the turns in order. Turns of one role in a row count as one (the API merges them).

    `is_content_passed` is to be set at any other block: a result behind other content of its turn
    counts as missing, as the documentation says.
    """

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection
        self._role = ""
        self._index = 0
        self._open: dict[str, int] = {}
        self._used: set[str] = set()
        self._known: frozenset[str] = frozenset()
        self._answered: set[str] = set()
        self.is_content_passed = False

    def enter(self, role: str, index: int) -> None:
        """A turn begins. A `system` turn does not part a use from its result."""
        if role not in (self._role, "system"):
            if role == "assistant":
                self._close()
            else:
                self._known = frozenset(self._open)
                self.is_content_passed = False
            self._role = role
        self._index = index

    def use(self, tool_use_id: str, path: str) -> None:
        if tool_use_id in self._used:
            self._inspection.refuse(path, "`tool_use` ids must be unique")
        self._used.add(tool_use_id)
        self._open[tool_use_id] = self._index

    def result(self, tool_use_id: str, path: str) -> None:
        if tool_use_id not in self._known:
            self._inspection.refuse(path, _NO_USE.format(tool_use_id))
        elif tool_use_id in self._answered:
            self._inspection.refuse(
                path,
                "each tool_use must have a single result. Found multiple `tool_result` blocks "
                f"with id: {tool_use_id}",
                is_guess=True,
            )
        elif not self.is_content_passed:
            self._answered.add(tool_use_id)

    def finish(self) -> None:
        self._close()

    def _close(self) -> None:
        missing: dict[int, list[str]] = {}
        for tool_use_id, index in self._open.items():
            if tool_use_id not in self._answered:
                missing.setdefault(index, []).append(tool_use_id)
        for index, ids in missing.items():
            self._inspection.refuse(f"messages.{index}", _NO_RESULT.format(", ".join(ids)))
        if self._open:
            self._open, self._answered = {}, set()
        self._known = frozenset()
