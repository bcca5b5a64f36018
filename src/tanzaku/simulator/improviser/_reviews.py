"""What there is to say about a piece of code: remarks by plain signs in it, or what it does."""

import re

from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._phrases import say

_ASKED = (
    frozenset(
        [
            "review",
            "debug",
            "fix",
            "refactor",
            "optimize",
            "optimise",
            "improve",
            "bug",
            "bugs",
            "wrong",
            "explain",
            "does",
            "do",
            "understand",
        ]
    ),
    (
        "审查",
        "评审",
        "检查",
        "改进",
        "优化",
        "重构",
        "修复",
        "解释",
        "作用",
        "问题",
        "错误",
        "レビュー",
    ),
)
_EXPLAINED = re.compile(r"\b(?:explain|does|do|understand)\b|解释|作用", re.IGNORECASE)
_LOOKS_LIKE_CODE = re.compile(
    r"\bdef \w+\(|\bfunction\s*\w*\(|=>\s*[{(]?|\bclass \w+|;\s*$|\bfor\b.+\bin\b.+[:(]|\bimport \w+|\bSELECT\b.+\bFROM\b",
    re.MULTILINE,
)
_FUNCTION = re.compile(r"\b(?:def|function|func|fn)\s+(\w+)\s*\(([^)]*)\)")
_SIGNS = (
    ("missing_colon", re.compile(r"^\s*(?:for|if|while|def|else|elif|class)\b[^:\n{;]*$|\bfor \w+ in \w+\([^)]*\) [a-z]", re.MULTILINE)),
    ("index_loop", re.compile(r"range\(len\(")),
    ("empty_input", re.compile(r"/\s*len\(|\[0\]|\bmax\(|\bmin\(")),
    ("bare_except", re.compile(r"\bexcept\s*:|\bexcept Exception\b|catch\s*\(\w*\)\s*\{\s*\}")),
    ("none_compare", re.compile(r"[!=]=\s*(?:None|null)\b")),
    ("eval", re.compile(r"\b(?:eval|exec)\(")),
    ("sql_text", re.compile(r"(?:SELECT|INSERT|UPDATE|DELETE)\b[^\n]*(?:\"\s*\+|%s|\{\w+\})", re.IGNORECASE)),
    ("mutable_default", re.compile(r"def \w+\([^)]*=\s*(?:\[\]|\{\})")),
    ("var", re.compile(r"\bvar \w+\s*=")),
    ("secret", re.compile(r"(?:password|secret|api_key|token)\s*=\s*[\"']", re.IGNORECASE)),
)  # fmt: skip
_MAX_REMARKS = 4


def write_review(conversation: Conversation) -> str:
    ask = conversation.find_order(*_ASKED)
    if ask is None or not ask.material:
        return ""
    code = ask.material
    if not ask.is_code and not _LOOKS_LIKE_CODE.search(code):
        return ""
    language = conversation.language
    function = _FUNCTION.search(code)
    name = function[1] if function else "snippet"
    if _EXPLAINED.search(ask.instruction):
        arguments = function[2].strip() if function else ""
        is_recursive = function is not None and len(re.findall(rf"\b{name}\(", code)) > 1
        key = "explained_recursive" if is_recursive else "explained"
        return say(language, key, name=name, arguments=arguments or "-")
    keys = [key for key, sign in _SIGNS if sign.search(code)]
    if function and not re.search(r'"""|\'\'\'|//|#|/\*', code):
        keys.append("undocumented")
    keys = [*keys, "tests"][:_MAX_REMARKS]
    remarks = [f"{at}. {say(language, f'review_{key}')}" for at, key in enumerate(keys, 1)]
    lines = len(code.strip().splitlines())
    return "\n".join([say(language, "review", name=name, lines=str(lines)), "", *remarks])
