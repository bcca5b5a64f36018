"""Text answers: what kind of answer a prompt wants, and the words for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tanzaku.simulator._arithmetic import prettify
from tanzaku.simulator._classes import write_class
from tanzaku.simulator._code import CODE_HAN, CODE_WORDS, is_asking_for_code, write_code
from tanzaku.simulator._conversation import Conversation
from tanzaku.simulator._given_text import (
    write_extraction,
    write_from_context,
    write_rewriting,
    write_summary,
    write_translation,
)
from tanzaku.simulator._json_text import is_asking_for_json, write_json
from tanzaku.simulator._lists import (
    ITEM_HAN,
    ITEM_WORDS,
    find_item_count,
    write_count,
    write_list,
    write_name,
    write_plan,
)
from tanzaku.simulator._phrases import get_phrases, join_sentences
from tanzaku.simulator._results import write_results
from tanzaku.simulator._reviews import write_review
from tanzaku.simulator._small_talk import write_small_talk

_ECHO = re.compile(
    r"\b(?:reply|respond|answer|say|repeat|output|print|write|return)\b"
    r"(?:\s+(?:back|to me|with|exactly|only|just|the (?:single )?(?:word|words|phrase|text|following)|this|after me))+\s*"
    r"[:：]?\s*[\"“'`]?(?P<en>[^\"”`\n]{1,200}?)[\"”'`]?\s*[.!]?\s*$"
    r"|\bsay\s+[\"“'`](?P<say>[^\"”`\n]{1,200}?)[\"”'`]"
    r"|(?:只|请只|仅)?(?:回复|回答|输出|说|重复)(?:我)?[:：]?\s*[“「\"](?P<zh>[^”」\"\n]{1,200})[”」\"]"
    r"|(?:只|请只|仅)(?:回复|回答|输出|说)[:：]?\s*(?P<only>[^。\n]{1,60}?)[。.]?\s*$",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^\s*(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have)\s+(?!you\b)[^\n]{1,300}\?\s*$"
    r"|\byes (?:or|/) no\b|(?:是不是|是否|对吗|是吗|可以吗)[^。\n]{0,60}[？?]?\s*$",
    re.IGNORECASE,
)
_SUPPORT = re.compile(
    r"\b(?:customers?|customer service|support agent|refund|haven't received|has not arrived|hasn't arrived"
    r"|complain\w*|my order|damaged|charged)\b|客服|退款|退货|投诉|没收到|没有收到|还没到|物流|我的订单|破损",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"(\d{1,5})[\s-]*(words?|sentences?|paragraphs?|字|句|段|palabras|mots|wörter)", re.IGNORECASE
)
_ONE_SENTENCE = re.compile(
    r"\b(?:one|a single|1) sentence\b|\bone word\b|\bbriefly\b|\bin short\b|\bone line\b|一句话|简短|简要",
    re.IGNORECASE,
)
_LONG = re.compile(
    r"\b(?:essay|story|article|report|long|detailed|in detail|comprehensive|thorough)\b|文章|故事|作文|详细|报告|长文",
    re.IGNORECASE,
)
_CAPITAL = re.compile(
    r"capital (?:city )?of ([A-Za-z ]{3,20}?)[\s?.]*$|([\u4e00-\u9fff]{2,4})[的の]?首都",
    re.IGNORECASE,
)
_CAPITALS = {
    "france": "Paris", "germany": "Berlin", "japan": "Tokyo", "china": "Beijing", "italy": "Rome",
    "spain": "Madrid", "south korea": "Seoul", "canada": "Ottawa", "australia": "Canberra",
    "brazil": "Brasília", "india": "New Delhi", "england": "London", "portugal": "Lisbon",
}  # fmt: skip
_CAPITALS_HAN = {
    "法国": "巴黎", "德国": "柏林", "日本": "东京", "中国": "北京", "意大利": "罗马", "西班牙": "马德里",
    "韩国": "首尔", "英国": "伦敦", "加拿大": "渥太华", "美国": "华盛顿", "俄罗斯": "莫斯科",
}  # fmt: skip
_HAIKU = re.compile(r"\bhaiku\b(?! ?\d)|俳句|하이쿠", re.IGNORECASE)
_POEM = re.compile(r"\bpoem\b|诗|詩", re.IGNORECASE)
_LETTER = re.compile(
    r"\b(?:write|draft|compose)\b.{0,40}\b(?:e-?mail|letter|message)\b|(?:写|起草|拟).{0,8}(?:邮件|信|通知)",
    re.IGNORECASE,
)
_MAX_WORDS = 4000
_MAX_SUM_PROMPT = 400
_USUAL_SENTENCES = 3
_PARAGRAPH = 5
_LENGTH_WORDS_TEXT = """
    word words sentence sentences paragraph paragraphs palabras mots wörter briefly short line
    essay story article report long detailed detail comprehensive thorough
