"""Rules on the conversation: one pass over its turns and blocks."""

from collections.abc import Mapping, Sequence
from typing import Any

from tanzaku.wire._beta import TURN_OUTPUT_CONFIG, TYPES, is_unlocked
from tanzaku.wire._check_media import Media, check_image
from tanzaku.wire._check_pairing import Pairing
from tanzaku.wire._inspection import Inspection

_ASSISTANT_ONLY = frozenset(("thinking", "redacted_thinking", "tool_use", "server_tool_use"))
_USER_ONLY = frozenset(("tool_result", "image"))
_PLAIN_TURN_KEYS = 2
_SERVER_RESULT_ENDING = "_tool_result"


def check_messages(inspection: Inspection) -> None:
    messages = inspection.request["messages"]
    if not messages:
        inspection.refuse("messages", "at least one message is required")
        return
    if messages[0]["role"] == "assistant":
        inspection.refuse("messages", 'first message must use the "user" role', is_guess=True)
    pairing = Pairing(inspection)
    media = Media()
    last = len(messages) - 1
    for index, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if len(message) > _PLAIN_TURN_KEYS:
            _check_turn_config(inspection, role, index)
        if role == "system":
            _check_system_turn(inspection, messages, index)
        pairing.enter(role, index)
        if not content:
            if role != "assistant" or index != last:
                inspection.refuse(
                    f"messages.{index}",
                    "all messages must have non-empty content except for the optional final "
                    "assistant message",
                )
        elif type(content) is str:
            pairing.is_content_passed = True
            if content.isspace():
                inspection.refuse(
                    "messages", "text content blocks must contain non-whitespace text"
                )
        else:
            _check_blocks(inspection, index, message, pairing, media)
            # Turns of one role in a row are one, so its last block may come in a later one.
            if role == "assistant" and (index == last or messages[index + 1]["role"] != role):
                _check_last_block(inspection, content[-1], index)
    pairing.finish()
    media.check(inspection)


def check_system(inspection: Inspection) -> None:
    system = inspection.request.get("system")
    if not system or isinstance(system, str):
        return
    for index, block in enumerate(system):
        if not block["text"] or block["text"].isspace():
            _refuse_text(inspection, block, "system", f"system.{index}")
        mark = block.get("cache_control")
        if mark is not None:
            inspection.marks.append((f"system.{index}", mark))


def _check_blocks(
    inspection: Inspection,
    index: int,
    message: Mapping[str, Any],
    pairing: Pairing,
    media: Media,
) -> None:
    role, content = message["role"], message["content"]
    for position, block in enumerate(content):
        kind = block["type"]
        if kind == "text":
            pairing.is_content_passed = True
            if not block["text"] or block["text"].isspace():
                _refuse_text(inspection, block, "messages", f"messages.{index}.content.{position}")
            if role == "user" and inspection.is_strict_version and block.get("citations"):
                _refuse_citations(inspection, f"messages.{index}.content.{position}.text")
        else:
            path = f"messages.{index}.content.{position}"
            if kind == "tool_use":
                pairing.use(block["id"], path)
            elif kind == "tool_result":
                pairing.result(block["tool_use_id"], path)
                _check_result_content(inspection, block, path, media)
            else:
                pairing.is_content_passed = True
            _check_other_block(inspection, block, role, path, media)
        mark = block.get("cache_control")
        if mark is not None:
            inspection.marks.append((f"messages.{index}.content.{position}", mark))


def _check_last_block(inspection: Inspection, block: Mapping[str, Any], index: int) -> None:
    kind = block["type"]
    if kind in ("thinking", "redacted_thinking"):
        inspection.refuse(
            f"messages.{index}", f"The final block in an assistant message cannot be `{kind}`."
        )


