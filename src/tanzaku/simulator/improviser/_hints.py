"""What a property is after, judged by its name and description: a place, a date, a search text.

The kinds are those of `Facts.find`. No tool is named here; only words that property names and
descriptions are commonly made of.
"""

import re
from collections.abc import Mapping
from typing import Any

_BY_WORDS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = tuple(
    (frozenset(words.split()), tuple(kinds.split()))
    for words, kinds in (
        ("email mail recipient recipients", "email"),
        ("url uri link website webpage endpoint href", "url"),
        ("expression formula equation calculation math", "expression"),
        ("phone telephone mobile tel", "phone"),
        ("ip", "ip"),
        ("path file filename filepath directory folder", "path quoted"),
        ("uuid guid", "uuid"),
        ("datetime timestamp", "datetime date"),
        ("date day deadline due departure arrival checkin checkout birthday", "date datetime"),
        ("time hour", "time datetime"),
        ("city location place destination origin region country town address area where "
         "timezone zone cities locations places", "place"),
        ("currency", "currency"),
        ("company companies employer organization organisation vendor brand", "company"),
        ("id ids identifier code sku ticket number no tracking reference ref serial order invoice",
         "code uuid quoted number"),
        ("name person user customer author assignee contact who to attendee attendees", "person quoted"),
        ("query search q keyword keywords term terms topic subject title", "quoted phrase text"),
        ("text message content body prompt question input note comment sentence request task "
         "instruction instructions", "quoted text"),
        ("description summary reason", "text"),
    )
)  # fmt: skip
_HAN = (
    ("邮箱", ("email",)), ("邮件地址", ("email",)), ("网址", ("url",)), ("链接", ("url",)),
    ("表达式", ("expression",)), ("算式", ("expression",)), ("公式", ("expression",)),
    ("电话", ("phone",)), ("手机", ("phone",)), ("路径", ("path", "quoted")), ("文件", ("path", "quoted")),
    ("日期", ("date",)), ("时间", ("time", "datetime", "date")), ("城市", ("place",)),
    ("地点", ("place",)), ("地址", ("place",)), ("位置", ("place",)), ("国家", ("place",)),
    ("货币", ("currency",)), ("公司", ("company",)), ("订单", ("code", "quoted", "number")), ("编号", ("code", "quoted", "number")),
    ("单号", ("code", "quoted", "number")), ("姓名", ("person", "quoted")), ("名字", ("person", "quoted")),
    ("用户", ("person", "quoted")), ("客户", ("person", "quoted")), ("关键词", ("quoted", "phrase", "text")),
    ("查询", ("quoted", "phrase", "text")), ("搜索", ("quoted", "phrase", "text")),
    ("标题", ("quoted", "phrase", "text")), ("主题", ("quoted", "phrase", "text")),
    ("内容", ("quoted", "text")), ("文本", ("quoted", "text")), ("消息", ("quoted", "text")),
    ("问题", ("quoted", "text")), ("描述", ("text",)), ("摘要", ("text",)),
)  # fmt: skip
_FORMATS: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "idn-email": ("email",),
    "uri": ("url",),
    "uri-reference": ("url",),
    "iri": ("url",),
    "date": ("date",),
    "date-time": ("datetime",),
    "uuid": ("uuid",),
    "ipv4": ("ip",),
}
_SPLIT = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")


def split_name(name: str) -> list[str]:
    """`orderId`, `order_id` and `order-id` → [order, id]."""
    return [part.lower() for part in _SPLIT.split(name) if part]


def find_kinds(name: str, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of fact to fill a string property from, best first; empty when nothing tells."""
    declared = schema.get("format")
    if isinstance(declared, str):
        return _FORMATS.get(declared, ())
    words = split_name(name)
    # The head of an English compound stands last: order_id is an id, city_name a name ... of a city.
    for word in reversed(words):
        for known, kinds in _BY_WORDS:
            if word in known:
                return _qualify(words, kinds)
    description = schema.get("description")
    if not isinstance(description, str):
        description = ""
    for han, kinds in _HAN:
        if han in name or han in description:
            return kinds
    for word in _WORD.findall(description.lower()[:200]):
        for known, kinds in _BY_WORDS:
            if word in known and word not in _WEAK:
                return kinds
    return ()


_WEAK_TEXT = """
    to no who where name number input user order text content request body
"""
_WEAK = frozenset(_WEAK_TEXT.split())


def _qualify(words: list[str], kinds: tuple[str, ...]) -> tuple[str, ...]:
    """`city_name` wants a place although it ends in `name`; `file_name` a path."""
    if kinds[0] != "person" or len(words) < 2:
        return kinds
    for known, other in _BY_WORDS:
        if other[0] in {"place", "path"} and words[-2] in known:
            return other
    if words[-2] in {"first", "last", "full", "user", "customer", "contact", "person"}:
        return kinds
    return ("quoted", "phrase")
