"""Every kind of assertion, by group."""

from collections.abc import Mapping

from tanzaku.workbench.assertions._kind import Kind
from tanzaku.workbench.assertions.kinds._body import BODY_KINDS, TEXT_KINDS
from tanzaku.workbench.assertions.kinds._code import CODE_KINDS
from tanzaku.workbench.assertions.kinds._documented import DOCUMENTED_KINDS
from tanzaku.workbench.assertions.kinds._flow import FLOW_KINDS, find_step_kind
from tanzaku.workbench.assertions.kinds._http import HTTP_KINDS
from tanzaku.workbench.assertions.kinds._judge import JUDGE_KINDS
from tanzaku.workbench.assertions.kinds._message import MESSAGE_KINDS
from tanzaku.workbench.assertions.kinds._results import RESULT_KINDS
from tanzaku.workbench.assertions.kinds._safety import SAFETY_KINDS
from tanzaku.workbench.assertions.kinds._similarity import SIMILARITY_KINDS
from tanzaku.workbench.assertions.kinds._snapshot import SNAPSHOT_KINDS
from tanzaku.workbench.assertions.kinds._stream import STREAM_KINDS
from tanzaku.workbench.assertions.kinds._tools import TOOL_KINDS
from tanzaku.workbench.assertions.kinds._usage import USAGE_KINDS

GROUPS: Mapping[str, Mapping[str, Kind]] = {
    "http": {**HTTP_KINDS, **DOCUMENTED_KINDS},
    "body": {**BODY_KINDS, **SNAPSHOT_KINDS},
    "text": TEXT_KINDS,
    "message": MESSAGE_KINDS,
    "tools": {**TOOL_KINDS, **RESULT_KINDS},
    "stream": STREAM_KINDS,
    "usage": USAGE_KINDS,
    "safety": SAFETY_KINDS,
    "similarity": SIMILARITY_KINDS,
    "judge": JUDGE_KINDS,
    "flow": FLOW_KINDS,
    "code": CODE_KINDS,
}
"""The kinds by group. Those of a step have its id in their names: see `find_kind`."""


def list_kinds() -> list[str]:
    """Their names, `ID` where a step's id stands."""
    return [name for group in GROUPS.values() for name in group]


def find_kind(name: str) -> Kind | None:
    """The kind of this name, None when there is none."""
    known = next((group[name] for group in GROUPS.values() if name in group), None)
    return known or find_step_kind(name)


__all__ = ["GROUPS", "find_kind", "list_kinds"]
