"""Text answers: what kind of answer a prompt wants, and the words for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tanzaku.simulator.improviser._arithmetic import prettify
from tanzaku.simulator.improviser._classes import write_class
from tanzaku.simulator.improviser._code import CODE_HAN, CODE_WORDS, is_asking_for_code, write_code
from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._given_text import (
    write_extraction,
    write_from_context,
    write_rewriting,
    write_summary,
    write_translation,
)
from tanzaku.simulator.improviser._json_text import is_asking_for_json, write_json
from tanzaku.simulator.improviser._lists import (
    ITEM_HAN,
    ITEM_WORDS,
    find_item_count,
    write_count,
    write_list,
    write_name,
    write_plan,
)
from tanzaku.simulator.improviser._phrases import get_phrases, join_sentences
from tanzaku.simulator.improviser._results import write_results
from tanzaku.simulator.improviser._reviews import write_review
from tanzaku.simulator.improviser._small_talk import write_small_talk

_ECHO_WORDS = frozenset(
    ["reply", "respond", "answer", "say", "repeat", "output", "print", "write", "return"]
)
_ECHO = re.compile(
    r"\b(?:reply|respond|answer|say|repeat|output|print|write|return)\b"
    r"(?:\s+(?:back|to me|with|exactly|only|just|the (?:single )?(?:word|words|phrase|text|following)|this|after me))+\s*"
    r"[:：]?\s*[\"“'`]?(?P<en>[^\"”`\n]{1,200}?)[\"”'`]?\s*[.!]?\s*$"
    r"|\bsay\s+[\"“'`](?P<say>[^\"”`\n]{1,200}?)[\"”'`]",
    re.IGNORECASE,
)
_ECHO_HAN = re.compile(
    r"(?:只|请只|仅)?(?:回复|回答|输出|说|重复)(?:我)?[:：]?\s*[“「\"](?P<zh>[^”」\"\n]{1,200})[”」\"]"
    r"|(?:只|请只|仅)(?:回复|回答|输出|说)[:：]?\s*(?P<only>[^。\n]{1,60}?)[。.]?\s*$"
)
_YES_NO = re.compile(
    r"\s*(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have)\s+(?!you\b)[^\n]{1,300}\?\s*$",
    re.IGNORECASE,
)
_YES_NO_HAN = re.compile(r"(?:是不是|是否|对吗|是吗|可以吗)[^。\n]{0,60}[？?]?\s*$")
_SUPPORT = frozenset(
    ["refund", "refunds", "damaged", "complaint", "complain", "complaining", "charged", "parcel"]
)
_SUPPORT_HAN = (
    "客服",
    "退款",
    "退货",
    "投诉",
    "没收到",
    "没有收到",
    "还没到",
    "物流",
    "我的订单",
    "破损",
)
_SUPPORT_ROLE = re.compile(r"\b(?:customers?|support|helpdesk)\b|客服|客户|售后", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_LENGTH = re.compile(
    r"(\d{1,5})[\s-]*(words?|sentences?|paragraphs?|字|句|段|palabras|mots|wörter)", re.IGNORECASE
)
_BRIEF = (
    frozenset(["one", "sentence"]),
    frozenset(["single", "sentence"]),
    frozenset(["briefly"]),
    frozenset(["one", "word"]),
    frozenset(["one", "line"]),
)
_BRIEF_HAN = ("一句话", "简短", "简要")
_LONG = frozenset(
    [
        "essay",
        "story",
        "article",
        "report",
        "long",
        "detailed",
        "detail",
        "comprehensive",
        "thorough",
    ]
)
_LONG_HAN = ("文章", "故事", "作文", "详细", "报告", "长文")
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
_CAPITALS_JA = {"日本": "東京", "中国": "北京", "韓国": "ソウル", "韩国": "ソウル"}
_HAIKU = re.compile(r"\bhaiku\b(?! ?\d)|俳句|하이쿠", re.IGNORECASE)
_POEM = re.compile(r"\bpoem\b|诗|詩", re.IGNORECASE)
_LETTER = re.compile(
    r"\b(?:write|draft|compose)\b.{0,40}\b(?:e-?mail|letter|message)\b|(?:写|起草|拟).{0,8}(?:邮件|信|通知)",
    re.IGNORECASE,
)
_LETTER_TOPIC = re.compile(
    r"\b(?:asking (?:\w+ )?for|about|regarding|to request|on)\s+(.{3,80}?)[.!?]*$"
    r"|(?:写|起草|拟)(?:一?[封份个])?(.{1,20}?)的?(?:邮件|信|通知)",
    re.IGNORECASE,
)
_MAX_ECHO = 300
_MAX_WORDS = 4000
_MAX_SUM_PROMPT = 400
_USUAL_SENTENCES = 3
_LONG_SENTENCES = 12
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
    wanted = _find_wanted(conversation)
    for at, writer in enumerate(_WRITERS):
        if wanted >> at & 1:
            written = writer.write(conversation)
            if written:
                return written
    if not conversation.question.strip():
        return conversation.say("image")
    return _write_prose(conversation)


def _find_wanted(conversation: Conversation) -> int:
    """The writers to ask, a bit each: one pass over the words instead of one for each writer."""
    wanted = _ALWAYS | (_BY_SYSTEM if conversation.system else 0)
    for word in conversation.words & _TELLING_WORDS:
        wanted |= _BY_WORD[word]
    question = conversation.question
    if not question.isascii():
        for part, bits in _BY_HAN.items():
            if part in question:
                wanted |= bits
    return wanted


def _write_echo(conversation: Conversation) -> str:
    question = conversation.question
    match = conversation.match_from(_ECHO_WORDS, _ECHO, in_question=True)
    if match is None and not question.isascii():
        match = _ECHO_HAN.search(question[-_MAX_ECHO:])
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
    is_asked = _YES_NO.match(instruction) or (
        not instruction.isascii() and _YES_NO_HAN.search(instruction)
    )
    return conversation.say("yes") if is_asked else ""


def _write_capital(conversation: Conversation) -> str:
    match = _CAPITAL.search(conversation.ask.instruction)
    country = next((group for group in match.groups() if group), "").lower() if match else ""
    table = _CAPITALS_JA if conversation.language == "ja" else _CAPITALS_HAN
    if country in table:
        capital = table[country]
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
    instruction = conversation.ask.instruction
    if not _LETTER.search(instruction):
        return ""
    about = _LETTER_TOPIC.search(instruction)
    topic = about[about.lastindex or 0].strip() if about else conversation.topics["topic"]
    phrase = get_phrases(conversation.language, "letter")[0]
    return phrase.format(topic=topic, Topic=topic[:1].upper() + topic[1:])


def _write_support(conversation: Conversation) -> str:
    is_told_of = conversation.mentions(_SUPPORT, _SUPPORT_HAN)
    if not (is_told_of or {"my", "order"} <= conversation.words) and not (
        conversation.system and _SUPPORT_ROLE.search(conversation.system)
    ):
        return ""
    texts = [conversation.facts, *conversation.earlier_facts]
    codes = [code for facts in texts for code in facts.scanned.get("code", [])]
    code = conversation.say("support_code", code=codes[0]) if codes else ""
    key = "support_again" if conversation.earlier else "support"
    reply = conversation.say(key, code=code)
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
        if _is_brief(conversation):
            return sentences[0]
        wanted = _find_length(conversation)
    at = conversation.chance.below(len(body))
    paragraphs: list[str] = []
    for number in range(wanted):
        sentences.append(body[(at + number) % len(body)].format(**topics))
        if len(sentences) == _PARAGRAPH:
            paragraphs.append(join_sentences(language, sentences))
            sentences = []
    sentences.append(conversation.say("closing"))
    return "\n\n".join([*paragraphs, join_sentences(language, sentences)])


def _is_brief(conversation: Conversation) -> bool:
    if any(words <= conversation.words for words in _BRIEF):
        return True
    return any(part in conversation.question for part in _BRIEF_HAN)


def _find_length(conversation: Conversation) -> int:
    """Sentences of body: a sentence counts as 16 words, 22 Chinese characters."""
    instruction = conversation.ask.instruction
    match = _LENGTH.search(instruction) if _DIGIT.search(instruction) else None
    if match is None:
        is_long = conversation.mentions(_LONG, _LONG_HAN)
        return _LONG_SENTENCES if is_long else _USUAL_SENTENCES
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
    question mentions one of `words` or `han` (None: always), or with `reads_system` when there is a
    system prompt."""

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
        "translate translates translation translator say", "翻译 译 翻訳 怎么说 번역",
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
        "summarize summarise summarizes summary summaries condense tl tldr takeaways",
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
        "refund refunds parcel complain complaint complaining order damaged charged",
        "客服 退款 退货 投诉 没收到 没有收到 还没到 物流 订单 破损",
        _write_support, reads_system=True,
    ),
    _writer(
        "is are was were do does did can could should will would has have yes",
        "是不是 是否 对吗 是吗 可以吗",
        _write_yes,
    ),
    _writer(
        "design build develop create implement plan analyze analyse prepare fetch collect set deploy organize organise",
        "设计 开发 获取 编写 创建 实现 分析 制定 准备 搭建 收集 整理 部署 测试 规划 完成",
        write_plan,
    ),
)  # fmt: skip
_ALWAYS = sum(1 << at for at, writer in enumerate(_WRITERS) if writer.words is None)
_BY_SYSTEM = sum(1 << at for at, writer in enumerate(_WRITERS) if writer.reads_system)
_BY_WORD: dict[str, int] = {}
_BY_HAN: dict[str, int] = {}
for _at, _each in enumerate(_WRITERS):
    for _word in _each.words or ():
        _BY_WORD[_word] = _BY_WORD.get(_word, 0) | 1 << _at
    for _part in _each.han:
        _BY_HAN[_part] = _BY_HAN.get(_part, 0) | 1 << _at
_TELLING_WORDS = frozenset(_BY_WORD)
