"""JSON answers to prompts that ask for JSON in words: by their template, their keys, or a plan."""

import json
import re
from typing import Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._facts import find_names

_ASKS_FOR_JSON = re.compile(
    r"\bas (?:a )?json\b|\bin json\b|json (?:array|object|list|format|only)|valid json|\bonly json\b"
    r"|(?:return|respond|reply|output|answer|produce|give|generate|write)\b[^.\n]{0,60}\bjson\b"
    r"|(?:返回|输出|用|以|生成|回复|给出|按)[^。\n]{0,20}json|json\s*(?:格式|数组|对象|列表)",
    re.IGNORECASE,
)
_ARRAY = re.compile(
    r"json (?:array|list)|array of|list of strings|json\s*(?:数组|列表)", re.IGNORECASE
)
_KEY = r"[\"'`“]?[A-Za-z_]\w*[\"'`”]?(?:\s*\([^)]*\))?"
_KEYS = re.compile(
    r"(?:keys?|fields?|properties|attributes|字段|键)(?:\s+(?:named|called|are|of))?\s*[:：为是包括]*\s*"
    rf"({_KEY}(?:\s*(?:,\s*(?:and\s+)?|、|和|\band\s)\s*{_KEY})*)"
)
_STRINGS = re.compile(r"(?:array|list) of strings|字符串(?:数组|列表)", re.IGNORECASE)
_EXTRACTED = re.compile(
    r"\bextract (?:the )?([a-z_]+(?:(?:,? and |, )[a-z_]+)*)(?= from| as| in| and return|[:.])",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAN = re.compile(
    r"\b(?:sub-?tasks?|tasks|steps|plan|break|split|decompose)\b|子任务|任务|步骤|计划|分解|拆分|拆解",
    re.IGNORECASE,
)
_NUMERIC = frozenset(
    [
        "id",
        "age",
        "count",
        "price",
        "quantity",
        "total",
        "score",
        "number",
        "year",
        "amount",
        "rating",
    ]
)
_NAMED_TYPES = {
    "number": "integer",
    "integer": "integer",
    "int": "integer",
    "boolean": "boolean",
    "bool": "boolean",
    "true/false": "boolean",
}
_PLAIN_TYPES = {bool: "boolean", int: "integer", float: "number"}
_NOT_KEYS = frozenset({"and", "or", "the", "with", "only", "as", "a", "of"})
_ELLIPSIS = re.compile(r",?\s*(?:\.\.\.|…)")
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_ANGLED = re.compile(r":\s*<([^<>\n]{1,60})>")
_MAX_TEMPLATE = 4000


def is_asking_for_json(conversation: Conversation) -> bool:
    texts = (conversation.question, conversation.system[:_MAX_TEMPLATE])
    return any("json" in text.lower() and _ASKS_FOR_JSON.search(text) for text in texts)


def write_json(conversation: Conversation, item_count: int | None) -> str:
    """JSON text, not fenced, on the topic of the question."""
    from tanzaku.simulator.improviser._schema import build_value

    schema = _infer_schema(conversation)
    chance = Chance(conversation.seed, "json", conversation.question)
    value = build_value(schema, conversation.facts, chance, fill=True, item_count=item_count)
    return json.dumps(value, ensure_ascii=False, indent=2)


def _infer_schema(conversation: Conversation) -> dict[str, Any]:
    texts = (conversation.question, conversation.system[:_MAX_TEMPLATE])
    for text in texts:
        template = _find_template(text)
        if template is not None:
            return _schema_of(template)
    asked = "\n".join(texts)
    if _STRINGS.search(asked):
        return _strings(conversation)
    is_array = _ARRAY.search(asked) is not None
    keys = _KEYS.search(asked) or (None if is_array else _EXTRACTED.search(asked))
    names = [name for name in _NAME.findall(keys[1]) if name not in _NOT_KEYS] if keys else []
    if names:
        item: dict[str, Any] = _object_of(*names)
    elif _PLAN.search(asked):
        item = {"type": "object", "properties": {"id": {"type": "integer"}, "title": {"type": "string"}, "description": {"type": "string"}}, "required": ["id", "title", "description"]}  # fmt: skip
        if not is_array:
            return {"type": "object", "properties": {"subtasks": {"type": "array", "items": item}}, "required": ["subtasks"]}  # fmt: skip
    elif is_array:
        return _strings(conversation)
    else:
        item = _object_of("topic", "answer")
    return {"type": "array", "items": item} if is_array else item


def _strings(conversation: Conversation) -> dict[str, Any]:
    """A list of strings; where names are to be extracted, those of the text."""
    is_extraction = "extract" in conversation.words or "提取" in conversation.question
    names = find_names(conversation.ask.material) if is_extraction else []
    return {"const": names} if names else {"type": "array", "items": {"type": "string"}}


def _object_of(*names: str) -> dict[str, Any]:
    properties = {name: _guess_type(name) for name in names}
    return {"type": "object", "properties": properties, "required": list(names)}


def _guess_type(name: str) -> dict[str, Any]:
    if name in _NUMERIC:
        return {"type": "integer"}
    if name.endswith("s") and len(name) > 4 and not name.endswith("ss"):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "string"}


def _find_template(text: str) -> Any:
    """The first object or array of objects in `text` that reads as JSON, loosely written."""
    for opening in re.finditer(r"[\[{]", text[:_MAX_TEMPLATE]):
        end = _find_end(text, opening.start())
        if end is None:
            continue
        loose = _ELLIPSIS.sub("", text[opening.start() : end])
        loose = _TRAILING_COMMA.sub(r"\1", _ANGLED.sub(r': "\1"', loose))
        try:
            value = json.loads(loose)
        except ValueError:
            continue
        if isinstance(value, dict) and value:
            return value
        if isinstance(value, list) and value and isinstance(value[0], dict | str):
            return value
    return None


def _find_end(text: str, start: int) -> int | None:
    depth = 0
    for at in range(start, min(len(text), start + _MAX_TEMPLATE)):
        if text[at] in "[{":
            depth += 1
        elif text[at] in "]}":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def _schema_of(template: Any) -> dict[str, Any]:
    match template:
        case dict():
            return {
                "type": "object",
                "properties": {name: _schema_of(part) for name, part in template.items()},
                "required": list(template),
            }
        case list():
            items = _schema_of(template[0]) if template else {"type": "string"}
            return {"type": "array", "items": items}
        case str() if "|" in template:
            return {"enum": [part.strip() for part in template.split("|")]}
        case str():
            return {"type": _NAMED_TYPES.get(template, "string")}
        case _:
            return {"type": _PLAIN_TYPES.get(type(template), "string")}