"""
_LENGTH_WORDS = frozenset(_LENGTH_WORDS_TEXT.split())
_LENGTH_HAN = ("字", "句", "段", "简短", "简要", "文章", "故事", "作文", "详细", "报告", "长文")


def write_text(conversation: Conversation) -> str:
    """The whole answer in words, before any limit is applied."""
    if conversation.results:
        return write_results(conversation)
    is_plain = (
        conversation.question.isascii()
        and not conversation.system
        and _WRITERS_WORDS.isdisjoint(conversation.words)
    )
    for writer in _CONSTANT_WRITERS if is_plain else _WRITERS:
        if writer.words is None or conversation.mentions(
            writer.words, writer.han, with_system=writer.reads_system
        ):
            written = writer.write(conversation)
            if written:
                return written
    if not conversation.question.strip():
        return conversation.say("image")
    return _write_prose(conversation)


def _write_echo(conversation: Conversation) -> str:
    match = _ECHO.search(conversation.question[-300:])
    return next((part.strip() for part in match.groups() if part), "") if match else ""


def _write_json(conversation: Conversation) -> str:
    if not is_asking_for_json(conversation):
        return ""
    return write_json(conversation, find_item_count(conversation))


def _write_sums(conversation: Conversation) -> str:
    if len(conversation.question) > _MAX_SUM_PROMPT:
        return ""
    return "\n".join(
        conversation.say("sum", expression=prettify(found.expression), value=found.value)
        for found in conversation.facts.sums
    )


def _write_code(conversation: Conversation) -> str:
    if not is_asking_for_code(conversation):
        return ""
    language, block, is_bare = write_code(conversation)
    if is_bare:
        return block
    opening = conversation.say("code", language=language)
    return f"{opening}\n\n{block}\n\n{conversation.say('code_end')}"


def _write_yes(conversation: Conversation) -> str:
    # "Was ist ...?" opens like an English question and is none.
    if conversation.language not in {"en", "zh"}:
        return ""
    instruction = conversation.ask.instruction
    if {"yes", "no"} <= conversation.words:
        return "Yes."
    return conversation.say("yes") if _YES_NO.search(instruction) else ""


def _write_capital(conversation: Conversation) -> str:
    match = _CAPITAL.search(conversation.ask.instruction)
    country = next((group for group in match.groups() if group), "").lower() if match else ""
    if country in _CAPITALS_HAN:
        capital = _CAPITALS_HAN[country]
        return get_phrases(conversation.language, "capital")[0].format(
            country=country, capital=capital
        )
    if country in _CAPITALS:
        return f"The capital of {country.title()} is {_CAPITALS[country]}."
    return ""


def _write_verse(conversation: Conversation) -> str:
    instruction = conversation.ask.instruction
    if _HAIKU.search(instruction):
        return conversation.say("haiku")
    return conversation.say("poem") if _POEM.search(instruction) else ""


def _write_letter(conversation: Conversation) -> str:
    return conversation.say("letter") if _LETTER.search(conversation.ask.instruction) else ""


def _write_support(conversation: Conversation) -> str:
    if not (_SUPPORT.search(conversation.question) or _SUPPORT.search(conversation.system)):
        return ""
    codes = [
        code
        for text in (conversation.facts, *conversation.earlier_facts)
        for code in text.scanned.get("code", [])
    ]
    code = conversation.say("support_code", code=codes[0]) if codes else ""
    reply = conversation.say("support", code=code)
    is_told = "ai assistant" in conversation.system.lower()
    return f"{conversation.say('support_ai')}{reply}" if is_told else reply


def _write_prose(conversation: Conversation) -> str:
    """One to three paragraphs on the topic, or as long as was asked for."""
    language = conversation.language
    topics = conversation.topics
    body = get_phrases(language, "body")
    sentences = [conversation.say("opening")]
    wanted = _USUAL_SENTENCES
    if conversation.mentions(_LENGTH_WORDS, _LENGTH_HAN):
        if _ONE_SENTENCE.search(conversation.ask.instruction):
            return sentences[0]
        wanted = _find_length(conversation.ask.instruction)
    at = conversation.chance.below(len(body))
    paragraphs: list[str] = []
    for number in range(wanted):
        sentences.append(body[(at + number) % len(body)].format(**topics))
        if len(sentences) == _PARAGRAPH:
            paragraphs.append(join_sentences(language, sentences))
            sentences = []
    sentences.append(conversation.say("closing"))
    return "\n\n".join([*paragraphs, join_sentences(language, sentences)])


def _find_length(instruction: str) -> int:
    """Sentences of body: a sentence counts as 16 words, 22 Chinese characters."""
    match = _LENGTH.search(instruction)
    if match is None:
        return 12 if _LONG.search(instruction) else _USUAL_SENTENCES
    amount = min(int(match[1]), _MAX_WORDS)
    unit = match[2].lower()
    if unit[0] in "s句":
        return max(0, min(amount, 200) - 2)
    if unit[:3] == "par" or unit == "段":
        return min(amount, 50) * 5
    return max(0, amount // (22 if unit == "字" else 16) - 1)


@dataclass(frozen=True, slots=True)
class _Writer:
    """`write` gives "" where its kind of answer is not wanted after all; it is asked only when the
    question (or the system prompt, with `reads_system`) mentions one of `words` or `han`
    (None: always)."""

    words: frozenset[str] | None
    han: tuple[str, ...]
    write: Callable[[Conversation], str]
    reads_system: bool = False


def _writer(
    words: str, han: str, write: Callable[[Conversation], str], *, reads_system: bool = False
) -> _Writer:
    return _Writer(frozenset(words.split()), tuple(han.split()), write, reads_system)


_WRITERS = (
    _Writer(None, (), write_small_talk),
    _writer(
        "translate translation translator translated say", "翻译 译 翻訳 怎么说 번역",
        write_translation, reads_system=True,
    ),
    _writer(
        "reply respond answer say repeat output print write return",
        "回复 回答 输出 说 重复",
        _write_echo,
    ),
    _writer("count counting", "数到", write_count),
    _Writer(None, (), _write_json),
    _writer("context document passage my i", "资料 背景 上下文 文档 材料 我", write_from_context),
    _writer(
        "review debug fix refactor optimize optimise improve bug bugs wrong explain does do understand",
        "审查 评审 检查 改进 优化 重构 修复 解释 作用 问题 错误 レビュー",
        write_review,
    ),
    _Writer(CODE_WORDS | {"sql"}, (*CODE_HAN, "SQL", "sql"), _write_code, reads_system=True),
    _writer(
        "classify classifies classifier categorize categorise sentiment label positive spam",
        "分类 归类 情感 判断 属于", write_class, reads_system=True,
    ),
    _writer(
        "summarize summarise summarizes summary condense tl tldr dr points takeaways",
        "总结 概括 摘要 归纳 要約 まとめ 요약", write_summary, reads_system=True,
    ),
    _writer("extract find identify pull", "提取 抽取 找出 抽出", write_extraction),
    _writer(
        "rewrite rephrase reword paraphrase polish proofread correct improve edit fix",
        "改写 润色 修改 纠正 校对", write_rewriting,
    ),
    _Writer(None, (), _write_sums),
    _writer("capital", "首都", _write_capital),
    _writer("haiku poem", "俳句 诗 詩 하이쿠", _write_verse),
    _writer("email mail letter message", "邮件 信 通知", _write_letter),
    _Writer(
        ITEM_WORDS | {"list", "bullet", "break", "split", "decompose", "divide"},
        (*ITEM_HAN, "列出", "列举", "清单", "拆", "分解"),
        write_list,
    ),
    _writer("name title slogan headline", "名 标题 口号", write_name),
    _writer(
        "customer customers support refund received arrived complain complaint complaining order damaged charged",
        "客服 退款 退货 投诉 没收到 没有收到 还没到 物流 订单 破损",
        _write_support, reads_system=True,
    ),
    _writer(
        "is are was were do does did can could should will would has have yes",
        "是不是 是否 对吗 是吗 可以吗",
        _write_yes,
    ),
    _writer(
        "design build develop create implement plan analyze analyse prepare fetch get collect set deploy test write draft organize organise",
        "设计 开发 获取 编写 创建 实现 分析 制定 准备 搭建 收集 整理 部署 测试 规划 完成",
        write_plan,
    ),
)  # fmt: skip
_CONSTANT_WRITERS = tuple(writer for writer in _WRITERS if writer.words is None)
_WRITERS_WORDS = frozenset[str]().union(*(writer.words or () for writer in _WRITERS))
