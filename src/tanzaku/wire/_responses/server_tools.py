"""Results of tools run by the API."""

from typing import Literal, NotRequired, TypedDict

from tanzaku.wire._responses.content import Caller


class _ToolResult(TypedDict):
    tool_use_id: str


class WebSearchResult(TypedDict):
    type: Literal["web_search_result"]
    encrypted_content: str
    title: str
    url: str
    page_age: NotRequired[str | None]


class WebSearchError(TypedDict):
    type: Literal["web_search_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "unavailable",
        "max_uses_exceeded",
        "too_many_requests",
        "query_too_long",
        "request_too_large",
    ]


class WebSearchToolResultBlock(_ToolResult):
    type: Literal["web_search_tool_result"]
    content: list[WebSearchResult] | WebSearchError
    caller: NotRequired[Caller | None]


class Base64PdfSource(TypedDict):
    type: Literal["base64"]
    media_type: Literal["application/pdf"]
    data: str


class PlainTextSource(TypedDict):
    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class CitationsConfig(TypedDict):
    enabled: bool


class DocumentBlock(TypedDict):
    """A fetched page."""

    type: Literal["document"]
    source: Base64PdfSource | PlainTextSource
    citations: NotRequired[CitationsConfig | None]
    title: NotRequired[str | None]


class WebFetchResult(TypedDict):
    type: Literal["web_fetch_result"]
    content: DocumentBlock
    url: str
    retrieved_at: NotRequired[str | None]


class WebFetchError(TypedDict):
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


class WebFetchToolResultBlock(_ToolResult):
    type: Literal["web_fetch_tool_result"]
    content: WebFetchResult | WebFetchError
    caller: NotRequired[Caller | None]


class CodeExecutionOutput(TypedDict):
    type: Literal["code_execution_output"]
    file_id: str


class CodeExecutionResult(TypedDict):
    type: Literal["code_execution_result"]
    content: list[CodeExecutionOutput]
    return_code: int
    stderr: str
    stdout: str


class EncryptedCodeExecutionResult(TypedDict):
    type: Literal["encrypted_code_execution_result"]
    content: list[CodeExecutionOutput]
    encrypted_stdout: str
    return_code: int
    stderr: str


class CodeExecutionError(TypedDict):
    type: Literal["code_execution_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
    ]


class CodeExecutionToolResultBlock(_ToolResult):
    type: Literal["code_execution_tool_result"]
    content: CodeExecutionResult | EncryptedCodeExecutionResult | CodeExecutionError


class BashCodeExecutionOutput(TypedDict):
    type: Literal["bash_code_execution_output"]
    file_id: str


class BashCodeExecutionResult(TypedDict):
    type: Literal["bash_code_execution_result"]
    content: list[BashCodeExecutionOutput]
    return_code: int
    stderr: str
    stdout: str


class BashCodeExecutionError(TypedDict):
    type: Literal["bash_code_execution_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "unavailable",
        "too_many_requests",
        "execution_time_exceeded",
        "output_file_too_large",
    ]


class BashCodeExecutionToolResultBlock(_ToolResult):
    type: Literal["bash_code_execution_tool_result"]
    content: BashCodeExecutionResult | BashCodeExecutionError


class TextEditorViewResult(TypedDict):
    type: Literal["text_editor_code_execution_view_result"]
    content: str
    file_type: Literal["text", "image", "pdf"]
    num_lines: NotRequired[int | None]
    start_line: NotRequired[int | None]
    total_lines: NotRequired[int | None]


class TextEditorCreateResult(TypedDict):
    type: Literal["text_editor_code_execution_create_result"]
    is_file_update: bool


class TextEditorReplaceResult(TypedDict):
    type: Literal["text_editor_code_execution_str_replace_result"]
    lines: NotRequired[list[str] | None]
    new_lines: NotRequired[int | None]
    new_start: NotRequired[int | None]
    old_lines: NotRequired[int | None]
    old_start: NotRequired[int | None]


class TextEditorError(TypedDict):
    type: Literal["text_editor_code_execution_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input",
        "unavailable",
        "too_many_requests",
        "execution_time_exceeded",
        "file_not_found",
    ]
    error_message: NotRequired[str | None]


class TextEditorToolResultBlock(_ToolResult):
    type: Literal["text_editor_code_execution_tool_result"]
    content: (
        TextEditorViewResult | TextEditorCreateResult | TextEditorReplaceResult | TextEditorError
    )


class ToolReference(TypedDict):
    type: Literal["tool_reference"]
    tool_name: str


class ToolSearchResult(TypedDict):
    type: Literal["tool_search_tool_search_result"]
    tool_references: list[ToolReference]


class ToolSearchError(TypedDict):
    type: Literal["tool_search_tool_result_error"]
    error_code: Literal[
        "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
    ]
    error_message: NotRequired[str | None]


class ToolSearchToolResultBlock(_ToolResult):
    type: Literal["tool_search_tool_result"]
    content: ToolSearchResult | ToolSearchError
