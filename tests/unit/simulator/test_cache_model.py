"""The prompt cache against a reference written from the rules alone, on random conversations."""

import copy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tanzaku.catalog import count_tokens, get_model
from tanzaku.simulator._cache import CachePlan
from unit.simulator.cache_driver import (
    IMAGE,
    TOOL,
    WEB_SEARCH,
    Caching,
    assistant,
    request,
    row,
    text,
    user,
)
from unit.simulator.cache_reference import ReferenceCache, Sent

# Minimum 4,096 and thinking dropped; 1,024; 512; 2,048 and other headers; unknown.
MODELS = (
    "claude-haiku-4-5",
    "claude-sonnet-4-5",
    "claude-haiku-5-5",
    "claude-opus-4-7",
    "claude-fable-5-2",
)
SIZES = st.sampled_from([1, 20, 600, 1100, 3200])
SALTS = st.sampled_from(["book", "day", "river"])
TTL_MARKS: dict[str, dict[str, str]] = {
    "5m": {"type": "ephemeral"},
    "explicit 5m": {"type": "ephemeral", "ttl": "5m"},
    "1h": {"type": "ephemeral", "ttl": "1h"},
}
SETTINGS: dict[str, list[Any]] = {
    "tool_choice": [{"type": "any"}, {"type": "auto", "disable_parallel_tool_use": True}],
    "thinking": [
        {"type": "enabled", "budget_tokens": 2000},
        {"type": "enabled", "budget_tokens": 4000},
        {"type": "disabled"},
    ],
    "output_config": [
        {"effort": "high"},
        {"effort": "low"},
        {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    ],
    "speed": ["fast", "standard"],
}


def as_figures(plan: CachePlan | None, asked: dict[str, Any]) -> tuple[int, int, int, int]:
    if plan is None:
        return (count_tokens(asked, asked["model"]), 0, 0, 0)
    usage = plan.usage
    return (usage.input_tokens, usage.read_tokens, usage.write_5m_tokens, usage.write_1h_tokens)


def list_markable(asked: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = list(asked.get("tools", []))
    contents = [asked.get("system", []), *(turn["content"] for turn in asked["messages"])]
    blocks += [block for content in contents if isinstance(content, list) for block in content]
    return [b for b in blocks if b.get("type") != "thinking" and not b.get("defer_loading")]


class Conversations(RuleBasedStateMachine):
    """A few conversations that grow, are edited, forked and sent, also several at once."""

    def __init__(self) -> None:
        super().__init__()
        self.caching = Caching()
        self.reference = ReferenceCache()
        self.talks: list[dict[str, Any]] = []
        self.pending: list[tuple[CachePlan | None, Sent]] = []
        self.calls = 0

    @initialize(model=st.sampled_from(MODELS))
    def open(self, model: str) -> None:
        long = [text(4500, "day", cache_control=TTL_MARKS["1h"]), text(1)]
        talk = request(user(text(20)), model=model, system=long, tools=[dict(TOOL)])
        self.talks.append(talk | {"cache_control": TTL_MARKS["5m"]})

    def pick(self, data: st.DataObject) -> dict[str, Any]:
        return self.talks[data.draw(st.integers(0, len(self.talks) - 1))]

    @rule(data=st.data(), model=st.sampled_from(MODELS), size=SIZES, salt=SALTS)
    def start(self, data: st.DataObject, model: str, size: int, salt: str) -> None:
        fields: dict[str, Any] = {"cache_control": TTL_MARKS["5m"]}
        if tools := data.draw(st.integers(0, 2)):
            fields["tools"] = [TOOL | {"name": f"look_{n}"} for n in range(tools)]
        kind = data.draw(st.sampled_from(["none", "string", "blocks"]))
        if kind != "none":
            system = text(size, salt)
            fields["system"] = system["text"] if kind == "string" else [system, text(2)]
        self.talks.append(request(user("Hello."), model=model, **fields))

    @rule(
        data=st.data(),
        growth=st.sampled_from(["none", "texts", "texts", "tools", "tools in a row", "rare"]),
        marks=st.sampled_from(["few", "few", "few", "end", "automatic", "kept", "kept", "none"]),
        workspace=st.sampled_from(["default", "default", "default", "other"]),
        pause=st.sampled_from([0, 0, 100, 200, 299, 301, 3500]),
        is_answered=st.booleans() | st.just(True),
    )
    def converse(
        self,
        data: st.DataObject,
        growth: str,
        marks: str,
        workspace: str,
        pause: float,
        is_answered: bool,
    ) -> None:
        """Let a conversation grow, mark it, and send it; its answer may begin later."""
        self.caching.now += pause
        talk = self.pick(data)
        match growth:
            case "texts":
                self.say(data, talk)
            case "tools" | "tools in a row":
                self.use_tools(data, talk, in_one_turn=growth == "tools")
            case "rare":
                self.grow_rarely(data, talk)
        self.mark(data, talk, marks)
        self.ask(talk, workspace)
        if is_answered:
            self.begin(len(self.pending) - 1)

    @rule(data=st.data(), salt=SALTS)
    def fork(self, data: st.DataObject, salt: str) -> None:
        """Copy a conversation, change one of its texts or cut off its end, and send it."""
        talk = copy.deepcopy(self.pick(data))
        self.talks.append(talk)
        texts = [block for block in list_markable(talk) if block.get("type") == "text"]
        if texts and data.draw(st.booleans()):
            block = data.draw(st.sampled_from(texts[-3:]) | st.sampled_from(texts))
            block["text"] = f"{salt} {block['text']}"
        else:
            del talk["messages"][data.draw(st.integers(1, len(talk["messages"]))) :]
        self.ask(talk, "default")
        self.begin(len(self.pending) - 1)

    @rule(data=st.data(), name=st.sampled_from(["tools", *sorted(SETTINGS)]))
    def change(self, data: st.DataObject, name: str) -> None:
        """Change a setting or the tools and send that, then mostly change back."""
        talk = self.pick(data)
        before = copy.deepcopy(talk.get(name))
        if name == "tools":
            self.change_tools(data, talk)
        else:
            talk[name] = data.draw(st.sampled_from(SETTINGS[name]))
        self.ask(talk, "default")
        self.begin(len(self.pending) - 1)
        if data.draw(st.integers(0, 3)):
            talk.pop(name)
            if before is not None:
                talk[name] = before

    @rule(seconds=st.sampled_from([1, 60, 299, 300, 301, 1800, 3300, 3600]))
    def wait(self, seconds: int) -> None:
        self.caching.now += seconds

    @rule(data=st.data(), seconds=st.sampled_from([0, 100, 250, 300]))
    def begin_one(self, data: st.DataObject, seconds: float) -> None:
        self.caching.now += seconds
        if self.pending:
            self.begin(data.draw(st.integers(0, len(self.pending) - 1)))

    def say(self, data: st.DataObject, talk: dict[str, Any]) -> None:
        role = data.draw(st.sampled_from([user, assistant]))
        count = data.draw(st.integers(1, 9) | st.integers(18, 21))
        size = data.draw(SIZES)
        salt = data.draw(SALTS)
        talk["messages"].append(role(*[text(1 if n else size, salt) for n in range(count)]))

    def use_tools(self, data: st.DataObject, talk: dict[str, Any], *, in_one_turn: bool) -> None:
        thinking = {"type": "thinking", "thinking": "Let me look.", "signature": "s"}
        begun = [thinking] if data.draw(st.booleans()) else []
        calls, results = [], []
        for _ in range(data.draw(st.integers(1, 12))):
            self.calls += 1
            name = f"toolu_{self.calls}"
            calls.append(
                {"type": "tool_use", "id": name, "name": "look", "input": {"b": 1, "a": 2}}
            )
            results.append({"type": "tool_result", "tool_use_id": name, "content": "A book."})
        if in_one_turn:
            talk["messages"] += [assistant(*begun, *calls), user(*results)]
            return
        for call, result in zip(calls, results, strict=True):
            talk["messages"] += [assistant(*begun, call), user(result)]

    def grow_rarely(self, data: st.DataObject, talk: dict[str, Any]) -> None:
        source = {"type": "text", "media_type": "text/plain", "data": "Books are deep."}
        document = {"type": "document", "source": source, "citations": {"enabled": True}}
        result = {"type": "tool_result", "tool_use_id": "toolu_0", "content": [IMAGE]}
        grown = [assistant(), user(IMAGE), user(result), user(document)]
        talk["messages"].append(copy.deepcopy(data.draw(st.sampled_from(grown))))

    def change_tools(self, data: st.DataObject, talk: dict[str, Any]) -> None:
        tools = talk.setdefault("tools", [])
        has_search = any(tool["name"] == "web_search" for tool in tools)
        match data.draw(st.sampled_from(["tool", "web search", "deferred", "description"])):
            case "tool":
                tools.append(TOOL | {"name": f"look_{len(tools)}"})
            case "web search" if not has_search:
                tools.insert(0, dict(WEB_SEARCH))
            case "web search":
                tools[:] = [tool for tool in tools if tool["name"] != "web_search"]
            case "deferred":
                # One tool must not be deferred.
                tools.append(TOOL | {"name": f"near_{len(tools)}"})
                tools.append(TOOL | {"name": f"far_{len(tools)}", "defer_loading": True})
            case _ if tools:
                tools[-1]["description"] = data.draw(SALTS)

    def mark(self, data: st.DataObject, talk: dict[str, Any], marks: str) -> None:
        """Put up to four marks anew, those of an hour first."""
        blocks = list_markable(talk)
        if marks == "kept" or not blocks:
            return
        talk.pop("cache_control", None)
        for block in blocks:
            block.pop("cache_control", None)
        chosen = set()
        if marks == "few":
            chosen = data.draw(st.sets(st.integers(0, len(blocks) - 1), min_size=1, max_size=3))
        if marks in ("few", "end"):
            chosen.add(len(blocks) - 1)
        longer = data.draw(st.integers(0, 4))
        for rank, index in enumerate(sorted(chosen)):
            short = data.draw(st.sampled_from(["5m", "explicit 5m"]))
            blocks[index]["cache_control"] = TTL_MARKS["1h" if rank < longer else short]
        if marks == "automatic":
            talk["cache_control"] = TTL_MARKS[data.draw(st.sampled_from(sorted(TTL_MARKS)))]
            if longer > 2:
                blocks[0]["cache_control"] = TTL_MARKS["1h"]

    def ask(self, talk: dict[str, Any], workspace: str) -> None:
        asked = copy.deepcopy(talk)
        plan = self.caching.plan(asked, workspace)
        sent = self.reference.start(self.caching.now, workspace, asked, get_model(asked["model"]))
        assert as_figures(plan, asked) == sent.usage
        assert sum(sent.usage) == count_tokens(asked, asked["model"])
        assert min(sent.usage) >= 0
        self.pending.append((plan, sent))

    def begin(self, index: int) -> None:
        plan, sent = self.pending.pop(index)
        self.caching.begin(plan)
        self.reference.begin_answer(self.caching.now, sent)


@row("all rules together, on random conversations")
def test_usage_equals_the_references_in_all_four_figures() -> None:
    run_state_machine_as_test(
        Conversations,
        settings=settings(
            max_examples=150, stateful_step_count=30, deadline=None, derandomize=True
        ),
    )


@pytest.mark.full
def test_usage_equals_the_references_on_many_more_conversations() -> None:
    run_state_machine_as_test(
        Conversations, settings=settings(max_examples=300, stateful_step_count=40, deadline=None)
    )
