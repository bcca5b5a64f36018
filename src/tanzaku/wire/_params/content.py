"""Content blocks of a request."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tanzaku.wire._params.constraints import (
    Bounds,
    ByType,
    Index,
    ServerToolUseId,
    StringOr,
    ToolUseId,
)

type _Title = Annotated[str, Bounds(min_length=1, max_length=255)]


class CacheControlParam(TypedDict):
    """Marks the end of a prefix to cache; five minutes without `ttl`."""

    type: Literal["ephemeral"]
    ttl: NotRequired[Literal["5m", "1h"]]


class CharLocationParam(TypedDict):
    """`file_id`, here and in the next two: only answers are documented to have it. That one sent
    back as it was received is accepted is a guess.
    """

    type: Literal["char_location"]
    cited_text: str
    document_index: Index
    document_title: _Title | None
    file_id: NotRequired[str | None]
    start_char_index: Index
    end_char_index: int


class PageLocationParam(TypedDict):
    """Pages count from 1; the end page is not part of the citation."""

    type: Literal["page_location"]
    cited_text: str
    document_index: Index
    document_title: _Title | None
    file_id: NotRequired[str | None]
    start_page_number: Annotated[int, Bounds(ge=1)]
    end_page_number: int


class ContentBlockLocationParam(TypedDict):
    type: Literal["content_block_location"]
    cited_text: str
    document_index: Index
    document_title: _Title | None
    file_id: NotRequired[str | None]
    start_block_index: Index
    end_block_index: int


class WebSearchResultLocationParam(TypedDict):
    type: Literal["web_search_result_location"]
    cited_text: str
    encrypted_index: str
    title: Annotated[str, Bounds(min_length=1, max_length=512)] | None
    url: Annotated[str, Bounds(min_length=1, max_length=2048)]


class SearchResultLocationParam(TypedDict):
    type: Literal["search_result_location"]
    cited_text: str
    search_result_index: Index
    source: str
    title: str | None
    start_block_index: Index
    end_block_index: int


type CitationParam = Annotated[
    CharLocationParam
    | PageLocationParam
    | ContentBlockLocationParam
    | WebSearchResultLocationParam
    | SearchResultLocationParam,
    ByType(),
]


class TextBlockParam(TypedDict):
    type: Literal["text"]
    text: str
    cache_control: NotRequired[CacheControlParam | None]
    citations: NotRequired[list[CitationParam] | None]


class Base64ImageSourceParam(TypedDict):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class UrlSourceParam(TypedDict):
    type: Literal["url"]
    url: str


class FileSourceParam(TypedDict):
    type: Literal["file"]
    file_id: str


class ImageTransformationsParam(TypedDict):
    oversized_image: NotRequired[Literal["downsize", "error"]]


class ImageBlockParam(TypedDict):
    type: Literal["image"]
    source: Annotated[Base64ImageSourceParam | UrlSourceParam | FileSourceParam, ByType()]
    cache_control: NotRequired[CacheControlParam | None]
    transformations: NotRequired[ImageTransformationsParam | None]


class Base64PdfSourceParam(TypedDict):
    type: Literal["base64"]
    media_type: Literal["application/pdf"]
    data: str


class PlainTextSourceParam(TypedDict):
    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class ContentSourceParam(TypedDict):
    type: Literal["content"]
    content: Annotated[
        str | list[Annotated[TextBlockParam | ImageBlockParam, ByType()]], StringOr()
    ]


class CitationsConfigParam(TypedDict):
    enabled: NotRequired[bool]


class DocumentBlockParam(TypedDict):
    type: Literal["document"]
    source: Annotated[
        Base64PdfSourceParam
        | PlainTextSourceParam
        | ContentSourceParam
        | UrlSourceParam
        | FileSourceParam,
        ByType(),
    ]
    cache_control: NotRequired[CacheControlParam | None]
    citations: NotRequired[CitationsConfigParam | None]
    context: NotRequired[Annotated[str, Bounds(min_length=1)] | None]
    title: NotRequired[Annotated[str, Bounds(min_length=1, max_length=500)] | None]


class SearchResultBlockParam(TypedDict):
    type: Literal["search_result"]
    content: list[TextBlockParam]
    source: str
    title: str
    cache_control: NotRequired[CacheControlParam | None]
    citations: NotRequired[CitationsConfigParam]


class ThinkingBlockParam(TypedDict):
    """Sent back exactly as it was received."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlockParam(TypedDict):
    type: Literal["redacted_thinking"]
    data: str


class DirectCallerParam(TypedDict):
    type: Literal["direct"]


class ServerToolCaller20250825Param(TypedDict):
    type: Literal["code_execution_20250825"]
    tool_id: ServerToolUseId


class ServerToolCaller20260120Param(TypedDict):
    type: Literal["code_execution_20260120"]
    tool_id: ServerToolUseId


type CallerParam = Annotated[
    DirectCallerParam | ServerToolCaller20250825Param | ServerToolCaller20260120Param, ByType()
]


class ToolUseBlockParam(TypedDict):
    type: Literal["tool_use"]
    id: ToolUseId
    name: Annotated[str, Bounds(min_length=1, max_length=200)]
    input: dict[str, Any]
    cache_control: NotRequired[CacheControlParam | None]
    caller: NotRequired[CallerParam]
    toolset_name: NotRequired[str | None]


class ToolReferenceBlockParam(TypedDict):
    type: Literal["tool_reference"]
    tool_name: Annotated[
        str, Bounds(min_length=1, max_length=256, pattern="^[a-zA-Z0-9_-]{1,256}$")
    ]
    cache_control: NotRequired[CacheControlParam | None]


class BrowserTabParam(TypedDict):
    tab_id: str
    title: str
    url: str
    active: NotRequired[bool]


class TabOpenedParam(TypedDict):
    type: Literal["tab_opened"]
    tab_id: str


class DownloadStartedParam(TypedDict):
    type: Literal["download_started"]
    download_id: str
    url: str


class DownloadCompletedParam(TypedDict):
    type: Literal["download_completed"]
    download_id: str
    url: str
    path: NotRequired[str | None]
    size_bytes: NotRequired[int | None]


class DownloadFailedParam(TypedDict):
    type: Literal["download_failed"]
    download_id: str
    url: str
    error: NotRequired[str | None]


class BrowserStateBlockParam(TypedDict):
    type: Literal["browser_state"]
    tabs: list[BrowserTabParam]
    cache_control: NotRequired[CacheControlParam | None]
    state_changes: NotRequired[
        list[
            Annotated[
                TabOpenedParam
                | DownloadStartedParam
                | DownloadCompletedParam
                | DownloadFailedParam,
                ByType(),
            ]
        ]
        | None
    ]


class ToolResultBlockParam(TypedDict):
    """What a tool gave back. The blocks of one turn's results come before any other content."""

    type: Literal["tool_result"]
    tool_use_id: ToolUseId
    cache_control: NotRequired[CacheControlParam | None]
    content: NotRequired[
        Annotated[
            str
            | list[
                Annotated[
                    TextBlockParam
                    | ImageBlockParam
                    | SearchResultBlockParam
                    | DocumentBlockParam
                    | ToolReferenceBlockParam
                    | BrowserStateBlockParam,
                    ByType(),
                ]
            ],
            StringOr(),
        ]
    ]
    is_error: NotRequired[bool]
    toolset_name: NotRequired[str | None]


class ContainerUploadBlockParam(TypedDict):
    type: Literal["container_upload"]
    file_id: str
    cache_control: NotRequired[CacheControlParam | None]
