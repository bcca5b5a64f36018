"""The operations of the Claude API as Tanzaku serves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tanzaku.wire import (
    BatchCreateParam,
    BatchListParam,
    BatchPage,
    BatchResult,
    DeletedBatch,
    DeletedFile,
    FileListParam,
    FileMetadata,
    FilePage,
    FileUploadParam,
    Message,
    MessageBatch,
    MessageCountTokensParam,
    MessageCreateParam,
    MessageTokensCount,
    ModelInfo,
    ModelListParam,
    ModelPage,
)
from tanzaku.workbench.openapi._claude import MODEL

JSON: Final = "application/json"

# Aliases, because pydantic takes a configuration for all that is below a type only through one.
type _MessageCreate = MessageCreateParam
type _MessageCountTokens = MessageCountTokensParam
type _BatchCreate = BatchCreateParam
type _FileUpload = FileUploadParam

_HELLO: Final = {
    "model": MODEL,
    "max_tokens": 256,
    "messages": [{"role": "user", "content": "Write a haiku about rain."}],
}
_WEATHER: Final = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
_ASKED: Final = {"role": "user", "content": "北京今天天气怎么样？"}
_CALL: Final = {
    "type": "tool_use",
    "id": "toolu_01",
    "name": "get_weather",
    "input": {"city": "北京"},
}
_RESULT: Final = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "21 ℃"}


@dataclass(frozen=True, slots=True)
class OwnOperation:
    """One operation. `body`, `query` and `answer` are types of `wire`; `body_type` and `answer_type` are
    the content types of what goes and what comes back. `is_streamed`: it can answer with events too."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    answer: Any
    body: Any = None
    query: Any = None
    body_type: str = JSON
    answer_type: str = JSON
    is_streamed: bool = False
    examples: Mapping[str, Any] = field(default_factory=dict)


_BATCHES: Final = "/v1/messages/batches"
_BATCH: Final = f"{_BATCHES}/{{message_batch_id}}"

OPERATIONS: Final = (
    OwnOperation(
        "createMessage",
        "POST",
        "/v1/messages",
        "messages",
        "Create a message",
        Message,
        body=_MessageCreate,
        is_streamed=True,
        examples={
            "hello": _HELLO,
            "stream": {**_HELLO, "stream": True},
            "system": {**_HELLO, "system": "Answer in one line.", "stop_sequences": ["END"]},
            "tools": {**_HELLO, "messages": [_ASKED], "tools": [_WEATHER]},
            "tool_result": {
                **_HELLO,
                "messages": [
                    _ASKED,
                    {"role": "assistant", "content": [_CALL]},
                    {"role": "user", "content": [_RESULT]},
                ],
                "tools": [_WEATHER],
            },
            "thinking": {
                **_HELLO,
                "max_tokens": 2048,
                "thinking": {"type": "enabled", "budget_tokens": 1024},
            },
        },
    ),
    OwnOperation(
        "countTokens",
        "POST",
        "/v1/messages/count_tokens",
        "messages",
        "Count the tokens of a message",
        MessageTokensCount,
        body=_MessageCountTokens,
        examples={"hello": {key: one for key, one in _HELLO.items() if key != "max_tokens"}},
    ),
    OwnOperation(
        "createBatch",
        "POST",
        _BATCHES,
        "batches",
        "Create a batch of messages",
        MessageBatch,
        body=_BatchCreate,
        examples={"one": {"requests": [{"custom_id": "request-1", "params": _HELLO}]}},
    ),
    OwnOperation(
        "listBatches", "GET", _BATCHES, "batches", "List batches", BatchPage, query=BatchListParam
    ),
    OwnOperation("retrieveBatch", "GET", _BATCH, "batches", "Retrieve a batch", MessageBatch),
    OwnOperation("deleteBatch", "DELETE", _BATCH, "batches", "Delete a batch", DeletedBatch),
    OwnOperation(
        "cancelBatch", "POST", f"{_BATCH}/cancel", "batches", "Cancel a batch", MessageBatch
    ),
    OwnOperation(
        "retrieveBatchResults",
        "GET",
        f"{_BATCH}/results",
        "batches",
        "Retrieve a batch's results, one JSON object a line",
        BatchResult,
        answer_type="application/x-jsonl",
    ),
    OwnOperation(
        "listModels", "GET", "/v1/models", "models", "List models", ModelPage, query=ModelListParam
    ),
    OwnOperation(
        "retrieveModel", "GET", "/v1/models/{model_id}", "models", "Retrieve a model", ModelInfo
    ),
    OwnOperation(
        "uploadFile",
        "POST",
        "/v1/files",
        "files",
        "Upload a file",
        FileMetadata,
        body=_FileUpload,
        body_type="multipart/form-data",
    ),
    OwnOperation(
        "listFiles", "GET", "/v1/files", "files", "List files", FilePage, query=FileListParam
    ),
    OwnOperation(
        "retrieveFile", "GET", "/v1/files/{file_id}", "files", "Retrieve a file", FileMetadata
    ),
    OwnOperation(
        "deleteFile", "DELETE", "/v1/files/{file_id}", "files", "Delete a file", DeletedFile
    ),
    OwnOperation(
        "downloadFile",
        "GET",
        "/v1/files/{file_id}/content",
        "files",
        "Download what a tool has made",
        bytes,
        answer_type="application/octet-stream",
    ),
)