def _check_other_block(
    inspection: Inspection, block: Mapping[str, Any], role: str, path: str, media: Media
) -> None:
    kind = block["type"]
    if kind in TYPES and not is_unlocked(TYPES[kind], inspection.betas):
        inspection.refuse(path, "Extra inputs are not permitted", is_guess=True)
    elif role == "system":
        inspection.refuse(path, "only `text` blocks can be in `system` messages", is_guess=True)
    elif role == "user" and kind in _ASSISTANT_ONLY:
        inspection.refuse(
            path, f"`{kind}` blocks can only be in `assistant` messages", is_guess=True
        )
    elif role == "assistant" and (
        kind in _USER_ONLY or (kind == "document" and inspection.is_strict_version)
    ):
        inspection.refuse(path, f"`{kind}` blocks can only be in `user` messages", is_guess=True)
    if kind == "image":
        media.images += 1
        check_image(inspection, block, path)
    elif kind == "document":
        _check_document(inspection, block, path, media)
    elif kind == "search_result" and role == "user":
        _check_search_result(inspection, block, path)


def _check_result_content(
    inspection: Inspection, block: Mapping[str, Any], path: str, media: Media
) -> None:
    content = block.get("content")
    if not content or isinstance(content, str):
        return
    for position, inner in enumerate(content):
        inner_path = f"{path}.tool_result.content.{position}"
        match inner["type"]:
            case "image":
                media.images += 1
                check_image(inspection, inner, inner_path)
            case "document":
                _check_document(inspection, inner, inner_path, media)
            case "search_result":
                _check_search_result(inspection, inner, inner_path)
            case "text" if inspection.is_strict_version and inner.get("citations"):
                _refuse_citations(inspection, f"{inner_path}.text")
        mark = inner.get("cache_control")
        if mark is not None:
            inspection.marks.append((inner_path, mark))


def _check_document(
    inspection: Inspection, block: Mapping[str, Any], path: str, media: Media
) -> None:
    if block["source"]["type"] == "base64":
        media.documents += 1
    if inspection.output_schema is not None and (block.get("citations") or {}).get("enabled"):
        inspection.refuse(
            f"{path}.document.citations",
            "citations are not supported together with `output_config.format`",
            is_guess=True,
        )


def _check_search_result(inspection: Inspection, block: Mapping[str, Any], path: str) -> None:
    if inspection.is_strict_version:
        for position, inner in enumerate(block["content"]):
            if inner.get("citations"):
                _refuse_citations(inspection, f"{path}.search_result.content.{position}")


def _refuse_citations(inspection: Inspection, path: str) -> None:
    """That it is refused is documented, the text is a guess."""
    inspection.refuse(f"{path}.citations", "Extra inputs are not permitted", is_guess=True)


def _refuse_text(inspection: Inspection, block: Mapping[str, Any], field: str, path: str) -> None:
    if block["text"]:
        inspection.refuse(field, "text content blocks must contain non-whitespace text")
    elif block.get("cache_control") is not None:
        inspection.refuse(
            f"{path}.text",
            "cache_control cannot be set for empty text blocks",
            is_guess=field == "system",
        )
    else:
        inspection.refuse(field, "text content blocks must be non-empty")


def _check_system_turn(
    inspection: Inspection, messages: Sequence[Mapping[str, Any]], index: int
) -> None:
    """Where a `system` turn may stand is documented, the texts on it are guesses."""
    if inspection.model.system_turns is False:
        inspection.refuse("", "role 'system' is not supported on this model")
        return
    if index == 0:
        inspection.refuse(
            "messages",
            'Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
            'not "system" as an input message role.',
            is_guess=True,
        )
        return
    path = f"messages.{index}"
    before = messages[index - 1]
    if before["role"] != "user" and not _ends_in_server_result(before):
        inspection.refuse(
            path,
            "a `system` message must follow a `user` message or a server tool result",
            is_guess=True,
        )
    if index + 1 < len(messages) and messages[index + 1]["role"] != "assistant":
        inspection.refuse(
            path,
            "a `system` message must be the last or precede an `assistant` message",
            is_guess=True,
        )


def _check_turn_config(inspection: Inspection, role: str, index: int) -> None:
    if role != "system" or not is_unlocked(TURN_OUTPUT_CONFIG, inspection.betas):
        inspection.refuse(f"messages.{index}.output_config", "Extra inputs are not permitted")


def _ends_in_server_result(message: Mapping[str, Any]) -> bool:
    content = message["content"]
    if message["role"] != "assistant" or isinstance(content, str) or not content:
        return False
    kind: str = content[-1]["type"]
    return kind.endswith(_SERVER_RESULT_ENDING)
