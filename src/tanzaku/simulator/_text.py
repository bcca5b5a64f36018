"""Text answers: what kind of answer a prompt wants, and the words for it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from tanzaku.simulator._arithmetic import parse_chinese_number
from tanzaku.simulator._code import CODE_HAN, CODE_WORDS, is_asking_for_code, write_code
from tanzaku.simulator._conversation import Conversation, ToolResult
from tanzaku.simulator._json_text import is_asking_for_json, write_json
from tanzaku.simulator._phrases import get_phrases, join_sentences
from tanzaku.simulator._sentiment import choose_sentiment

_SMALL_TEXT = """
    zero one two three four five six seven eight nine ten eleven twelve
"""
_SMALL = {word: number for number, word in enumerate(_SMALL_TEXT.split())}
_NUMBER_WORD = rf"(?:\d{{1,4}}|{'|'.join(_SMALL)})"
_COUNT = re.compile(
    rf"\bcount(?:ing)?\b[^.\n]{{0,20}}?(?:\bfrom ({_NUMBER_WORD}) )?\b(?:up )?to ({_NUMBER_WORD})\b"
    r"|(?:从\s*(\d{1,4}|[一二三四五六七八九十百]+)\s*)?数到\s*(\d{1,4}|[一二三四五六七八九十百]+)",
    re.IGNORECASE,
)
_ECHO = re.compile(
    r"\b(?:reply|respond|answer|say|repeat|output|print|write|return)\b"
    r"(?:\s+(?:back|to me|with|exactly|only|just|the (?:single )?(?:word|words|phrase|text|following)|this|after me))+\s*"
    r"[:：]?\s*[\"“'`]?(?P<en>[^\"”`\n]{1,200}?)[\"”'`]?\s*[.!]?\s*$"
    r"|\bsay\s+[\"“'`](?P<say>[^\"”`\n]{1,200}?)[\"”'`]"
    r"|(?:只|请只|仅)?(?:回复|回答|输出|说|重复)(?:我)?[:：]?\s*[“「\"](?P<zh>[^”」\"\n]{1,200})[”」\"]"
    r"|(?:只|请只|仅)(?:回复|回答|输出|说)[:：]?\s*(?P<only>[^。\n]{1,60}?)[。.]?\s*$",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\s*(?:say )?(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening)|howdy"
    r"|你好|您好|嗨|哈喽|早上好|晚上好|大家好|こんにちは|こんばんは|おはよう|안녕|안녕하세요"
    r"|hola|buenos días|bonjour|salut|hallo|guten (?:tag|morgen))"
    r"(?:[\s,，]*(?:there|claude(?: (?:haiku|sonnet|opus)(?: \d[\d.]*)?)?|world|all|everyone))?[\s!！.。,，~？?]*(?:\s*(?:how are you|你好吗)[?？]*|in [A-Z]\w+[.!]?)?\s*$",
    re.IGNORECASE,
)
_LIST = re.compile(
    rf"\b({_NUMBER_WORD})\s+(?:\w+\s+){{0,3}}?(?:ideas|tips|ways|reasons|examples|points|items|things|names|steps"
    r"|facts|benefits|questions|suggestions|features|advantages|books|options|subtasks|tasks|topics|titles"
    r"|ideas|consejos|razones|idées|conseils|raisons|ideen|gründe|tipps)\b"
    r"|(\d{1,3}|[一二两三四五六七八九十]+)\s*(?:个|条|点|种|项|件|步)(?!人|月|小时)"
    r"|(\d{1,3})\s*(?:つ|個|가지|개)",
    re.IGNORECASE,
)
_ANY_LIST = re.compile(
    r"^\s*(?:please )?list\b|\bbullet points?\b|列出|列举|列个清单", re.IGNORECASE
)
_YES_NO = re.compile(
    r"^\s*(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have)\s+(?!you\b)[^\n]{1,300}\?\s*$"
    r"|\byes (?:or|/) no\b|(?:是不是|是否|对吗|是吗|可以吗)[^。\n]{0,60}[？?]?\s*$",
    re.IGNORECASE,
)
_SUPPORT = re.compile(
    r"\b(?:customer (?:support|service)|support agent|refund|haven't received|has not arrived|hasn't arrived"
    r"|complain\w*|my order|damaged)\b|客服|退款|退货|投诉|没收到|没有收到|还没到|物流|我的订单|破损",
    re.IGNORECASE,
)
_CLASSIFY = re.compile(
    r"\b(?:classify|categori[sz]e|sentiment|label)\b|分类|情感|判断.{0,12}(?:正面|负面)",
    re.IGNORECASE,
)
_OPTIONS = re.compile(
    r"(?:\bas|\binto|\bone of|\beither|\bor|:|：|为|是)\s*[\"'`“(]?"
    r"((?:[\w-]+[\"'`”]?\s*(?:,|/|、|\bor\b|\band\b|或者?|和|还是)\s*(?:or\s+|and\s+)?[\"'`“]?)+[\w-]+)",
    re.IGNORECASE,
)
_OPTION_SPLIT = re.compile(r"\s*(?:,|/|、|\bor\b|\band\b|或者|或|和|还是)\s*")
_LENGTH = re.compile(
    r"(\d{1,5})[\s-]*(words?|sentences?|paragraphs?|字|句|段|words|palabras|mots|wörter|Wörter)",
    re.IGNORECASE,
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
    r"capital (?:city )?of ([A-Za-z ]{3,20}?)[\s?.]*$|([\u4e00-\u9fff]{2,4})的?首都", re.IGNORECASE
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
_MAX_WORDS = 4000
_MAX_COUNT = 2000
_MAX_LIST = 50
_MAX_SUM_PROMPT = 400
_MAX_YES_NO = 300
_USUAL_ITEMS = 5
_USUAL_SENTENCES = 3
_ITEM_WORDS_TEXT = """
    ideas tips ways reasons examples points items things names steps facts benefits questions
    suggestions features advantages books options subtasks tasks topics titles consejos razones
    idées conseils raisons ideen gründe tipps
