"""The request types against the SDK's, which are an independent reading of the same API."""

import collections.abc
import types
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import anthropic.types as sdk
import anthropic.types.beta as sdk_beta
import pytest
from anthropic.types import file_upload_params, model_list_params
from anthropic.types.beta import file_list_params
from anthropic.types.beta import message_create_params as beta_create
from anthropic.types.messages import batch_create_params, batch_list_params
from typing_extensions import is_typeddict

from tanzaku import wire

# These two are parameters of the SDK's methods but travel as headers.
HEADERS = {"user_profile_id", "workspace_id"}

BETA_FIELDS = {
    "billing_policy",
    "compaction",
    "context_management",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "thread",
}
BETA_BLOCKS = {
    "type=compaction",
    "type=fallback",
    "type=mcp_tool_listing",
    "type=mcp_tool_result",
    "type=mcp_tool_use",
}
BETA_TOOLS = {
    "bash_20241022",
    "computer_20241022",
    "computer_20250124",
    "computer_20251124",
    "mcp_toolset",
    "text_editor_20241022",
}
# The SDK's answers have it; a guess that they may be sent back as they are.
DOCUMENT_CITATIONS = ("char_location", "content_block_location", "page_location")
OLD_VERSION_FIELDS = {"temperature", "top_k", "top_p"}


@dataclass
class Shape:
    """What a type allows, whatever it is written with."""

    scalars: set[str] = field(default_factory=set)
    literals: set[str] = field(default_factory=set)
    items: list[Any] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)


def read_shape(*sources: Any) -> Shape:
    shape, pending = Shape(), list(sources)
    while pending:
        source = pending.pop()
        origin, args = get_origin(source), get_args(source)
        if isinstance(source, TypeAliasType):
            pending.append(source.__value__)
        elif origin in (Annotated, Required, NotRequired):
            pending.append(args[0])
        elif origin in (Union, types.UnionType):
            pending.extend(args)
        elif origin is Literal:
            shape.scalars |= {"bool" for value in args if isinstance(value, bool)}
            shape.literals |= {value for value in args if isinstance(value, str)}
        elif is_typeddict(source):
            shape.objects.append(source)
        elif origin in (dict, collections.abc.Mapping):
            shape.scalars.add("dict")
        elif origin is not None and issubclass(origin, collections.abc.Iterable):
            shape.items.append(args[0])
        elif source in (str, int, float, bool, bytes, types.NoneType):
            shape.scalars.add(source.__name__)
        # Models (what the SDK received may be sent back as it is) and open files are left out.
    if "str" in shape.scalars:
        shape.literals.clear()  # an open list of names
    if "dict" in shape.scalars:
        shape.objects.clear()  # an object of any shape
    return shape


def read_fields(source: Any) -> dict[str, tuple[bool, Any]]:
    """Name → (required, type)."""
    hints = get_type_hints(source, include_extras=True)
    fields = {}
    for name, hint in hints.items():
        marks = {get_origin(hint)}
        required = source.__total__ if not marks & {Required, NotRequired} else Required in marks
        fields[name] = (required, hint)
    return fields


def read_tags(source: Any) -> set[str]:
    return read_shape(get_type_hints(source, include_extras=True).get("type")).literals


