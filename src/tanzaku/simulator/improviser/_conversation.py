"""A request as a conversation: what was asked last, what tools said since, what is begun."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tanzaku.core import canonical_json
from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._ask import Ask, split_ask
from tanzaku.simulator.improviser._facts import Facts
from tanzaku.simulator.improviser._language import (
    Language,
    detect_language,
    find_asked_language,
    split_words,
)
from tanzaku.simulator.improviser._phrases import choose_phrase, get_phrases
from tanzaku.simulator.improviser._topic import find_phrases

_MAX_READ = 4000
_MAX_READ_END = 1500
_MAX_EARLIER = 5
_MAX_POINTING = 80
_AHEAD = 100
_POINTING = frozenset({"it", "that", "this", "them", "they", "those", "these"})


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered: its call's name and input, the text of its result."""

    name: str
    input: Mapping[str, Any]
    text: str
    is_error: bool


@dataclass
class Conversation:
    """The parts of a valid request that an answer follows from.

    `question` is the last user text (of several user messages in a row, all; of more than 4,000
    characters the first 2,500 and the last 1,500); `results` are the
    tool results that arrived since, oldest first; `prefill` the text an assistant message at the
    end begins; `seed` is the simulator's.
    """

    request: Mapping[str, Any]
    seed: int
    question: str = ""
    prefill: str = ""
    results: list[ToolResult] = field(default_factory=list)

    @cached_property
    def system(self) -> str:
        """The system prompt and mid-conversation system messages."""
        texts = [read_text(self.request.get("system", ""))]
        texts += [
            read_text(message["content"])
            for message in self.request["messages"]
            if message["role"] == "system"
        ]
        return _shorten("\n".join(filter(None, texts)))

    @cached_property
    def words(self) -> frozenset[str]:
        """The question's Latin words in lower case."""
        return frozenset(split_words(self.question))

    @cached_property
    def language(self) -> Language:
        asked = find_asked_language(self.question, self.words)
        if asked is None and self.system:
            asked = find_asked_language(self.system, split_words(self.system))
        if asked is None and self.ask.is_code:
            asked = detect_language(self.ask.instruction)
        return asked or detect_language(self.question, self.words)

    def mentions(self, words: frozenset[str], han: tuple[str, ...] = ()) -> bool:
        """Whether the question holds one of `words`, or of the strings `han` of other scripts.

        The cheap look before an expensive one: most prompts hold none.
        """
        if not words.isdisjoint(self.words):
            return True
        return not self.question.isascii() and any(part in self.question for part in han)

    def find_order(self, words: frozenset[str], han: tuple[str, ...]) -> Ask | None:
        """The ask, when its instruction holds one of `words` or `han`; else, when the system prompt
        does, that prompt with the question as its material."""
        if self.mentions(words, han):
            ask = self.ask
            if ask.material == "" or not words.isdisjoint(split_words(ask.instruction)):
                return ask
            if any(part in ask.instruction for part in han):
                return ask
        if self.system and (
            not words.isdisjoint(self.system_words) or any(part in self.system for part in han)
        ):
            return Ask(self.system, self.question)
        return None

    def match_from(
        self,
        words: frozenset[str],
        pattern: re.Pattern[str],
        *,
        ahead: frozenset[str] = frozenset(),
        in_question: bool = False,
    ) -> re.Match[str] | None:
        """The first match of `pattern` that begins at one of `words` in the instruction (or the whole
        question): far cheaper than a search for a pattern that opens with a choice. Where one of
        `ahead` has to follow within 100 characters, it is looked for first."""
        starts = words & self.words
        if not starts:
            return None
        text = self.question if in_question else self.ask.instruction
        lowered = text.lower()
        found: list[re.Match[str]] = []
        for word in starts:
            at = lowered.find(word)
            while at >= 0:
                is_near = not ahead or any(
                    lowered.find(each, at, at + _AHEAD) > at for each in ahead
                )
                match = pattern.match(text, at) if is_near else None
                if match:
                    found.append(match)
                    break
                at = lowered.find(word, at + 1)
        return min(found, key=lambda match: match.start(), default=None)

    @cached_property
    def system_words(self) -> frozenset[str]:
        return frozenset(split_words(self.system))

    @cached_property
    def ask(self) -> Ask:
        """The question as an instruction and the text it is about."""
        return split_ask(self.question)

    @cached_property
    def earlier(self) -> list[str]:
        """The user texts before the question, latest first; five at most."""
        texts = [
            _shorten(read_text(message["content"]))
            for message in reversed(self.request["messages"][:-1])
            if message["role"] == "user"
        ]
        return [text for text in texts if text and text not in self.question][:_MAX_EARLIER]

    @cached_property
    def earlier_facts(self) -> list[Facts]:
        return [Facts(text) for text in self.earlier]

    def say(self, key: str, /, **values: str) -> str:
        """A phrase in the conversation's language with the topic filled in."""
        phrase = choose_phrase(self.language, key, self.chance)
        if "opic}" in phrase or "{second}" in phrase or "{Title}" in phrase:
            return phrase.format(**self.topics, **values)
        return phrase.format(**values)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.question, self.words)

    @cached_property
    def chance(self) -> Chance:
        """Choices that follow from seed and question alone."""
        return Chance(self.seed, self.question)

    @cached_property
    def topics(self) -> dict[str, str]:
        """What phrases are filled in with: `topic`, the same with a capital (`Topic`) or with one on
        each word (`Title`), `second`."""
        phrases = self._find_topics()
        topic = phrases[0] if phrases else get_phrases(self.language, "topic")[0]
        second = phrases[1] if len(phrases) > 1 else get_phrases(self.language, "second")[0]
        return {
            "topic": topic,
            "Topic": topic[:1].upper() + topic[1:],
            "Title": topic.title(),
            "second": second,
        }

    def _find_topics(self) -> list[str]:
        """Of the text handed along, if any; of the turn before, where this one only points to it."""
        points_back = not _POINTING.isdisjoint(self.words) or "它" in self.question
        if points_back and len(self.question) <= _MAX_POINTING and self.earlier:
            return find_phrases(self.earlier[0])
        material = self.ask.material
        if material and not self.ask.is_code:
            return find_phrases(material) or self.facts.phrases
        return self.facts.phrases

    @property
    def is_after_tools(self) -> bool:
        """Whether the last turn brings tool results."""
        return bool(self.results)

    def was_called(self, name: str, arguments: Mapping[str, Any]) -> bool:
        wanted = canonical_json(arguments)
        return any(
            result.name == name and canonical_json(result.input) == wanted
            for result in self.results
        )


