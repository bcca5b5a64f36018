"""Text as people count it: characters, words, languages. Chinese and Japanese count by character."""

import re
import unicodedata
from collections import Counter
from typing import Final

_UNIT = re.compile(
    r"(?P<han>[\u2e80-\u2fdf\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
    r"|(?P<kana>[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f])"
    r"|(?P<word>(?:(?![\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    r"\U00020000-\U0003ffff])\w)+"
    r"(?:['’.,\-](?:(?![\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    r"\U00020000-\U0003ffff])\w)+)*)"
)
_SCRIPTS: Final = {"HANGUL": "ko", "CYRILLIC": "ru", "ARABIC": "ar", "LATIN": "latin"}
_COMMON_WORDS: Final = {
    "en": "the of and to in is it you that was for on are with as at be this have from or by not but what "
    "all were when we there can an your which their if will how do does has i no my they he she",
    "fr": "le la les de des du un une et est en que qui dans pour pas sur au aux avec ce cette ne se il "
    "elle nous vous je mais ou où par plus sont été être d'un c'est à",
    "de": "der die das und ist in den von zu mit sich auf für nicht ein eine einen dem des im sie es ich "
    "wir aber oder auch als an werden aus wie bei nach wird sind",
    "es": "el la los las de que y en un una por con no es para se del al lo como más pero su sus o este "
    "esta son está muy hay fue ser yo tu mi",
}  # fmt: skip
LANGUAGES: Final = ("zh", "ja", "ko", "ru", "ar", *_COMMON_WORDS)


def normalise(text: str) -> str:
    """Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Composed and without regard to case."""
    return normalise(normalise(text).casefold())


def measure_length(text: str) -> int:
    """Code points of the composed text; a Chinese character is one."""
    return len(normalise(text))


def split_words(text: str) -> list[str]:
    """Words: each Chinese character and kana is one, other letters and digits by the run; signs
    between two letters (`don't`, `1,000`) part no word."""
    return [match[0] for match in _UNIT.finditer(normalise(text))]


def guess_language(text: str) -> str | None:
    """The language most of the words are in, one of LANGUAGES; None where the text does not tell.

    A heuristic: by script, Japanese by its kana, languages in Latin letters by their commonest
    words. A Chinese character weighs as much as a word.
    """
    scripts: Counter[str] = Counter()
    latin: list[str] = []
    for match in _UNIT.finditer(normalise(text)):
        kind = match.lastgroup or ""
        if kind == "word":
            kind = _read_script(match[0])
        if kind == "latin":
            latin.append(match[0].casefold().replace("’", "'"))
        scripts[kind] += 1
    del scripts[""]
    if scripts["kana"] * 10 >= scripts["han"] and scripts["kana"]:
        scripts["ja"] = scripts.pop("kana") + scripts.pop("han", 0)
    else:
        scripts["zh"] = scripts.pop("han", 0)
    best, count = max(scripts.items(), key=lambda item: item[1], default=("", 0))
    if not count:
        return None
    return _guess_latin(latin) if best == "latin" else best


def _read_script(word: str) -> str:
    letter = next((char for char in word if char.isalpha()), "")
    name = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return _SCRIPTS.get(name, "")


def _guess_latin(words: list[str]) -> str | None:
    scores = {
        language: sum(word in common for word in words)
        for language, common in ((name, set(text.split())) for name, text in _COMMON_WORDS.items())
    }
    (best, score), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    return best if score > second else None
