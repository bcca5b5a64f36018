"""Rules on tool definitions and tool choice."""

from tanzaku.wire._beta import TYPES, is_unlocked
from tanzaku.wire._check_strict import check_strict_schema
from tanzaku.wire._inspection import Inspection


def check_tools(inspection: Inspection) -> None:
    request = inspection.request
    tools = request.get("tools")
    if tools:
        _check_definitions(inspection)
    choice = request.get("tool_choice")
    if choice is None:
        return
    if not tools:
        inspection.refuse(
            "", "`tool_choice` may only be specified while providing `tools`.", is_guess=True
        )
    elif choice["type"] == "tool" and not any(
        tool.get("name", choice["name"]) == choice["name"] for tool in tools
    ):
        # A toolset has no name of its own; which tools it holds is not known here.
        inspection.refuse("", f"Tool '{choice['name']}' not found in provided tools")
    if inspection.forces_tool and not inspection.model.forced_tool_choice:
        inspection.refuse("tool_choice", 'type "tool" and "any" are not supported for this model.')


def _check_definitions(inspection: Inspection) -> None:
    tools = inspection.request["tools"]
    names: set[str] = set()
    deferred = 0
    for index, tool in enumerate(tools):
        name = tool.get("name")
        if name is not None:
            if name in names:
                inspection.refuse("tools", "Tool names must be unique.")
            names.add(name)
        mark = tool.get("cache_control")
        if mark is not None:
            inspection.marks.append((f"tools.{index}", mark))
        kind = tool.get("type")
        if kind in TYPES and not is_unlocked(TYPES[kind], inspection.betas):
            inspection.refuse(f"tools.{index}", "Extra inputs are not permitted", is_guess=True)
        schema = tool.get("input_schema")
        if schema is not None:
            if schema.get("type") != "object":
                wrong = "Input should be 'object'" if "type" in schema else "Field required"
                inspection.refuse(f"tools.{index}.custom.input_schema.type", wrong)
            elif tool.get("strict"):
                check_strict_schema(inspection, schema, f"tools.{index}.custom", is_guess=True)
        deferred += bool(tool.get("defer_loading"))
    if deferred == len(tools):
        inspection.refuse(
            "",
            "All tools have defer_loading set. At least one tool must be non-deferred.",
            is_guess=True,
        )
