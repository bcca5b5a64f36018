"""Labels for a text: the sentiment, or the option whose words it uses."""

import re

from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._sentiment import choose_sentiment

_CLASSIFY = (
    frozenset(
        [
            "classify",
            "classifies",
            "classifier",
            "classification",
            "categorize",
            "categorise",
            "sentiment",
            "label",
        ]
    ),
    ("分类", "归类", "情感", "判断", "属于"),
)
_OPTION = r"(?:not |non-)?[\w-]+"
_OPTIONS = re.compile(
    r"(?:\bas\b|\binto\b|\bof\b|\beither\b|\bis\b|\breview|\bcategor\w+|\blabels?|:|：|为|是|（|\(|\[)\s*[\"'`“(\[]?"
    rf"({_OPTION}[\"'`”]?(?:\s*(?:,\s*(?:or\b|and\b)?|/|、|\bor\b|\band\b|或者?|和|还是|\|)\s*[\"'`“]?{_OPTION}[\"'`”]?)+)",
    re.IGNORECASE,
)
_OPTION_SPLIT = re.compile(r"\s*(?:,\s*(?:or\b|and\b)?|/|、|\bor\b|\band\b|或者|或|和|还是|\|)\s*")
_USED_FOR = {
    "billing": "charge invoice refund pay paid card bill subscription 账单 扣款 退款 发票 付款",
    "payment": "charge invoice refund pay paid card bill 扣款 退款 付款",
    "technical": "crash error bug broken login install slow password freeze 崩溃 报错 故障 登录 打不开",
    "support": "help crash error broken problem 帮助 问题",
    "bug": "crash error broken fail wrong exception 崩溃 报错 错误",
    "feature": "add would like wish support could 希望 增加 建议",
    "sales": "buy purchase quote demo plan upgrade discount 购买 报价 优惠",
    "shipping": "parcel package deliver ship track arrive 物流 快递 包裹 发货",
    "delivery": "parcel package deliver ship track arrive 物流 快递 包裹 发货",
    "account": "login password account email profile 账号 密码 登录",
    "spam": "won winner prize free click lottery 中奖 免费 点击",
    "urgent": "asap immediately urgent now down 紧急 马上 立刻",
    "high": "asap immediately urgent now down outage 紧急 马上 立刻",
    "complaint": "bad terrible angry broken late refund 投诉 差 慢",
    "账单": "扣款 退款 发票 付款 收费", "支付": "扣款 退款 付款 收费", "退款": "退款 退货 退钱",
    "技术": "崩溃 报错 故障 登录 打不开 闪退", "物流": "快递 包裹 发货 没收到 运输", "销售": "购买 报价 优惠 多少钱",
    "垃圾邮件": "中奖 免费 点击", "体育": "比赛 球 冠军", "科技": "手机 芯片 人工智能 软件", "财经": "股 市场 银行 经济",
}  # fmt: skip


def write_class(conversation: Conversation) -> str:
    """The label alone, as classifiers are asked for."""
    order = conversation.find_order(*_CLASSIFY)
    if order is None and {"positive", "negative"} <= conversation.words:
        order = conversation.ask
    if order is None:
        return ""
    asked, text = order.instruction, order.material or conversation.question
    options = find_options(f"{asked}: {text}" if _ends_open(asked) else asked)
    if not options:
        options = find_options(conversation.question) or find_options(conversation.system)
    han = not conversation.question.isascii()
    usual = ["正面", "负面", "中性"] if han else ["positive", "negative", "neutral"]
    return choose_option(options or usual, text)


def _ends_open(asked: str) -> bool:
    """`Classify as one of` goes on behind the colon."""
    return asked.rstrip().lower().endswith((" of", " into", " as", "为", "之一"))


def find_options(text: str) -> list[str]:
    match = _OPTIONS.search(text)
    if match is None:
        return []
    options = [word.strip(" \"'`“”()[]") for word in _OPTION_SPLIT.split(match[1])]
    return [option for option in options if option]


def choose_option(options: list[str], text: str) -> str:
    """By sentiment, by words that go with an option, by its name, else `other` or the last."""
    chosen = choose_sentiment(options, text)
    if chosen is not None:
        return chosen
    lowered = text.lower()
    scores = [_score(option.lower(), lowered) for option in options]
    if max(scores) > 0:
        return options[scores.index(max(scores))]
    spare = next(
        (o for o in options if o.lower() in {"other", "others", "none", "其他", "其它"}), None
    )
    return spare or options[-1 if options[-1].lower().startswith(("not ", "non-")) else 0]


def _score(option: str, text: str) -> int:
    if option.startswith(("not ", "non-")):
        return 0
    words = _USED_FOR.get(option, "").split()
    return 3 * (option in text) + sum(word in text for word in words)
