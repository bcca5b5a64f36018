"""Short exchanges that are about nothing: greetings, thanks, who are you, ping."""

import re

from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._phrases import say

_GREETING = re.compile(
    r"\s*(?:say )?(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening)|howdy"
    r"|你好|您好|嗨|哈喽|早上好|晚上好|大家好|こんにちは|こんばんは|おはよう|안녕|안녕하세요"
    r"|hola|buenos días|bonjour|salut|hallo|guten (?:tag|morgen))"
    r"(?:[\s,，]*(?:there|claude(?: (?:haiku|sonnet|opus)(?: \d[\d.]*)?)?|world|all|everyone))?[\s!！.。,，~？?]*(?:\s*(?:how are you|你好吗)[?？]*|in [A-Z]\w+[.!]?)?\s*$",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"(?:hello|hi|hey|hola|bonjour|hallo|你好|您好|嗨|こんにちは)?[\s,，!！.。、]*"
    r"(?:my name is|i am|i'm|this is|我叫|我是|我的名字是|me llamo|je m'appelle|ich (?:bin|heiße)|私は)\s*"
    r"([A-Z][\w-]+(?: [A-Z][\w-]+)?|[\u4e00-\u9fff]{2,4}?|[\u30a1-\u30ff]{2,8})(?:です)?[\s.!。！]*$",
    re.IGNORECASE,
)
_MAX_SHORT = 60
_TALK = (
    ("thanks", re.compile(r"(?:many |ok(?:ay)?,? )?(?:thanks?(?: you)?|thx|cheers)\b.{0,20}|谢谢.{0,6}|多谢.{0,4}|感谢|ありがとう.{0,8}|감사합니다|gracias|merci|danke", re.IGNORECASE)),
    ("identity", re.compile(r"(?:who|what) are you|what(?:'s| is) your name|are you (?:an? )?(?:ai|claude|human|robot|bot)|what model are you|你是谁|你叫什么(?:名字)?|你是什么模型|你是(?:机器人|人类)吗|あなたは誰ですか", re.IGNORECASE)),
    ("present", re.compile(r"ping|test(?:ing)?(?: 123)?|are you (?:there|alive|working|online)|you there|测试(?:一下)?|在吗|テスト", re.IGNORECASE)),
    ("joke", re.compile(r"(?:please )?(?:tell|give) me (?:a|another) (?:\w+ )?joke.{0,20}|(?:给我)?(?:讲|说)(?:一)?个?(?:笑话|段子)", re.IGNORECASE)),
    ("no_live", re.compile(r"what(?:'s| is) the (?:weather|time|date|temperature|latest|current|stock).{0,40}|what (?:day|time|date|year) is it.{0,10}|.{0,12}(?:天气(?:怎么样|如何)?|几点(?:了)?|今天(?:星期几|几号)|股价.{0,6})", re.IGNORECASE)),
    ("no_own", re.compile(r"(?:what|when|where|how|do|does|can|are|is)\b.{0,24}\byou(?:r)?\b .{0,24}\b(?:open\w*|hours?|ship\w*|deliver\w*|store|shop|address|located|prices?|accept|returns?|warranty)\b.{0,20}|(?:你们|贵店|贵公司).{0,20}", re.IGNORECASE)),
)  # fmt: skip


def write_small_talk(conversation: Conversation) -> str:
    """ "" for any text of more than 60 characters."""
    text = conversation.question.strip()
    if len(text) > _MAX_SHORT:
        return ""
    if _GREETING.match(text):
        return conversation.say("greeting")
    name = _INTRODUCTION.match(text)
    if name and (name[1][0].isupper() or not name[1].isascii()):
        return say(conversation.language, "greeting_name", name=name[1])
    bare = text.rstrip(" ?？!！.。~")
    for key, pattern in _TALK:
        if pattern.fullmatch(bare):
            return say(conversation.language, key)
    return ""
