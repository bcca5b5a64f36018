"""Tool definitions and tool choice."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tanzaku.wire._params.constraints import AtLeastOne, Bounds, ByType, Index, Positive
from tanzaku.wire._params.content import CacheControlParam, CitationsConfigParam

type AllowedCaller = Literal[
    "direct", "code_execution_20250825", "code_execution_20260120", "code_execution_20260521"
]


class _ToolParam(TypedDict):
    """What nearly every tool has in common."""

    allowed_callers: NotRequired[list[AllowedCaller]]
    cache_control: NotRequired[CacheControlParam | None]
    defer_loading: NotRequired[bool]
    strict: NotRequired[bool]


class _ClientToolParam(_ToolParam):
    """A tool the client runs. `input_examples` have to fit its schema."""

    input_examples: NotRequired[list[dict[str, Any]]]


class CustomToolParam(_ClientToolParam):
    """A tool of the client's own; `type` may be left out."""

    type: NotRequired[Literal["custom"] | None]
    name: Annotated[str, Bounds(min_length=1, max_length=128, pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: dict[str, Any]
    description: NotRequired[str]
    eager_input_streaming: NotRequired[bool | None]


class BashToolParam(_ClientToolParam):
    """Beta: `bash_20241022`."""

    type: Literal["bash_20250124", "bash_20241022"]
    name: Literal["bash"]


class MemoryToolParam(_ClientToolParam):
    type: Literal["memory_20250818"]
    name: Literal["memory"]


class TextEditorTool20250124Param(_ClientToolParam):
    """Beta: `text_editor_20241022`."""

    type: Literal["text_editor_20250124", "text_editor_20241022"]
    name: Literal["str_replace_editor"]


class TextEditorTool20250429Param(_ClientToolParam):
    type: Literal["text_editor_20250429"]
    name: Literal["str_replace_based_edit_tool"]


class TextEditorTool20250728Param(_ClientToolParam):
    type: Literal["text_editor_20250728"]
    name: Literal["str_replace_based_edit_tool"]
    max_characters: NotRequired[AtLeastOne | None]


class _ComputerToolParam(_ClientToolParam):
    """Beta: a screen, its size in pixels. `display_number` is the X11 display."""

    name: Literal["computer"]
    display_height_px: AtLeastOne
    display_width_px: AtLeastOne
    display_number: NotRequired[Index | None]


class ComputerToolParam(_ComputerToolParam):
    type: Literal["computer_20241022", "computer_20250124"]


class ComputerTool20251124Param(_ComputerToolParam):
    type: Literal["computer_20251124"]
    enable_zoom: NotRequired[bool]


class CodeExecutionToolParam(_ToolParam):
    type: Literal[
        "code_execution_20250522",
        "code_execution_20250825",
        "code_execution_20260120",
        "code_execution_20260521",
    ]
    name: Literal["code_execution"]


class UserLocationParam(TypedDict):
    """`country` is an ISO 3166-1 alpha-2 code, `timezone` an IANA name."""

    type: Literal["approximate"]
    city: NotRequired[Annotated[str, Bounds(min_length=1, max_length=255)] | None]
    country: NotRequired[Annotated[str, Bounds(min_length=2, max_length=2)] | None]
    region: NotRequired[Annotated[str, Bounds(min_length=1, max_length=255)] | None]
    timezone: NotRequired[Annotated[str, Bounds(min_length=1, max_length=255)] | None]


class _WebToolParam(_ToolParam):
    allowed_domains: NotRequired[list[str] | None]
    blocked_domains: NotRequired[list[str] | None]
    max_uses: NotRequired[Positive | None]


class WebSearchToolParam(_WebToolParam):
    type: Literal["web_search_20250305", "web_search_20260209"]
    name: Literal["web_search"]
    user_location: NotRequired[UserLocationParam | None]


class WebSearchTool20260318Param(_WebToolParam):
    type: Literal["web_search_20260318"]
    name: Literal["web_search"]
    user_location: NotRequired[UserLocationParam | None]
    response_inclusion: NotRequired[Literal["full", "excluded"]]


class UrlsOfAllParam(TypedDict):
    type: Literal["all"]


class UrlsOfNoneParam(TypedDict):
    type: Literal["none"]


class UrlToolReferenceParam(TypedDict):
    type: Literal["tool_reference"]
    name: str


class UrlsOfOnlyParam(TypedDict):
    type: Literal["only"]
    tools: list[UrlToolReferenceParam]


class UrlsOfAllExceptParam(TypedDict):
    type: Literal["except"]
    tools: list[UrlToolReferenceParam]


type UrlsOfToolsParam = Annotated[
    UrlsOfAllParam | UrlsOfNoneParam | UrlsOfOnlyParam | UrlsOfAllExceptParam, ByType()
]


class UrlSourcesParam(TypedDict):
    """Where an address must have come from before it may be fetched."""

    client_tool_results: NotRequired[UrlsOfToolsParam]
    server_tool_results: NotRequired[UrlsOfToolsParam]
    user_input: NotRequired[Annotated[UrlsOfAllParam | UrlsOfNoneParam, ByType()]]


class WebFetchToolParam(_WebToolParam):
    type: Literal["web_fetch_20250910", "web_fetch_20260209"]
    name: Literal["web_fetch"]
    citations: NotRequired[CitationsConfigParam | None]
    max_content_tokens: NotRequired[Positive | None]
    url_sources: NotRequired[UrlSourcesParam | None]


class WebFetchTool20260309Param(_WebToolParam):
    type: Literal["web_fetch_20260309"]
    name: Literal["web_fetch"]
    citations: NotRequired[CitationsConfigParam | None]
    max_content_tokens: NotRequired[Positive | None]
    url_sources: NotRequired[UrlSourcesParam | None]
    use_cache: NotRequired[bool]


class WebFetchTool20260318Param(_WebToolParam):
    type: Literal["web_fetch_20260318"]
    name: Literal["web_fetch"]
    citations: NotRequired[CitationsConfigParam | None]
    max_content_tokens: NotRequired[Positive | None]
    url_sources: NotRequired[UrlSourcesParam | None]
    use_cache: NotRequired[bool]
    response_inclusion: NotRequired[Literal["full", "excluded"]]


class ToolSearchBm25Param(_ToolParam):
    type: Literal["tool_search_tool_bm25_20251119", "tool_search_tool_bm25"]
    name: Literal["tool_search_tool_bm25"]


class ToolSearchRegexParam(_ToolParam):
    type: Literal["tool_search_tool_regex_20251119", "tool_search_tool_regex"]
    name: Literal["tool_search_tool_regex"]


class ToolConfigParam(TypedDict):
    """Switches one tool of a toolset."""

    defer_loading: NotRequired[bool | None]
    enabled: NotRequired[bool | None]


class ComputerConfigsParam(TypedDict):
    cursor_position: NotRequired[ToolConfigParam | None]
    double_click: NotRequired[ToolConfigParam | None]
    hold_key: NotRequired[ToolConfigParam | None]
    key: NotRequired[ToolConfigParam | None]
    left_click: NotRequired[ToolConfigParam | None]
    left_click_drag: NotRequired[ToolConfigParam | None]
    left_mouse_down: NotRequired[ToolConfigParam | None]
    left_mouse_up: NotRequired[ToolConfigParam | None]
    middle_click: NotRequired[ToolConfigParam | None]
    mouse_move: NotRequired[ToolConfigParam | None]
    right_click: NotRequired[ToolConfigParam | None]
    screenshot: NotRequired[ToolConfigParam | None]
    scroll: NotRequired[ToolConfigParam | None]
    triple_click: NotRequired[ToolConfigParam | None]
    type: NotRequired[ToolConfigParam | None]
    wait: NotRequired[ToolConfigParam | None]
    zoom: NotRequired[ToolConfigParam | None]


class BrowserConfigsParam(TypedDict):
    close_tab: NotRequired[ToolConfigParam | None]
    double_click: NotRequired[ToolConfigParam | None]
    file_upload: NotRequired[ToolConfigParam | None]
    find: NotRequired[ToolConfigParam | None]
    form_input: NotRequired[ToolConfigParam | None]
    get_page_text: NotRequired[ToolConfigParam | None]
    hold_key: NotRequired[ToolConfigParam | None]
    hover: NotRequired[ToolConfigParam | None]
    javascript_exec: NotRequired[ToolConfigParam | None]
    key: NotRequired[ToolConfigParam | None]
    left_click: NotRequired[ToolConfigParam | None]
    left_click_drag: NotRequired[ToolConfigParam | None]
    left_mouse_down: NotRequired[ToolConfigParam | None]
    left_mouse_up: NotRequired[ToolConfigParam | None]
    list_tabs: NotRequired[ToolConfigParam | None]
    middle_click: NotRequired[ToolConfigParam | None]
    mouse_move: NotRequired[ToolConfigParam | None]
    navigate: NotRequired[ToolConfigParam | None]
    new_tab: NotRequired[ToolConfigParam | None]
    read_console: NotRequired[ToolConfigParam | None]
    read_network: NotRequired[ToolConfigParam | None]
    read_page: NotRequired[ToolConfigParam | None]
    right_click: NotRequired[ToolConfigParam | None]
    screenshot: NotRequired[ToolConfigParam | None]
    scroll: NotRequired[ToolConfigParam | None]
    scroll_to: NotRequired[ToolConfigParam | None]
    switch_tab: NotRequired[ToolConfigParam | None]
    triple_click: NotRequired[ToolConfigParam | None]
    type: NotRequired[ToolConfigParam | None]
    wait: NotRequired[ToolConfigParam | None]
    zoom: NotRequired[ToolConfigParam | None]


class ComputerToolsetParam(TypedDict):
    type: Literal["computer_toolset_20260801"]
    cache_control: NotRequired[CacheControlParam | None]
    configs: NotRequired[ComputerConfigsParam | None]


class BrowserToolsetParam(TypedDict):
    type: Literal["browser_toolset_20260801"]
    cache_control: NotRequired[CacheControlParam | None]
    configs: NotRequired[BrowserConfigsParam | None]


class McpToolConfigParam(TypedDict):
    defer_loading: NotRequired[bool]
    enabled: NotRequired[bool]


class McpToolParam(TypedDict):
    name: str
    input_schema: dict[str, Any]
    description: NotRequired[str | None]


class McpToolsetParam(TypedDict):
    """Beta: the tools of one of the request's `mcp_servers`."""

    type: Literal["mcp_toolset"]
    mcp_server_name: Annotated[str, Bounds(min_length=1, max_length=255)]
    cache_control: NotRequired[CacheControlParam | None]
    configs: NotRequired[dict[str, McpToolConfigParam] | None]
    default_config: NotRequired[McpToolConfigParam]
    tools: NotRequired[list[McpToolParam] | None]


type ToolParam = Annotated[
    CustomToolParam
    | BashToolParam
    | MemoryToolParam
    | TextEditorTool20250124Param
    | TextEditorTool20250429Param
    | TextEditorTool20250728Param
    | ComputerToolParam
    | ComputerTool20251124Param
    | CodeExecutionToolParam
    | WebSearchToolParam
    | WebSearchTool20260318Param
    | WebFetchToolParam
    | WebFetchTool20260309Param
    | WebFetchTool20260318Param
    | ToolSearchBm25Param
    | ToolSearchRegexParam
    | ComputerToolsetParam
    | BrowserToolsetParam
    | McpToolsetParam,
    ByType(default="custom"),
]


class ToolChoiceAutoParam(TypedDict):
    type: Literal["auto"]
    disable_parallel_tool_use: NotRequired[bool]


class ToolChoiceAnyParam(TypedDict):
    type: Literal["any"]
    disable_parallel_tool_use: NotRequired[bool]


class ToolChoiceToolParam(TypedDict):
    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: NotRequired[bool]


class ToolChoiceNoneParam(TypedDict):
    type: Literal["none"]


type ToolChoiceParam = Annotated[
    ToolChoiceAutoParam | ToolChoiceAnyParam | ToolChoiceToolParam | ToolChoiceNoneParam, ByType()
]
