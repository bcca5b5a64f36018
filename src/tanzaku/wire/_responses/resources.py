"""Batches, models and files, and the pages they are listed on."""

from typing import Literal, NotRequired, TypedDict

from tanzaku.wire._responses.message import Message


class BatchRequestCounts(TypedDict):
    """All but `processing` stay 0 until the whole batch has ended."""

    processing: int
    succeeded: int
    errored: int
    canceled: int
    expired: int


class MessageBatch(TypedDict):
    """`results_url` is null until the batch has ended; clients send their key to what it names."""

    id: str
    type: Literal["message_batch"]
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: BatchRequestCounts
    created_at: str
    expires_at: str
    ended_at: NotRequired[str | None]
    archived_at: NotRequired[str | None]
    cancel_initiated_at: NotRequired[str | None]
    results_url: NotRequired[str | None]


class ErrorObject(TypedDict):
    type: str
    message: str


class ErrorBody(TypedDict):
    type: Literal["error"]
    error: ErrorObject
    request_id: NotRequired[str | None]


class BatchSucceeded(TypedDict):
    type: Literal["succeeded"]
    message: Message


class BatchErrored(TypedDict):
    type: Literal["errored"]
    error: ErrorBody


class BatchNotRun(TypedDict):
    """Not billed."""

    type: Literal["canceled", "expired"]


class BatchResult(TypedDict):
    """One line of a batch's results, which come in any order."""

    custom_id: str
    result: BatchSucceeded | BatchErrored | BatchNotRun


class DeletedBatch(TypedDict):
    id: str
    type: Literal["message_batch_deleted"]


class BatchPage(TypedDict):
    data: list[MessageBatch]
    has_more: bool
    first_id: str | None
    last_id: str | None


class Capability(TypedDict):
    supported: bool


class ContextManagementCapability(Capability):
    clear_thinking_20251015: NotRequired[Capability | None]
    clear_tool_uses_20250919: NotRequired[Capability | None]
    compact_20260112: NotRequired[Capability | None]


class EffortCapability(Capability):
    low: Capability
    medium: Capability
    high: Capability
    xhigh: NotRequired[Capability | None]
    max: Capability


class ServerToolsCapability(Capability):
    code_execution: Capability
    web_search: Capability


class ThinkingTypes(TypedDict):
    adaptive: Capability
    between_tools: Capability
    disabled: Capability
    enabled: Capability


class ThinkingCapability(Capability):
    types: ThinkingTypes


class ModelCapabilities(TypedDict):
    batch: Capability
    citations: Capability
    code_execution: Capability
    context_management: ContextManagementCapability
    effort: EffortCapability
    image_input: Capability
    pdf_input: Capability
    server_tools: ServerToolsCapability
    structured_outputs: Capability
    thinking: ThinkingCapability


class ModelInfo(TypedDict):
    """`max_input_tokens` is the context window, `max_tokens` the longest output."""

    id: str
    type: Literal["model"]
    display_name: str
    created_at: str
    lifecycle: Literal["active", "deprecated", "retired"]
    capabilities: NotRequired[ModelCapabilities | None]
    deprecated_at: NotRequired[str | None]
    line: NotRequired[Literal["haiku", "sonnet", "opus", "fable", "mythos"] | None]
    max_input_tokens: NotRequired[int | None]
    max_tokens: NotRequired[int | None]
    retires_at: NotRequired[str | None]


class ModelPage(TypedDict):
    data: list[ModelInfo]
    has_more: bool
    first_id: str | None
    last_id: str | None


class FileMetadata(TypedDict):
    """Only files that a tool made are `downloadable`."""

    id: str
    type: Literal["file"]
    filename: str
    mime_type: str
    size_bytes: int
    created_at: str
    downloadable: NotRequired[bool | None]
    expires_at: NotRequired[str | None]


class DeletedFile(TypedDict):
    id: str
    type: NotRequired[Literal["file_deleted"] | None]


class FilePage(TypedDict):
    data: list[FileMetadata]
    next_page: NotRequired[str | None]
