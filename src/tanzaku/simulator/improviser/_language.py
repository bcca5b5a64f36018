"""Which language a text is written in, and which one it asks for."""

import re
from collections.abc import Collection
from typing import Literal

type Language = Literal["en", "zh", "ja", "ko", "es", "fr", "de"]

_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN_WORD = re.compile(r"[a-zà-öø-ÿœß]+")

_LETTERS_ALONE = {code: chr(code).lower() if chr(code).isalpha() else " " for code in range(128)}

_ENGLISH_WORDS = """
    the a an is are was what how why who when where which of in on for to and or with you your
    my me i it this that please can do does write explain
"""
_SPANISH_WORDS = """
    el la los las un una es son qué que cómo cuál cuándo dónde quién por para con de del en y o
    mi tu su me se hola escribe explica está hay favor gracias
"""
_FRENCH_WORDS = """
    le la les un une est sont quoi que quel quelle comment pourquoi qui où quand de du des en et
    ou pour avec dans mon ma votre vous je il elle bonjour écris explique merci
"""
_GERMAN_WORDS = """
    der die das ein eine ist sind was wie warum wer wo wann welche von im in auf für zu und oder
    mit mein dein sie ich es bitte schreibe erkläre hallo danke nicht den dem
"""
_STOP_WORDS: dict[Language, frozenset[str]] = {
    "en": frozenset(_ENGLISH_WORDS.split()),
    "es": frozenset(_SPANISH_WORDS.split()),
    "fr": frozenset(_FRENCH_WORDS.split()),
    "de": frozenset(_GERMAN_WORDS.split()),
}

_FOREIGN_WORDS = _STOP_WORDS["es"] | _STOP_WORDS["fr"] | _STOP_WORDS["de"]

_NAMES: dict[str, Language] = {
    "english": "en", "chinese": "zh", "japanese": "ja", "korean": "ko",
    "spanish": "es", "french": "fr", "german": "de",
    "英语": "en", "英文": "en", "中文": "zh", "汉语": "zh", "日语": "ja", "日文": "ja",
    "英語": "en", "日本語": "ja", "中国語": "zh", "韩语": "ko", "韩文": "ko", "西班牙语": "es", "法语": "fr", "德语": "de",
}  # fmt: skip
_LANGUAGE_NAMES = frozenset(_NAMES)
_ASKED_FOR = re.compile(
    r"\b(?:answer|answers|reply|respond|write|speak|say)\b[^.\n]{0,24}?\bin "
    r"(english|chinese|japanese|korean|spanish|french|german)\b"
    r"|(?:用|以)(英语|英文|中文|汉语|日语|日文|韩语|韩文|西班牙语|法语|德语)",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"\b(?:to|into|in)\s+(english|chinese|japanese|korean|spanish|french|german)\b"
    r"|(?:成|为)(英语|英文|中文|汉语|日语|日文|韩语|韩文|西班牙语|法语|德语)|(英語|日本語|中国語)[にへ]",
    re.IGNORECASE,
)


def split_words(text: str) -> list[str]:
    """The Latin words of `text` in lower case, accents kept."""
    if text.isascii():
        return text.translate(_LETTERS_ALONE).split()
    return _LATIN_WORD.findall(text.lower())


def detect_language(text: str, words: Collection[str] | None = None) -> Language:
    """The language of `text` by script, among Latin ones by stop words; English when unclear.

    `words` are the text's `split_words`, where they are at hand.
    """
    if words is None:
        words = split_words(text)
    if not text.isascii():
        han = len(_HAN.findall(text))
        kana = len(_KANA.findall(text))
        hangul = len(_HANGUL.findall(text))
        if hangul > len(words) and hangul > han:
            return "ko"
        if kana * 5 > han and kana + han > len(words):
            return "ja"
        # One Han character carries about as much as one Latin word.
        if han >= len(words) and han:
            return "zh"
    distinct = frozenset(words)
    best: Language = "en"
    best_score = len(distinct & _STOP_WORDS["en"])
    if len(distinct & _FOREIGN_WORDS) <= best_score:
        return best
    for language in ("es", "fr", "de"):
        score = len(distinct & _STOP_WORDS[language])
        if score > best_score:
            best, best_score = language, score
    return best


def find_asked_language(text: str, words: Collection[str]) -> Language | None:
    """The language `text` tells the answer to be in ("Answer in French.", "用中文回答")."""
    if text.isascii() and _LANGUAGE_NAMES.isdisjoint(words):
        return None
    match = _ASKED_FOR.search(text)
    if match is None:
        return None
    return _NAMES[(match[1] or match[2]).lower()]


def find_named_language(text: str, material: str) -> Language:
    """The language a translation is asked into: the one named after "to", else the last one named;
    English for what is not English, else Chinese."""
    target = _TARGET.search(text)
    if target:
        return _NAMES[target[target.lastindex or 0].lower()]
    named = [name for name in _NAMES if name in text.lower()]
    if named:
        return _NAMES[max(named, key=text.lower().rfind)]
    return "zh" if detect_language(material) == "en" else "en"