@dataclass
class Comparison:
    """Walks both types side by side."""

    extras: set[str] = field(default_factory=set)
    differences: list[str] = field(default_factory=list)
    compared: set[Any] = field(default_factory=set)
    _seen: set[tuple[Any, Any]] = field(default_factory=set)

    def objects(self, theirs: Any, ours: Any, path: str) -> None:
        if (theirs, ours) in self._seen:
            return
        self._seen.add((theirs, ours))
        self.compared.add(theirs)
        their_fields, our_fields = read_fields(theirs), read_fields(ours)
        for name in sorted(their_fields.keys() - our_fields.keys()):
            self.differences.append(f"{path}.{name} is missing")
        self.extras |= {f"{path}.{name}" for name in our_fields.keys() - their_fields.keys()}
        for name in their_fields.keys() & our_fields.keys():
            (their_need, their_type), (our_need, our_type) = their_fields[name], our_fields[name]
            if their_need != our_need:
                self.differences.append(f"{path}.{name}: required {their_need}, here {our_need}")
            if name == "type" and read_tags(theirs) < read_tags(ours):
                continue  # one type here stands for several of theirs
            self.types([their_type], [our_type], f"{path}.{name}")

    def types(self, theirs: list[Any], ours: list[Any], path: str) -> None:
        them, us = read_shape(*theirs), read_shape(*ours)
        if them.scalars != us.scalars or them.literals != us.literals:
            self.differences.append(
                f"{path}: {them.scalars | them.literals}, here {us.scalars | us.literals}"
            )
        if bool(them.items) != bool(us.items):
            self.differences.append(f"{path}: one is a list")
        elif them.items:
            self.types(them.items, us.items, f"{path}[]")
        if path == ".messages[]":
            self._turns(them.objects, us.objects[0], path)
        else:
            self._members(them.objects, us.objects, path)

    def _turns(self, theirs: list[Any], ours: Any, path: str) -> None:
        """Three types of the SDK, one here, because the API's own is one."""
        roles, our_fields = set(), read_fields(ours)
        for turn in theirs:
            self.compared.add(turn)
            fields = read_fields(turn)
            roles |= read_shape(fields.pop("role")[1]).literals
            if {name: need for name, (need, _) in fields.items()} != {"content": True}:
                self.differences.append(f"{path}: fields of {turn}")
        if roles != read_shape(our_fields.pop("role")[1]).literals:
            self.differences.append(f"{path}.role")
        user_content = read_fields(sdk.UserMessageParam)["content"][1]
        self.types([user_content], [our_fields.pop("content")[1]], f"{path}.content")
        self.extras |= {f"{path}.{name}" for name in our_fields}

    def _members(self, theirs: list[Any], ours: list[Any], path: str) -> None:
        by_tag = {tag: member for member in ours for tag in read_tags(member)}
        untagged = [member for member in ours if not read_tags(member)]
        for member in theirs:
            tags = read_tags(member)
            if not tags:
                if len(untagged) == 1:
                    self.objects(member, untagged[0], path)
                else:
                    self.differences.append(f"{path}: no counterpart of {member}")
            for tag in tags:
                if tag in by_tag:
                    self.objects(member, by_tag.pop(tag), f"{path}({tag})")
                else:
                    self.differences.append(f"{path}: type={tag} is missing")
        self.extras |= {f"{path}: type={tag}" for tag in by_tag}


def list_reachable(source: Any, seen: set[Any]) -> set[Any]:
    shape = read_shape(source)
    for member in shape.objects:
        if member not in seen:
            seen.add(member)
            for _, hint in read_fields(member).values():
                list_reachable(hint, seen)
    for item in shape.items:
        list_reachable(item, seen)
    return seen


def compare(theirs: Any, ours: Any, path: str) -> Comparison:
    comparison = Comparison()
    comparison.objects(theirs, ours, path)
    return comparison


GA_BODIES = [
    (sdk.message_create_params.MessageCreateParamsNonStreaming, wire.MessageCreateParam),
    (sdk.message_count_tokens_params.MessageCountTokensParams, wire.MessageCountTokensParam),
]


@pytest.mark.parametrize(("theirs", "ours"), GA_BODIES)
def test_every_field_of_the_sdk_is_known_with_its_type_and_whether_it_is_required(
    theirs: Any, ours: Any
) -> None:
    comparison = compare(theirs, ours, "")
    missing_headers = [f".{name} is missing" for name in sorted(HEADERS)]
    assert comparison.differences == missing_headers


@pytest.mark.parametrize(("theirs", "ours"), GA_BODIES)
def test_every_typed_dict_the_sdk_can_reach_was_compared(theirs: Any, ours: Any) -> None:
    reachable = list_reachable(theirs, set())
    assert len(reachable) > 150
    assert reachable - compare(theirs, ours, "").compared == set()


