"""Lists, plans and counting: how many were asked for, and as many lines."""

import re

from tanzaku.simulator.improviser._arithmetic import parse_chinese_number
from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._phrases import get_phrases

_SMALL_TEXT = """
    zero one two three four five six seven eight nine ten eleven twelve
"""
_SMALL = {word: number for number, word in enumerate(_SMALL_TEXT.split())}
_NUMBER_WORD = rf"(?:\d{{1,4}}|{'|'.join(_SMALL)})"
_HAN_NUMBER = r"\d{1,4}|[一二两三四五六七八九十百]+"
_COUNT = re.compile(
    rf"\bcount(?:ing)?\b[^.\n]{{0,20}}?(?:\bfrom ({_NUMBER_WORD}) )?\b(?:up )?to ({_NUMBER_WORD})\b",
    re.IGNORECASE,
)
_NUMERAL = re.compile(r"[0-9一二两三四五六七八九十百]")
_COUNT_HAN = re.compile(rf"(?:从\s*({_HAN_NUMBER})\s*)?数到\s*({_HAN_NUMBER})")
_COUNTING = frozenset(["count", "counting"])
_LIST = re.compile(
    rf"\b({_NUMBER_WORD})\s+(?:\w+\s+){{0,3}}?(?:ideas|tips|ways|reasons|examples|points|items|things|names|steps"
    r"|facts|benefits|questions|suggestions|features|advantages|books|options|subtasks|tasks|topics|titles"
    r"|consejos|razones|idées|conseils|raisons|ideen|gründe|tipps)\b"
    r"|(?:列|给|写|生成|提供|推荐|介绍|说|想|起|拆|分|成|提|总结|举|制定|出|设计)[^\d。\n]{0,8}?"
    rf"({_HAN_NUMBER})\s*(?:个|条|点|种|项|件|步|道|首)(?!人|月|小时)"
    r"|(\d{1,3})\s*(?:つ|個|가지|개)",
    re.IGNORECASE,
)
_ANY_LIST = re.compile(
    r"\blist\b(?<=^list)|\blist\b(?<=please list)|\bbullet points?\b"
    r"|\b(?:break|split|decompose|divide)\b.{0,60}\b(?:sub-?tasks|tasks|steps|parts)\b",
    re.IGNORECASE,
)
_ANY_LIST_WORDS = frozenset(["list", "bullet", "break", "split", "decompose", "divide"])
_ANY_LIST_HAN = re.compile(
    r"列出|列举|列个清单|(?:拆分|拆解|分解|拆)成?.{0,20}(?:子任务|任务|步骤)"
)
_NAMING = re.compile(r"\b(?:names?|slogans?)\b|名字|名称|店名|口号|起.{0,4}名", re.IGNORECASE)
_INVENTS = re.compile(
    r"\b(?:generate|suggest|write|create|give|find|invent|come up with)\b|起|取|想|写|拟",
    re.IGNORECASE,
)
_TITLING = re.compile(r"\b(?:titles?|headlines?)\b|标题", re.IGNORECASE)
_PLAN = re.compile(
    r"(?:please\s+)?(?:design|build|develop|create|implement|plan|analy[sz]e|prepare|fetch|collect|set up|deploy|organi[sz]e)\b"
    r"|(?:请|帮我|请帮我)?(?:设计|开发|获取|编写|创建|实现|分析|制定|准备|搭建|收集|整理|部署|测试|规划|完成)",
    re.IGNORECASE,
)
_MAX_PLAN = 100
_PLAN_ITEMS = 4
_MAX_COUNT = 2000
_MAX_LIST = 50
_USUAL_ITEMS = 5
_ITEM_WORDS_TEXT = """
    ideas tips ways reasons examples points items things names steps facts benefits questions
    suggestions features advantages books options subtasks tasks topics titles consejos razones
    idées conseils raisons ideen gründe tipps
"""
ITEM_WORDS = frozenset(_ITEM_WORDS_TEXT.split())
ITEM_HAN = ("个", "条", "点", "种", "项", "件", "步", "道", "首", "つ", "個", "가지", "개")


def find_item_count(conversation: Conversation) -> int | None:
    """How many items a list was asked to have ("five tips", "拆成3个子任务"); None when not said."""
    if not conversation.mentions(ITEM_WORDS, ITEM_HAN):
        return None
    instruction = conversation.ask.instruction
    if not _NUMERAL.search(instruction) and _SMALL.keys().isdisjoint(conversation.words):
        return None
    match = _LIST.search(instruction)
    if match is None:
        return None
    count = _read_count(match[match.lastindex or 0])
    return min(count, _MAX_LIST) if count else None


def _read_count(word: str) -> int:
    if word.isdecimal():
        return int(word)
    return _SMALL[word.lower()] if word.isascii() else parse_chinese_number(word)


def write_count(conversation: Conversation) -> str:
    match = conversation.match_from(_COUNTING, _COUNT)
    if match is None and not conversation.question.isascii():
        match = _COUNT_HAN.search(conversation.question)
    if match is None:
        return ""
    first = _read_count(match[1] or "1")
    last = _read_count(match[2])
    step = 1 if last >= first else -1
    numbers = range(first, last + step, step)[:_MAX_COUNT]
    separator = "，" if conversation.language == "zh" else ", "
    return separator.join(map(str, numbers))


def write_list(conversation: Conversation) -> str:
    count = find_item_count(conversation)
    if count is None:
        instruction = conversation.ask.instruction
        if not (
            conversation.match_from(_ANY_LIST_WORDS, _ANY_LIST)
            or (not instruction.isascii() and _ANY_LIST_HAN.search(instruction))
        ):
            return ""
        count = _USUAL_ITEMS
    key = _find_kind(conversation.ask.instruction)
    opening = conversation.say("list" if key == "items" else "list_names", count=str(count))
    return "\n".join([opening, "", *_write_items(conversation, key, count)])


def _find_kind(instruction: str) -> str:
    if _TITLING.search(instruction):
        return "titles"
    return "names" if _NAMING.search(instruction) else "items"


def write_name(conversation: Conversation) -> str:
    """One name or title, where something is to be given one."""
    instruction = conversation.ask.instruction
    key = _find_kind(instruction)
    if key == "items" or not _INVENTS.search(instruction):
        return ""
    return _write_items(conversation, key, 1)[0].removeprefix("1. ")


def write_plan(conversation: Conversation) -> str:
    """For a short order to do something: how it would be done."""
    question = conversation.question.strip()
    if len(question) > _MAX_PLAN or "?" in question or "？" in question:
        return ""
    if not _PLAN.match(question):
        return ""
    task = question.rstrip(".。!！")
    opening = conversation.say("plan", task=task)
    return "\n".join([opening, "", *_write_items(conversation, "items", _PLAN_ITEMS)])


def _write_items(conversation: Conversation, key: str, count: int) -> list[str]:
    items = get_phrases(conversation.language, key)
    lines = []
    for at in range(count):
        item = items[at % len(items)].format(**conversation.topics)
        lines.append(f"{at + 1}. {item}" if at < len(items) else f"{at + 1}. {item} ({at + 1})")
    return lines