def read_conversation(request: Mapping[str, Any], seed: int) -> Conversation:
    """Read a validated request. Walks back from the end no further than the last user text."""
    messages = request["messages"]
    conversation = Conversation(request, seed)
    at = len(messages) - 1
    if messages and messages[at]["role"] == "assistant":
        conversation.prefill = read_text(messages[at]["content"])
        at -= 1
    texts: list[str] = []
    raw_results: list[Mapping[str, Any]] = []
    calls: dict[str, Mapping[str, Any]] = {}
    while at >= 0:
        message = messages[at]
        content = message["content"]
        if message["role"] == "user":
            text = read_text(content)
            if text:
                texts.insert(0, text)
            raw_results = [*list_blocks(content, "tool_result"), *raw_results]
        elif message["role"] == "assistant":
            if texts:
                break
            for block in list_blocks(content, "tool_use"):
                calls[block["id"]] = block
        at -= 1
    if raw_results and at >= 0 and messages[at]["role"] == "assistant":
        # Text stood beside the results: their calls are in the message just before.
        for block in list_blocks(messages[at]["content"], "tool_use"):
            calls[block["id"]] = block
    conversation.question = _shorten("\n".join(texts))
    conversation.results = [
        read_result(block, calls[block["tool_use_id"]])
        for block in raw_results
        if block["tool_use_id"] in calls
    ]
    return conversation


def _shorten(text: str) -> str:
    """What is read of a long text: its beginning and its end, where prompts say what they want."""
    if len(text) <= _MAX_READ:
        return text
    return f"{text[: _MAX_READ - _MAX_READ_END]}\n{text[-_MAX_READ_END:]}"


def read_result(block: Mapping[str, Any], call: Mapping[str, Any]) -> ToolResult:
    """A `tool_result` block beside the `tool_use` it answers."""
    return ToolResult(
        name=call["name"],
        input=call["input"],
        text=read_text(block.get("content", "")),
        is_error=bool(block.get("is_error")),
    )


def list_blocks(content: object, kind: str) -> Iterable[Mapping[str, Any]]:
    """The blocks of one kind among a message's content."""
    if isinstance(content, list):
        return [block for block in content if block.get("type") == kind]
    return []


def read_text(content: object) -> str:
    """The text of a string or of the text blocks (and text documents) among blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts, documents = [], []
    for block in content:
        kind = block.get("type")
        if kind == "text":
            texts.append(block["text"])
        elif kind == "search_result":
            texts.append(read_text(block.get("content")))
        elif kind == "document":
            source = block["source"]
            told = source["data"] if source["type"] == "text" else read_text(source.get("content"))
            documents.append(told)
    # A question comes before what it is about, wherever the document stood.
    return "\n\n".join(["\n".join(texts), *filter(None, documents)])