"""
_ITEM_WORDS = frozenset(_ITEM_WORDS_TEXT.split())
_ITEM_HAN = ("个", "条", "点", "种", "项", "件", "步", "つ", "個", "가지", "개")
_LENGTH_WORDS_TEXT = """
    word words sentence sentences paragraph paragraphs palabras mots wörter briefly short line
    essay story article report long detailed detail comprehensive thorough
"""
_LENGTH_WORDS = frozenset(_LENGTH_WORDS_TEXT.split())
_LENGTH_HAN = ("字", "句", "段", "简短", "简要", "文章", "故事", "作文", "详细", "报告", "长文")


def write_text(conversation: Conversation) -> str:
    """The whole answer in words, before any limit is applied."""
    if conversation.results:
        return _write_results(conversation)
    is_plain = conversation.question.isascii() and _WRITERS_WORDS.isdisjoint(conversation.words)
    for writer in _CONSTANT_WRITERS if is_plain else _WRITERS:
        if writer.words is None or conversation.mentions(writer.words, writer.han):
            written = writer.write(conversation)
            if written:
                return written
    if not conversation.question.strip():
        return _say(conversation, "image")
    return _write_prose(conversation)


def find_item_count(conversation: Conversation) -> int | None:
    """How many items a list was asked to have ("five tips", "3个子任务"); None when not said."""
    if not conversation.mentions(_ITEM_WORDS, _ITEM_HAN):
        return None
    match = _LIST.search(conversation.question)
    if match is None:
        return None
    word = next(group for group in match.groups() if group)
    count = _read_count(word)
    return min(count, _MAX_LIST) if count else None


def _read_count(word: str) -> int:
    if word.isdecimal():
        return int(word)
    return _SMALL[word.lower()] if word.isascii() else parse_chinese_number(word)


def _say(conversation: Conversation, key: str, **values: str) -> str:
    """A phrase in the conversation's language with the topic filled in."""
    choices = get_phrases(conversation.language, key)
    phrase = choices[0] if len(choices) == 1 else conversation.chance.pick(choices)
    return phrase.format(**conversation.topics, **values)


def _write_echo(conversation: Conversation) -> str:
    match = _ECHO.search(conversation.question)
    return next((part.strip() for part in match.groups() if part), "") if match else ""


def _write_count(conversation: Conversation) -> str:
    match = _COUNT.search(conversation.question)
    if match is None:
        return ""
    first = _read_count(match[1] or match[3] or "1")
    last = _read_count(match[2] or match[4])
    step = 1 if last >= first else -1
    numbers = range(first, last + step, step)[:_MAX_COUNT]
    separator = "，" if conversation.language == "zh" else ", "
    return separator.join(map(str, numbers))