def test_what_is_known_beyond_the_sdk_is_beta_or_of_the_old_version() -> None:
    theirs, ours = GA_BODIES[0]
    # Citations are compared once, wherever they are met first.
    extras = {
        line[max(0, line.find(".citations[]")) :] for line in compare(theirs, ours, "").extras
    }
    assert extras == {
        *(f".{name}" for name in BETA_FIELDS | OLD_VERSION_FIELDS),
        *(f".messages[].content[]: {block}" for block in BETA_BLOCKS),
        ".messages[].output_config",
        ".output_config.task_budget",
        *(f".tools[]: type={kind}" for kind in BETA_TOOLS),
        *(f".citations[]({kind}).file_id" for kind in DOCUMENT_CITATIONS),
    }


@pytest.mark.parametrize(
    ("theirs", "ours", "dropped"),
    [
        (batch_create_params.BatchCreateParams, wire.BatchCreateParam, HEADERS),
        (batch_list_params.BatchListParams, wire.BatchListParam, {"workspace_id"}),
        (model_list_params.ModelListParams, wire.ModelListParam, {"workspace_id"}),
        (file_list_params.FileListParams, wire.FileListParam, {"betas", "workspace_id"}),
    ],
)
def test_parameters_of_the_other_calls_are_the_sdks(
    theirs: Any, ours: Any, dropped: set[str]
) -> None:
    comparison = compare(theirs, ours, "")
    rest = [line for line in comparison.differences if not line.startswith(".requests[].params")]
    assert rest == [f".{name} is missing" for name in sorted(dropped)]
    assert comparison.extras == set()


def test_the_upload_form_has_the_sdks_parts() -> None:
    theirs = read_fields(file_upload_params.FileUploadParams)
    ours = read_fields(wire.FileUploadParam)
    assert {name: need for name, (need, _) in ours.items()} == {
        name: need for name, (need, _) in theirs.items() if name != "workspace_id"
    }


@pytest.mark.parametrize("name", sorted(BETA_FIELDS - {"fallbacks"}))
def test_each_beta_field_has_the_sdks_shape(name: str) -> None:
    theirs = read_fields(beta_create.MessageCreateParamsNonStreaming)[name]
    ours = read_fields(wire.MessageCreateParam)[name]
    comparison = Comparison()
    comparison.types([theirs[1]], [ours[1]], name)
    assert (comparison.differences, comparison.extras) == ([], set())
    assert theirs[0] == ours[0]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (sdk_beta.BetaMCPToolUseBlockParam, wire.McpToolUseBlockParam),
        (sdk_beta.BetaToolBash20241022Param, wire.BashToolParam),
        (sdk_beta.BetaToolComputerUse20241022Param, wire.ComputerToolParam),
        (sdk_beta.BetaToolComputerUse20250124Param, wire.ComputerToolParam),
        (sdk_beta.BetaToolComputerUse20251124Param, wire.ComputerTool20251124Param),
        (sdk_beta.BetaToolTextEditor20241022Param, wire.TextEditorTool20250124Param),
        (sdk_beta.BetaMCPToolsetParam, wire.McpToolsetParam),
        (sdk_beta.BetaTokenTaskBudgetParam, wire.TaskBudgetParam),
    ],
)
def test_each_beta_block_and_tool_has_the_sdks_shape(theirs: Any, ours: Any) -> None:
    comparison = compare(theirs, ours, "")
    assert (comparison.differences, comparison.extras) == ([], set())


def test_a_beta_tool_result_block_differs_only_by_the_citations_sent_back() -> None:
    comparison = compare(
        sdk_beta.BetaRequestMCPToolResultBlockParam, wire.McpToolResultBlockParam, ""
    )
    assert comparison.differences == []
    assert comparison.extras == {
        f".content[](text).citations[]({kind}).file_id" for kind in DOCUMENT_CITATIONS
    }
