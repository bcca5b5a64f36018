"""Answers made of a text the prompt hands along: a summary, a translation, what stands in it."""

import re

from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._facts import Facts, find_names
from tanzaku.simulator.improviser._hints import find_kinds
from tanzaku.simulator.improviser._language import find_named_language, split_words
from tanzaku.simulator.improviser._phrases import get_phrases, say

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|(?<=[。！？；])\s*|\n+")
_BULLET = re.compile(r"^(?:[-*•]|\d+[.)、])\s*")
_SUMMARY_TEXT = "summarize summarise summarizes summary summaries condense tl tldr takeaways"
_SUMMARY = (
    frozenset(_SUMMARY_TEXT.split()),
    ("总结", "概括", "摘要", "归纳", "要約", "まとめ", "요약"),
)
_TRANSLATION = (
    frozenset(["translate", "translates", "translation", "translator"]),
    ("翻译", "译成", "译为", "怎么说", "翻訳", "번역"),
)
_REWRITING_TEXT = "rewrite rephrase reword paraphrase polish proofread correct improve edit fix"
_REWRITING = (
    frozenset(_REWRITING_TEXT.split()),
    ("改写", "润色", "修改", "纠正", "校对", "書き直", "添削"),
)
_EXTRACTION = (frozenset(["extract", "find", "identify", "pull"]), ("提取", "抽取", "找出", "抽出"))
_HOW_TO_SAY = re.compile(r"\bhow (?:do|would) (?:you|i|we) say\b", re.IGNORECASE)
_LENGTH = re.compile(
    r"\b(\d{1,2}|one|two|three|four|five|a single)[\s-]+(?:short |key |main |brief )?(?:sentences?|bullets?|bullet points?|points?|lines?)\b"
    r"|([一二两三四五\d])\s*(?:句|个要点|点|条)",
    re.IGNORECASE,
)
_AMOUNTS = {
    "one": 1, "a single": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5,
}  # fmt: skip
_BULLETS = re.compile(r"bullet|points?\b|要点|几点|[一二两三四五\d]\s*[点条]", re.IGNORECASE)
_POLITE = re.compile(r"\bpolite|\bformal|\bprofessional|\bfriendl|礼貌|客气|正式", re.IGNORECASE)
_CONTEXT = re.compile(
    r"(?:context|document|passage|资料|背景|上下文|文档|内容|材料)\s*[:：]\s*(?P<context>.+?)\s*"
    r"(?:question|问题|q)\s*[:：]\s*(?P<question>.+)",
    re.IGNORECASE | re.DOTALL,
)
_HAN_KINDS = (
    ("姓名", "person"), ("名字", "person"), ("人名", "person"), ("电话", "phone"), ("手机", "phone"),
    ("邮箱", "email"), ("邮件", "email"), ("日期", "date"), ("时间", "time"), ("地点", "place"),
    ("城市", "place"), ("公司", "company"), ("订单", "code"), ("网址", "url"), ("链接", "url"),
    ("数字", "number"), ("金额", "number"), ("价格", "number"),
)  # fmt: skip
_NOT_WANTED = frozenset({"extract", "all", "the", "from", "this", "text", "find", "message", "to"})
_STEM = 5
_CLIP = 240
_USUAL = 2
_POLITE_WORDS = frozenset(
    ["please", "can", "could", "would", "you", "i", "need", "want", "a", "me", "to", "the", "give"]
)
_MAX_VERB_HAN = 8
_MAX_BARE_ORDER = 100


def split_sentences(text: str) -> list[str]:
    """The sentences and lines of `text`, without list marks."""
    parts = (_BULLET.sub("", part.strip()) for part in _SENTENCE_END.split(text))
    return [part for part in parts if part]


def write_summary(conversation: Conversation) -> str:
    """The most telling sentences of the material, in their order."""
    order = conversation.find_order(*_SUMMARY)
    if order is None:
        return ""
    if not order.material:
        return _ask_for_text(conversation, _SUMMARY)
    asked = order.instruction
    sentences = split_sentences(order.material)
    match = _LENGTH.search(asked)
    amount = (match[1] or match[2]).lower() if match else ""
    wanted = _AMOUNTS.get(amount) or (int(amount) if amount.isdecimal() else _USUAL)
    chosen = _choose_sentences(sentences, wanted)
    if _BULLETS.search(asked):
        return "\n".join(f"- {sentence}" for sentence in chosen)
    glue = "" if conversation.language in {"zh", "ja"} else " "
    return glue.join(chosen)


