"""What a text is about: its content phrases, longest first."""

import re
from collections.abc import Callable
from operator import methodcaller

_STOP_WORDS_TEXT = """
    a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each explain few for from
    further give had has have having he her here hers him his how i if in into is it its just
    let list make me more most my no nor not now of off on once one only or other our out over
    own please same say she should show so some such tell than that the their them then there
    these they this those through to too two three under until up us use using very was we were
    what when where which while who whom why will with would write you your describe create help
    need want answer question briefly sentence sentences words word short step steps works
    mean means essay article story tips ideas return object array json keys el la los las un una
    es son qué que cómo cuál por para con de del en y o mi tu se lo al como funciona le les du
    des et ou une est sont pour dans sur quoi quel quelle comment pourquoi au aux est-il est-ce
    der die das ein eine einen ist sind wie warum von im auf für zu und oder mit den dem was wer
    what's how's it's that's i'm let's who's following haiku poem joke pros cons compare generate
    translate summarize summarise classify extract rewrite review fix break split subtasks subtask
    simply many name names title product today don't does doesn't single
    hello hi hey thanks thank hola bonjour hallo gracias merci danke bitte
"""
_STOP_WORDS = frozenset(
    form for word in _STOP_WORDS_TEXT.split() for form in (word, word.capitalize(), word.upper())
)
_WORD = re.compile(r"\d[\w.,]*|[^\W_](?:[\w'’-]*\w)?")
_MARK = re.compile(r"[^\w\s'’-]|\n")
_MARKS = '!"#$%&()*+,./:;<=>?@[\\]^_`{|}~'
# Every ASCII character is in it: `translate` is slow for what it does not find.
_ENDS_LINE = {code: "\n" if chr(code) in _MARKS else chr(code) for code in range(128)}
_HAN_SPLIT = re.compile(
    r"[\s，。！？；：、“”‘’「」《》（）()\[\]{},.!?;:\"'\n\x00-\x2f]+"
    r"|请问|请你|请用|请|帮我|帮忙|一下|一个|一些|一篇|一段|一份|如何|怎么样|怎么|怎样|什么是|是什么|什么|为什么|哪些|多少|等于"
    r"|总结|概括|翻译|提取|改写|润色|审查|以下|下面|一首|三道|几个|介绍|解释|说明|描述|编写|写出|写|告诉我|告诉|给我|列出|生成|我想|我要|我们|我|你好|您好|你|您"
    r"|的|了|是|吗|呢|吧|啊|在|和|与|或|把|以及|可以|能否|关于|这个|那个|这|那|还没到?|没有"
    r"|\d+\s*[个条点项种步]|[A-Za-z0-9-]*\d[A-Za-z0-9-]{3,}"
    r"|について|に関して|とは何ですか|とは|何ですか|教えてください|説明してください|ください|教えて|説明して|を|は|が"
    r"|에 대해서?|설명해|알려|주세요|무엇인가요|무엇|어떻게|(?<=[\uac00-\ud7a3])[은는이가을를의에](?=\s|$)"
)
_ABOUT_HAN = re.compile(r"关于([^，。！？的\s]{2,16})的")
_HAS_CJK = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
_MAX_TEXT = 120
_MAX_PHRASE_WORDS = 5
_count_spaces = methodcaller("count", " ")


def find_phrases(text: str) -> list[str]:
    """Up to eight content phrases of `text` (its first 120 characters), the most telling first.

    Runs of words between stop words, as RAKE does; Chinese is cut at function words.
    """
    text = text[:_MAX_TEXT]
    if not text.isascii() and _HAS_CJK.search(text):
        about = _ABOUT_HAN.search(text) if "关于" in text else None
        if about:
            return [about[1]]
        pieces = [piece for piece in _HAN_SPLIT.split(text) if 2 <= len(piece) <= 24]
        return _rank(pieces, weight=len)
    runs: list[str] = []
    run: list[str] = []
    for words in _split_parts(text):
        for word in words:
            # A single letter says little; a number ends a phrase.
            if len(word) > 1 and word not in _STOP_WORDS and word[0] >= "A":
                run.append(word)
            elif run:
                runs.append(" ".join(run[:_MAX_PHRASE_WORDS]))
                run = []
        if run:
            runs.append(" ".join(run[:_MAX_PHRASE_WORDS]))
            run = []
    return _rank([run for run in runs if len(run) > 2], weight=_count_spaces)


def _split_parts(text: str) -> list[list[str]]:
    """The words between punctuation marks."""
    if text.isascii():
        return [part.split() for part in text.translate(_ENDS_LINE).split("\n")]
    return [_WORD.findall(part) for part in _MARK.split(text)]


def _rank(pieces: list[str], weight: Callable[[str], int]) -> list[str]:
    distinct = list(dict.fromkeys(pieces))
    # A stable sort: among equals the earlier phrase wins.
    return sorted(distinct, key=lambda piece: -min(weight(piece), 3))[:8]