def _write_greeting(conversation: Conversation) -> str:
    is_greeting = _GREETING.match(conversation.question)
    return _say(conversation, "greeting") if is_greeting else ""


def _write_json(conversation: Conversation) -> str:
    if not is_asking_for_json(conversation):
        return ""
    return write_json(conversation, find_item_count(conversation))


def _write_sums(conversation: Conversation) -> str:
    if len(conversation.question) > _MAX_SUM_PROMPT:
        return ""
    return "\n".join(
        _say(conversation, "sum", expression=_pretty(found.expression), value=found.value)
        for found in conversation.facts.sums
    )


def _pretty(expression: str) -> str:
    spaced = re.sub(r"(?<=[\d)])(\*\*|[-+*/])", r" \1 ", expression)
    return re.sub(r"(?<!\*)\*(?!\*)", "×", spaced).replace("/", "÷").replace("**", "^")


def _write_code(conversation: Conversation) -> str:
    if not is_asking_for_code(conversation):
        return ""
    language, block = write_code(conversation)
    opening = _say(conversation, "code", language=language)
    return f"{opening}\n\n{block}\n\n{_say(conversation, 'code_end')}"


def _write_class(conversation: Conversation) -> str:
    if not _CLASSIFY.search(conversation.question):
        return ""
    text = f"{conversation.question}\n{conversation.system}"
    match = _OPTIONS.search(text)
    options = [word.strip("\"'`“”") for word in _OPTION_SPLIT.split(match[1])] if match else []
    options = [option for option in options if option]
    chosen = choose_sentiment(options or ["positive", "negative", "neutral"], conversation.question)
    if chosen is None:
        later = conversation.question[match.end() :].lower() if match else ""
        chosen = next(
            (option for option in options if option.lower() in later), options[0] if options else ""
        )
    return chosen


def _write_list(conversation: Conversation) -> str:
    count = find_item_count(conversation)
    if count is None:
        if not _ANY_LIST.search(conversation.question):
            return ""
        count = _USUAL_ITEMS
    topics = conversation.topics
    items = get_phrases(conversation.language, "items")
    lines = []
    for at in range(count):
        item = items[at % len(items)].format(**topics)
        lines.append(f"{at + 1}. {item}" if at < len(items) else f"{at + 1}. {item} ({at + 1})")
    return "\n".join([_say(conversation, "list", count=str(count)), "", *lines])


def _write_yes(conversation: Conversation) -> str:
    # "Was ist ...?" opens like an English question and is none.
    if conversation.language not in {"en", "zh"}:
        return ""
    question = conversation.question
    if len(question) > _MAX_YES_NO:
        question = f"…{question[-_MAX_YES_NO:]}"
    if not ("?" in question or "？" in question or "yes" in conversation.words):
        return ""
    if not _YES_NO.search(question):
        return ""
    return _say(conversation, "yes")


def _write_capital(conversation: Conversation) -> str:
    match = _CAPITAL.search(conversation.question)
    country = next((group for group in match.groups() if group), "").lower() if match else ""
    if country in _CAPITALS_HAN:
        return f"{country}的首都是{_CAPITALS_HAN[country]}。"
    if country in _CAPITALS:
        return f"The capital of {country.title()} is {_CAPITALS[country]}."
    return ""


def _write_haiku(conversation: Conversation) -> str:
    return _say(conversation, "haiku") if _HAIKU.search(conversation.question) else ""


def _write_support(conversation: Conversation) -> str:
    if not _SUPPORT.search(conversation.question):
        return ""
    codes = conversation.facts.scanned.get("code", [])
    code = _say(conversation, "support_code", code=codes[0]) if codes else ""
    return _say(conversation, "support", code=code)


def _write_prose(conversation: Conversation) -> str:
    """One to three paragraphs on the topic, or as long as was asked for."""
    language = conversation.language
    topics = conversation.topics
    body = get_phrases(language, "body")
    sentences = [_say(conversation, "opening")]
    wanted = _USUAL_SENTENCES
    if conversation.mentions(_LENGTH_WORDS, _LENGTH_HAN):
        if _ONE_SENTENCE.search(conversation.question):
            return sentences[0]
        wanted = _find_length(conversation.question)
    at = conversation.chance.below(len(body))
    paragraphs: list[str] = []
    for number in range(wanted):
        sentences.append(body[(at + number) % len(body)].format(**topics))
        if len(sentences) == 5:
            paragraphs.append(join_sentences(language, sentences))
            sentences = []
    sentences.append(_say(conversation, "closing"))
    return "\n\n".join([*paragraphs, join_sentences(language, sentences)])