def _choose_sentences(sentences: list[str], wanted: int) -> list[str]:
    """The first sentence, then those with most figures and names."""
    rest = range(1, len(sentences))
    telling = sorted(rest, key=lambda at: -len(re.findall(r"\d+|\b[A-Z]\w+", sentences[at])))
    kept = sorted([0, *telling[: max(wanted, 1) - 1]])
    return [sentences[at][:_CLIP] for at in kept]


def write_translation(conversation: Conversation) -> str:
    """The material, marked as translated in the language it should be in: no dictionary is kept."""
    order = conversation.find_order(*_TRANSLATION)
    if order is None and "say" in conversation.words:
        order = conversation.ask if _HOW_TO_SAY.search(conversation.ask.instruction) else None
    if order is None or "sql" in order.instruction.lower():
        return ""
    if not order.material:
        return _ask_for_text(conversation, _TRANSLATION)
    target = find_named_language(order.instruction, order.material)
    return get_phrases(target, "translated")[0].format(text=order.material)


def _ask_for_text(conversation: Conversation, order: tuple[frozenset[str], tuple[str, ...]]) -> str:
    """For an order without a text: `Summarize this.`, but not a sentence that has the word in it."""
    words, han = order
    instruction = conversation.ask.instruction
    if len(instruction) > _MAX_BARE_ORDER:
        return ""
    opening = [word for word in split_words(instruction) if word not in _POLITE_WORDS][:1]
    is_order = not words.isdisjoint(opening) or any(
        part in instruction[:_MAX_VERB_HAN] for part in han
    )
    return say(conversation.language, "need_text") if is_order else ""


def write_rewriting(conversation: Conversation) -> str:
    ask = conversation.find_order(*_REWRITING)
    if ask is None or not ask.material or ask.is_code:
        return ""
    key = "polite" if _POLITE.search(ask.instruction) else "rewritten"
    text = ask.material
    if key == "polite":
        text = text[:1].lower() + text[1:].rstrip(".。!！")
    return get_phrases(conversation.language, key)[0].format(text=text)


def write_extraction(conversation: Conversation) -> str:
    """What was asked for by kind, a line each; names where the kind is not known."""
    ask = conversation.find_order(*_EXTRACTION)
    if ask is None or not ask.material:
        return ""
    facts = Facts(ask.material)
    found: dict[str, list[str]] = {}
    for word, kind in _list_wanted(ask.instruction):
        values = facts.find(kind)
        if values:
            found.setdefault(word, values)
    if not found:
        names = find_names(ask.material)
        return "\n".join(f"- {name}" for name in names or split_sentences(ask.material)[:1])
    if len(found) == 1:
        (values,) = found.values()
        return "\n".join(f"- {value}" for value in values)
    glue = "：" if conversation.language == "zh" else ": "
    return "\n".join(f"{word}{glue}{', '.join(values)}" for word, values in found.items())


def _list_wanted(instruction: str) -> list[tuple[str, str]]:
    """The words that say what to look for, each with its kind of fact."""
    wanted = [(word, kind) for word, kind in _HAN_KINDS if word in instruction]
    for word in re.findall(r"[A-Za-z]+", instruction):
        if word.lower() not in _NOT_WANTED:
            single = word.removesuffix("s")
            wanted += [(word.capitalize(), kind) for kind in find_kinds(single, {})[:1]]
    return wanted


def write_from_context(conversation: Conversation) -> str:
    """The sentence of a given context, or of earlier turns, that shares most with the question."""
    match = _CONTEXT.search(conversation.question)
    if match:
        best = _find_nearest(split_sentences(match["context"]), match["question"], 1)
        return best or say(conversation.language, "not_in_text")
    earlier = conversation.earlier
    if not earlier or not ({"my", "i"} & conversation.words or "我" in conversation.question):
        return ""
    sentences = [part for text in earlier for part in split_sentences(text)]
    best = _find_nearest(sentences, conversation.question, 1)
    return say(conversation.language, "recalled", text=best) if best else ""


def _find_nearest(sentences: list[str], question: str, least: int) -> str:
    wanted = _list_stems(question)
    scores = [len(wanted & _list_stems(sentence)) for sentence in sentences]
    best = max(scores, default=0)
    return sentences[scores.index(best)] if best >= least else ""


def _list_stems(text: str) -> set[str]:
    lowered = text.lower()
    stems = {word[:_STEM] for word in re.findall(r"[a-z0-9]{3,}", lowered)} - _NOISE
    for run in re.findall(r"[\u4e00-\u9fff]+", lowered):
        stems.update(run[at : at + 2] for at in range(len(run) - 1))
    return stems


_NOISE = frozenset(
    [
        "what",
        "when",
        "where",
        "which",
        "does",
        "the",
        "and",
        "are",
        "was",
        "how",
        "who",
        "why",
        "can",
    ]
)
