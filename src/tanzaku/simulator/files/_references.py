"""Where a Messages request names files, and the same request with their contents instead."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

type FileUse = Literal["document", "image", "container_upload"]


class FileReference(NamedTuple):
    file_id: str
    use: FileUse


def find_references(request: Mapping[str, Any]) -> Iterator[FileReference]:
    """Every file that a request of the right shape names, in order: in documents, images and
    container uploads, also inside tool results and documents made of blocks."""
    for message in request.get("messages", ()):
        yield from _find_in(message.get("content"))


def _find_in(content: object) -> Iterator[FileReference]:
    if not isinstance(content, list):
        return
    for block in content:
        match block.get("type"):
            case "document" | "image" as use:
                source = block["source"]
                if source["type"] == "file":
                    yield FileReference(source["file_id"], use)
                yield from _find_in(source.get("content"))
            case "container_upload" as use:
                yield FileReference(block["file_id"], use)
            case "tool_result":
                yield from _find_in(block.get("content"))
            case _:
                pass


def replace_sources(
    request: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A copy of `request` in which documents and images have the source that `sources` gives for
    their file; those it gives none for stay as they are. What is not changed is shared."""
    messages = [
        {**message, "content": _replace_in(message["content"], sources)}
        for message in request["messages"]
    ]
    return {**request, "messages": messages}


def _replace_in(content: object, sources: Mapping[str, Mapping[str, Any]]) -> object:
    if not isinstance(content, list):
        return content
    return [_replace_block(block, sources) for block in content]


def _replace_block(
    block: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    match block.get("type"):
        case "document" | "image":
            source = block["source"]
            if source["type"] == "file":
                return {**block, "source": sources.get(source["file_id"], source)}
            if isinstance(source.get("content"), list):
                inner = _replace_in(source["content"], sources)
                return {**block, "source": {**source, "content": inner}}
        case "tool_result":
            return {**block, "content": _replace_in(block.get("content"), sources)}
        case _:
            pass
    return block
