"""Content blocks of a message, citations in them included."""

from typing import Any, Literal, NotRequired, TypedDict


class _Citation(TypedDict):
    cited_text: str


class _DocumentCitation(_Citation):
    document_index: int
    document_title: NotRequired[str | None]
    file_id: NotRequired[str | None]


class CharLocation(_DocumentCitation):
    type: Literal["char_location"]
    start_char_index: int
    end_char_index: int


class PageLocation(_DocumentCitation):
    """Pages count from 1; the end page is not part of the citation."""

    type: Literal["page_location"]
    start_page_number: int
    end_page_number: int


class ContentBlockLocation(_DocumentCitation):
    type: Literal["content_block_location"]
    start_block_index: int
    end_block_index: int


class WebSearchResultLocation(_Citation):
    type: Literal["web_search_result_location"]
    encrypted_index: str
    title: NotRequired[str | None]
    url: str


class SearchResultLocation(_Citation):
    type: Literal["search_result_location"]
    search_result_index: int
    source: str
    title: NotRequired[str | None]
    start_block_index: int
    end_block_index: int


type Citation = (
    CharLocation
    | PageLocation
    | ContentBlockLocation
    | WebSearchResultLocation
    | SearchResultLocation
)


class TextBlock(TypedDict):
    type: Literal["text"]
    text: str
    citations: NotRequired[list[Citation] | None]


class ThinkingBlock(TypedDict):
    """`thinking` is empty where its display is omitted; the signature always stands."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlock(TypedDict):
    type: Literal["redacted_thinking"]
    data: str


class DirectCaller(TypedDict):
    type: Literal["direct"]


class ServerToolCaller(TypedDict):
    """The code that called a tool; `tool_id` is the id of its own `server_tool_use`."""

    type: Literal["code_execution_20250825", "code_execution_20260120"]
    tool_id: str


type Caller = DirectCaller | ServerToolCaller


class ToolUseBlock(TypedDict):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    caller: NotRequired[Caller | None]
    toolset_name: NotRequired[str | None]


class ServerToolUseBlock(TypedDict):
    type: Literal["server_tool_use"]
    id: str
    name: Literal[
        "web_search",
        "web_fetch",
        "code_execution",
        "bash_code_execution",
        "text_editor_code_execution",
        "tool_search_tool_regex",
        "tool_search_tool_bm25",
    ]
    input: dict[str, Any]
    caller: NotRequired[Caller | None]


class ContainerUploadBlock(TypedDict):
    type: Literal["container_upload"]
    file_id: str
