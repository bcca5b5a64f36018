"""What stands in a prompt that an argument could be drawn from: dates, codes, places, names."""

import re
from collections.abc import Collection
from functools import cached_property

from tanzaku.simulator.improviser._arithmetic import Sum, find_sums, parse_chinese_number
from tanzaku.simulator.improviser._language import split_words
from tanzaku.simulator.improviser._topic import find_phrases

_SCAN = re.compile(
    r"(?P<url>https?://[^\s<>\"'，。）)]+)"
    r"|(?P<email>[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<datetime>\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)"
    r"|(?P<date>\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{4}/\d{1,2}/\d{1,2}\b|\d{4}年\d{1,2}月\d{1,2}[日号])"
    r"|(?P<time>\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]m)?\b)"
    r"|(?P<ip>\b(?:\d{1,3}\.){3}\d{1,3}\b)"
    r"|(?P<phone>\+\d[\d -]{6,}\d|\b1[3-9]\d{9}\b|\b\d{3}-\d{3,4}-\d{4}\b)"
    r"|(?P<path>(?<![\w/])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]+)*|\b[\w-]+\.(?:py|js|ts|json|csv|txt|md"
    r"|yaml|yml|toml|html|sql|log|pdf|xlsx?)\b)"
    r"|(?P<code>(?<![A-Za-z0-9_-])(?=[A-Z0-9_-]*\d)(?=[A-Z0-9_-]*[A-Z])[A-Z0-9]"
    r"[A-Z0-9_-]{2,}(?![a-z_]))"
    r"|(?P<currency>\b(?:USD|EUR|CNY|JPY|GBP|KRW|CHF|CAD|AUD|HKD|INR)\b)"
    r"|(?P<quoted>“[^”\n]{1,400}”|「[^」\n]{1,400}」|『[^』\n]{1,400}』|《[^》\n]{1,400}》"
    r"|\"[^\"\n]{1,400}\"|`[^`\n]{1,400}`|(?<!\w)'[^'\n]{1,400}'(?!\w))"
    r"|(?P<number>(?<![\w.])-?[0-9][0-9,]*(?:\.[0-9]+)?|[一二两三四五六七八九十百]+(?=[个件条张位次天人份页项台杯只点步]))",
    # Beside Han characters a word of Latin letters or digits must still end.
    re.ASCII,
)
# One class of characters is looked for many times as fast as a choice of several things.
_MAY_BEGIN_A_FACT = re.compile(r"[0-9/\"'`“「『《一二两三四五六七八九十百.A-Z]")
_MAY_HOLD_FACTS = re.compile(r"[0-9/\"'`“「『《一二两三四五六七八九十百]|\.[a-z]|[A-Z]{3}")
_CAPITALISED = r"[A-ZÀ-Þ][\w'’.-]*(?:\s+(?:de\s+|la\s+|of\s+)?[A-ZÀ-Þ][\w'’-]*)*(?:,\s*[A-Z]{2}\b)?"
_JOIN = r"(?:\s*,\s*+(?:and\s+|or\s+)?|\s+(?:and|or|und|et|y|&|vs\.?)\s+)"
_AFTER_PREPOSITION = re.compile(
    rf"\b(?:in|at|near|from|to|for|of|around|between|with|en|à|bei|nach)\s+"
    rf"({_CAPITALISED}(?:{_JOIN}{_CAPITALISED})*)"
)
_SPLIT_JOIN = re.compile(
    r"\s*,\s*+(?![A-Z]{2}\b)(?:and\s+|or\s+)?|\s+(?:and|or|und|et|y|&|vs\.?)\s+"
)
_SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾"
_PERSON = re.compile(
    rf"(?:\bname is|\bnamed|\bI am|\bI'm|\bcalled|\bDear|\bfor|\bto|\bwith|\bby)\s+({_CAPITALISED})"
    r"|(?:^|[:\n]\s*)([A-Z][a-z]+(?: [A-Z][a-z]+){0,2})(?=,| \(| from | is | at | lives | works )"
    r"|(?:我叫|名叫|名字是|姓名[是:：]?|客户|联系|通知|告诉)\s*([\u4e00-\u9fff]{2,3}?)(?=[，。,、！!？?\s说的]|$)"
    rf"|(?:^|[：:，。,\n])\s*([{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?)(?=[，,、在是住订说的\s(（]|$)",
)
_COMPANY = re.compile(
    r"\b((?:[A-Z][\w&]*\s+){1,3}(?:Corp|Corporation|Inc|Ltd|LLC|GmbH|Labs|Company|Co|Group|Bank)\b\.?)"
    r"|\b(?:works? (?:at|for)|employed by)\s+([A-Z]\w*(?: [A-Z]\w*)*)"
    r"|([\u4e00-\u9fff]{2,8}?(?:公司|集团|银行))"
)
_NOT_PLACES_TEXT = """
    January February March April May June July August September October November December Monday
    Tuesday Wednesday Thursday Friday Saturday Sunday Python JavaScript TypeScript Java JSON SQL
    English Chinese French German Spanish Japanese Korean I HTML CSV API Go Rust
"""
_NOT_PLACES = frozenset(_NOT_PLACES_TEXT.split())
_NAMES = re.compile(r"\b[A-Z][\w&]+(?: [A-Z][\w&]+)*")
_CITIES_TEXT = """
    beijing shanghai guangzhou shenzhen hangzhou chengdu tokyo osaka kyoto seoul london paris
    berlin munich madrid barcelona rome milan vienna zurich amsterdam brussels lisbon dublin
    moscow istanbul dubai singapore bangkok delhi mumbai sydney melbourne toronto vancouver
    chicago boston seattle austin houston miami denver
"""
_CITIES = [*_CITIES_TEXT.split(), "new york", "san francisco", "los angeles", "hong kong"]
_CITIES_HAN_TEXT = """
    北京 上海 广州 深圳 杭州 成都 南京 武汉 西安 重庆 天津 苏州 长沙 郑州 青岛 大连 厦门 宁波 昆明 沈阳 哈尔滨 济南 福州 合肥 三亚 拉萨 香港 澳门 台北 东京
    大阪 京都 首尔 伦敦 巴黎 柏林 慕尼黑 马德里 罗马 米兰 维也纳 苏黎世 莫斯科 迪拜 新加坡 曼谷 悉尼 墨尔本 多伦多 温哥华 纽约 旧金山 洛杉矶 芝加哥 波士顿 西雅图
    東京 서울 부산
"""
_CITIES_HAN = _CITIES_HAN_TEXT.split()
_CITY = re.compile(rf"\b(?:{'|'.join(_CITIES)})\b|{'|'.join(_CITIES_HAN)}", re.IGNORECASE)
_PLACE_HAN = re.compile(
    r"(?:在|到|去|从|飞往|前往|抵达)([\u4e00-\u9fff]{2,4}?)(?=的|到|去|飞|有|举|开|，|。|？|$|今|明|后)"
)
_NOT_PLACES_HAN_TEXT = """
    今天 明天 后天 现在 这里 那里 哪里 家里 网上 线上 数据库 以下 下面
"""
_NOT_PLACES_HAN = frozenset(_NOT_PLACES_HAN_TEXT.split())


