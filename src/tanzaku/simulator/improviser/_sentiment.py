"""Whether a text is pleased or not, by a handful of plain words."""

import re
from collections.abc import Sequence

_PLEASED = re.compile(
    r"\b(?:love|great|excellent|amazing|good|happy|wonderful|perfect|fantastic|best|awesome|thanks?|delicious|friendly|helpful|recommend)\b"
    r"|(?<!不)喜欢|很好|好用|不错|优秀|满意|开心|太棒|完美|(?<!不)推荐|感谢|很快",
    re.IGNORECASE,
)
_DISPLEASED = re.compile(
    r"\b(?:hate|terrible|awful|bad|worst|broken|angry|poor|disappoint\w*|refund|never|slow|damaged|late|rude|cold|dirty|boring|waste|horrible|useless|crash\w*|annoy\w*|frustrat\w*|not (?:good|happy|satisfied|recommend))\b"
    r"|讨厌|很差|糟糕|失望|生气|坏了|太慢|退款|投诉|垃圾|没收到|难用|不好|不满|态度差|后悔",
    re.IGNORECASE,
)


def judge_sentiment(text: str) -> str:
    """`positive`, `negative` or `neutral`."""
    balance = len(_PLEASED.findall(text)) - len(_DISPLEASED.findall(text))
    return "positive" if balance > 0 else "negative" if balance < 0 else "neutral"


def choose_sentiment[T](choices: Sequence[T], text: str) -> T | None:
    """The one of `choices` that names the sentiment of `text`; None when they are about
    something else."""
    spoken = {str(choice).lower(): choice for choice in choices}
    for positive, negative, neutral in (
        ("positive", "negative", "neutral"),
        ("正面", "负面", "中性"),
    ):
        if positive in spoken and negative in spoken:
            names = {"positive": positive, "negative": negative, "neutral": neutral}
            return spoken.get(names[judge_sentiment(text)], spoken[positive])
    return None
