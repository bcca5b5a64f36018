"""What tools run by the API left in a conversation, sent back as it was received."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tanzaku.wire._params.constraints import ByType, ServerToolUseId
from tanzaku.wire._params.content import (
    CacheControlParam,
    CallerParam,
    DocumentBlockParam,
    ToolReferenceBlockParam,
)


class ServerToolUseBlockParam(TypedDict):
    type: Literal["server_tool_use"]
    id: ServerToolUseId
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
    cache_control: NotRequired[CacheControlParam | None]
    caller: NotRequired[CallerParam]


class WebSearchResultParam(TypedDict):
    type: Literal["web_search_result"]
    encrypted_content: str
    title: str
    url: str
    page_age: NotRequired[str | None]


class WebSearchErrorParam(TypedDict):
    type: Literal["web_search_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "unavailable",
        "max_uses_exceeded",
        "too_many_requests",
        "query_too_long",
        "request_too_large",
    ]


class WebSearchToolResultBlockParam(TypedDict):
    type: Literal["web_search_tool_result"]
    tool_use_id: ServerToolUseId
    content: list[WebSearchResultParam] | WebSearchErrorParam
    cache_control: NotRequired[CacheControlParam | None]
    caller: NotRequired[CallerParam]


class WebFetchErrorParam(TypedDict):
    type: Literal["web_fetch_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "url_too_long",
        "url_not_allowed",
        "url_not_in_prior_context",
        "url_not_accessible",
        "unsupported_content_type",
        "too_many_requests",
        "max_uses_exceeded",
        "unavailable",
        "content_too_large",
    ]


class WebFetchResultParam(TypedDict):
    type: Literal["web_fetch_result"]
    content: DocumentBlockParam
    url: str
    retrieved_at: NotRequired[str | None]


class WebFetchToolResultBlockParam(TypedDict):
    type: Literal["web_fetch_tool_result"]
    tool_use_id: ServerToolUseId
    content: Annotated[WebFetchErrorParam | WebFetchResultParam, ByType()]
    cache_control: NotRequired[CacheControlParam | None]
    caller: NotRequired[CallerParam]


class CodeExecutionErrorParam(TypedDict):
    type: Literal["code_execution_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
    ]


class CodeExecutionOutputParam(TypedDict):
    type: Literal["code_execution_output"]
    file_id: str


class CodeExecutionResultParam(TypedDict):
    type: Literal["code_execution_result"]
    content: list[CodeExecutionOutputParam]
    return_code: int
    stderr: str
    stdout: str


class EncryptedCodeExecutionResultParam(TypedDict):
    type: Literal["encrypted_code_execution_result"]
    content: list[CodeExecutionOutputParam]
    encrypted_stdout: str
    return_code: int
    stderr: str


class CodeExecutionToolResultBlockParam(TypedDict):
    type: Literal["code_execution_tool_result"]
    tool_use_id: ServerToolUseId
    content: Annotated[
        CodeExecutionErrorParam | CodeExecutionResultParam | EncryptedCodeExecutionResultParam,
        ByType(),
    ]
    cache_control: NotRequired[CacheControlParam | None]


class BashCodeExecutionErrorParam(TypedDict):
    type: Literal["bash_code_execution_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "unavailable",
        "too_many_requests",
        "execution_time_exceeded",
        "output_file_too_large",
    ]


class BashCodeExecutionOutputParam(TypedDict):
    type: Literal["bash_code_execution_output"]
    file_id: str


class BashCodeExecutionResultParam(TypedDict):
    type: Literal["bash_code_execution_result"]
    content: list[BashCodeExecutionOutputParam]
    return_code: int
    stderr: str
    stdout: str


class BashCodeExecutionToolResultBlockParam(TypedDict):
    type: Literal["bash_code_execution_tool_result"]
    tool_use_id: ServerToolUseId
    content: Annotated[BashCodeExecutionErrorParam | BashCodeExecutionResultParam, ByType()]
    cache_control: NotRequired[CacheControlParam | None]


class TextEditorErrorParam(TypedDict):
    type: Literal["text_editor_code_execution_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "unavailable",
        "too_many_requests",
        "execution_time_exceeded",
        "file_not_found",
    ]
    error_message: NotRequired[str | None]


class TextEditorViewResultParam(TypedDict):
    type: Literal["text_editor_code_execution_view_result"]
    content: str
    file_type: Literal["text", "image", "pdf"]
    num_lines: NotRequired[int | None]
    start_line: NotRequired[int | None]
    total_lines: NotRequired[int | None]


class TextEditorCreateResultParam(TypedDict):
    type: Literal["text_editor_code_execution_create_result"]
    is_file_update: bool


class TextEditorReplaceResultParam(TypedDict):
    type: Literal["text_editor_code_execution_str_replace_result"]
    lines: NotRequired[list[str] | None]
    new_lines: NotRequired[int | None]
    new_start: NotRequired[int | None]
    old_lines: NotRequired[int | None]
    old_start: NotRequired[int | None]


class TextEditorToolResultBlockParam(TypedDict):
    type: Literal["text_editor_code_execution_tool_result"]
    tool_use_id: ServerToolUseId
    content: Annotated[
        TextEditorErrorParam
        | TextEditorViewResultParam
        | TextEditorCreateResultParam
        | TextEditorReplaceResultParam,
        ByType(),
    ]
    cache_control: NotRequired[CacheControlParam | None]


class ToolSearchErrorParam(TypedDict):
    type: Literal["tool_search_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
    ]
    error_message: NotRequired[str | None]


class ToolSearchResultParam(TypedDict):
    type: Literal["tool_search_tool_search_result"]
    tool_references: list[ToolReferenceBlockParam]


class ToolSearchToolResultBlockParam(TypedDict):
    type: Literal["tool_search_tool_result"]
    tool_use_id: ServerToolUseId
    content: Annotated[ToolSearchErrorParam | ToolSearchResultParam, ByType()]
    cache_control: NotRequired[CacheControlParam | None]
