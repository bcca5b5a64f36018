"""Every key a scenario file may hold, under the names the published JSON Schema gives its parts.

`docs/schemas/scenario.schema.json` says the same for editors; a test holds the two together.
"""

from typing import Final

FILE: Final = ("rules",)
RULE: Final = ("id", "when", "reply", "set_state")
WHEN: Final = (
    "last_user",
    "last_tool_result",
    "system",
    "turn",
    "tools_offered",
    "state",
    "headers",
    "body",
    "model",
    "stream",
    "nth_call",
)
"""In the order they are tested: what tells requests apart comes first."""

TEXT_CONDITION: Final = ("contains", "regex", "equals")
JSON_CONDITION: Final = ("path", "contains", "regex", "equals")
RESULT_CONDITION: Final = ("name", "is_error", "path", "contains", "regex", "equals")
BLOCK: Final = (
    "text",
    "citations",
    "json",
    "thinking",
    "tool_call",
    "web_search",
    "web_fetch",
    "code_execution",
)
ANSWER: Final = (
    "thinking",
    "web_search",
    "web_fetch",
    "code_execution",
    "text",
    "citations",
    "json",
    "tool_calls",
    "content",
    "stop_reason",
    "refusal",
)
SINGLE: Final = (*ANSWER, "error", "improvise")
REPLY: Final = (*SINGLE, "sequence", "then")
TOOL_CALL: Final = ("name", "input", "id")
WEB_SEARCH: Final = ("query", "results", "error")
SEARCH_RESULT: Final = ("url", "title", "page_age", "encrypted_content")
WEB_FETCH: Final = ("url", "title", "text", "citations", "retrieved_at", "error")
CODE_EXECUTION: Final = ("code", "command", "stdout", "stderr", "return_code", "file_ids", "error")
REFUSAL: Final = ("category", "explanation")
ERROR: Final = ("status", "type", "message", "error_code", "headers", "retry_after")

_CITED: Final = ("type", "cited_text")
_DOCUMENT: Final = (*_CITED, "document_index", "document_title", "file_id")
CITATIONS: Final[dict[str, tuple[str, ...]]] = {
    "char_location": (*_DOCUMENT, "start_char_index", "end_char_index"),
    "page_location": (*_DOCUMENT, "start_page_number", "end_page_number"),
    "content_block_location": (*_DOCUMENT, "start_block_index", "end_block_index"),
    "web_search_result_location": (*_CITED, "url", "title", "encrypted_index"),
    "search_result_location": (
        *_CITED,
        "search_result_index",
        "source",
        "title",
        "start_block_index",
        "end_block_index",
    ),
}
"""`type` of a citation → its keys, as SDK 2.12 spells them."""

STOP_REASONS: Final = ("end_turn", "max_tokens", "pause_turn", "model_context_window_exceeded")
"""Those a reply may state; `tool_use` and `refusal` follow from what it holds."""

CATEGORIES: Final = ("cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms")
THEN: Final = ("stay", "cycle", "improvise")

SEARCH_ERRORS: Final = (
    "invalid_tool_input",
    "unavailable",
    "max_uses_exceeded",
    "too_many_requests",
    "query_too_long",
    "request_too_large",
)
FETCH_ERRORS: Final = (
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
)
CODE_ERRORS: Final = (
    "invalid_tool_input",
    "unavailable",
    "too_many_requests",
    "execution_time_exceeded",
)
BASH_ERRORS: Final = (*CODE_ERRORS, "output_file_too_large")