def _find_length(question: str) -> int:
    """Sentences of body: a sentence counts as 16 words, 22 Chinese characters."""
    match = _LENGTH.search(question)
    if match is None:
        return 12 if _LONG.search(question) else _USUAL_SENTENCES
    amount = min(int(match[1]), _MAX_WORDS)
    unit = match[2].lower()
    if unit[0] in "s句":
        return max(0, min(amount, 200) - 2)
    if unit[:3] == "par" or unit == "段":
        return min(amount, 50) * 5
    return max(0, amount // (22 if unit == "字" else 16) - 1)


def _write_results(conversation: Conversation) -> str:
    language = conversation.language
    lines = [_write_result(conversation, result) for result in conversation.results]
    return ("\n" if len(lines) > 1 or language in {"zh", "ja"} else " ").join(lines)


def _write_result(conversation: Conversation, result: ToolResult) -> str:
    language = conversation.language
    text = _read_json_result(result.text) or get_phrases(language, "empty")[0]
    if result.is_error:
        return get_phrases(language, "failed")[0].format(tool=result.name, result=text)
    sums = {found.expression for found in conversation.facts.sums}
    for value in result.input.values():
        if isinstance(value, str) and value in sums and len(text) < 40:
            expression = _pretty(value)
            return get_phrases(language, "result_sum")[0].format(expression=expression, result=text)
    subject = ", ".join(
        str(value) for value in result.input.values() if isinstance(value, str | int | float)
    )
    tool = f"{result.name} ({subject})" if 0 < len(subject) <= 60 else result.name
    return get_phrases(language, "result")[0].format(tool=tool, result=text)


def _read_json_result(text: str) -> str:
    """A result for reading: `{"a": 1, "b": [2, 3]}` → `a: 1, b: 2, 3`; other text as it is."""
    text = text.strip()
    if text[:1] not in {"{", "["}:
        return text
    try:
        return _flatten(json.loads(text), depth=0)
    except (ValueError, RecursionError):
        return text


def _flatten(value: object, depth: int) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{name}: {_flatten(part, depth + 1)}" for name, part in value.items())
        return f"({inner})" if depth else inner
    if isinstance(value, list):
        return ", ".join(_flatten(part, depth + 1) for part in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Writer:
    """`write` gives "" where its kind of answer is not wanted after all; it is asked only when the
    question mentions one of `words` or `han` (None: always)."""

    words: frozenset[str] | None
    han: tuple[str, ...]
    write: Callable[[Conversation], str]


def _writer(words: str, han: str, write: Callable[[Conversation], str]) -> _Writer:
    return _Writer(frozenset(words.split()), tuple(han.split()), write)


_WRITERS = (
    _writer(
        "hello hi hey greetings good howdy hola buenos bonjour salut hallo guten",
        "你好 您好 嗨 哈喽 早上好 晚上好 大家好 こん おはよう 안녕",
        _write_greeting,
    ),
    _writer(
        "reply respond answer say repeat output print write return",
        "回复 回答 输出 说 重复",
        _write_echo,
    ),
    _writer("count counting", "数到", _write_count),
    _Writer(None, (), _write_json),
    _Writer(CODE_WORDS, CODE_HAN, _write_code),
    _Writer(None, (), _write_sums),
    _writer("classify categorize categorise sentiment label", "分类 情感 判断", _write_class),
    _writer("capital", "首都", _write_capital),
    _writer("haiku", "俳句 하이쿠", _write_haiku),
    _Writer(_ITEM_WORDS | {"list", "bullet"}, (*_ITEM_HAN, "列出", "列举", "清单"), _write_list),
    _writer(
        "customer support refund received arrived complain complaint complaining order damaged",
        "客服 退款 退货 投诉 没收到 没有收到 还没到 物流 订单 破损",
        _write_support,
    ),
    _writer(
        "is are was were do does did can could should will would has have yes",
        "是不是 是否 对吗 是吗 可以吗",
        _write_yes,
    ),
)
_CONSTANT_WRITERS = tuple(writer for writer in _WRITERS if writer.words is None)
_WRITERS_WORDS = frozenset[str]().union(*(writer.words or () for writer in _WRITERS))