_FOUND_BY = {
    "place": "places",
    "person": "people",
    "company": "companies",
    "phrase": "phrases",
}


class Facts:
    """The values that stand in `text`, each kind found on first use, in order of appearance."""

    def __init__(self, text: str, words: Collection[str] | None = None) -> None:
        """`words` are the text's `split_words`, where they are at hand."""
        self.text = text
        self._words = split_words(text) if words is None else words

    @cached_property
    def scanned(self) -> dict[str, list[str]]:
        """By kind: url, email, uuid, datetime, date (ISO), time, ip, phone, path, code, currency,
        quoted (without its quotes) and number."""
        found: dict[str, list[str]] = {}
        if not _MAY_BEGIN_A_FACT.search(self.text) or not _MAY_HOLD_FACTS.search(self.text):
            return found
        for match in _SCAN.finditer(self.text):
            kind = match.lastgroup or ""
            value = match[0]
            if kind == "date":
                value = _to_iso_date(value)
            elif kind == "quoted":
                value = value[1:-1].strip()
            elif kind == "url":
                value = value.rstrip(".,;:!?")
            elif kind == "number":
                value = _to_digits(value)
            values = found.setdefault(kind, [])
            if value and value not in values:
                values.append(value)
        return found

    @cached_property
    def sums(self) -> list[Sum]:
        return find_sums(self.text, self._words)

    @cached_property
    def phrases(self) -> list[str]:
        return find_phrases(self.text)

    @cached_property
    def places(self) -> list[str]:
        found = [match[0] for match in _CITY.finditer(self.text)]
        found = [city.title() if city.islower() else city for city in found]
        for match in _AFTER_PREPOSITION.finditer(self.text):
            for name in _SPLIT_JOIN.split(match[1]):
                name = name.rstrip(".'’")
                if name and name not in _NOT_PLACES and name.split()[0] not in _NOT_PLACES:
                    found = [city for city in found if city not in name]
                    found.append(name)
        for match in _PLACE_HAN.finditer(self.text):
            name = match[1]
            if name not in _NOT_PLACES_HAN and not any(city in name for city in found):
                found.append(name)
        return sorted(dict.fromkeys(found), key=self.text.lower().find)

    @cached_property
    def people(self) -> list[str]:
        names = [match[match.lastindex or 0] for match in _PERSON.finditer(self.text)]
        names = [name.rstrip(".") for name in names]
        return [name for name in dict.fromkeys(names) if name.split()[0] not in _NOT_PLACES]

    @cached_property
    def companies(self) -> list[str]:
        names = [match[match.lastindex or 0] for match in _COMPANY.finditer(self.text)]
        return list(dict.fromkeys(names))

    def find(self, kind: str) -> list[str]:
        """The values of one kind, the kinds of `scanned` and: place, person, company, expression,
        phrase, text (the whole)."""
        match kind:
            case "expression":
                return [found.expression for found in self.sums]
            case "text":
                return [self.text.strip()] if self.text.strip() else []
            case _:
                attribute = _FOUND_BY.get(kind)
                return getattr(self, attribute) if attribute else self.scanned.get(kind, [])


def find_names(text: str) -> list[str]:
    """Whatever is written with a capital in `text`, once each."""
    return list(dict.fromkeys(_NAMES.findall(text)))


def _to_iso_date(text: str) -> str:
    year, month, day = re.findall(r"\d+", text)
    return f"{year}-{int(month):02}-{int(day):02}"


def _to_digits(text: str) -> str:
    if text[-1].isascii():
        return text.replace(",", "")
    return str(parse_chinese_number(text))
