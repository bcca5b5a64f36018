"""Token counts of whole requests: the published examples, what adds tokens and what does not."""

import json
from typing import Any

import ctok
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tanzaku.catalog import (
    UnknownModelError,
    count_content,
    count_text,
    count_tokens,
    estimate_tokens,
    get_model,
)

HAIKU = "claude-haiku-4-5"
CTOK_VERSIONS = {HAIKU: "3.0", "claude-opus-4-7": "4.7", "claude-opus-4-8": "4.8"}
WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}},
}
PRIMES = [
    {
        "role": "user",
        "content": "Are there an infinite number of prime numbers such that n mod 4 == 3?",
    },
    {
        "role": "assistant",
        "content": [
            {
                "type": "thinking",
                "thinking": "This is a nice number theory question. "
                "Let's think about it step by step...",
                "signature": "EuYBCkQYAiJAgCs1le6/Pol5Z4/JMomVOouGrWdhYNsH3ukzUECbB6iWrSQtsQuRHJID6lWV...",
            },
            {
                "type": "text",
                "text": "Yes, there are infinitely many prime numbers p such that p mod 4 = 3...",
            },
        ],
    },
    {"role": "user", "content": "Can you write a formal proof?"},
]


def ask(content: Any = "Hello, Claude", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **fields}


def test_the_published_example_with_a_system_prompt_comes_out() -> None:
    assert count_tokens(ask(system="You are a scientist"), HAIKU) == 14


def test_the_published_example_with_manual_thinking_comes_out() -> None:
    thinking = {"type": "enabled", "budget_tokens": 16_000}
    assert count_tokens({"messages": PRIMES, "thinking": thinking}, HAIKU) == 88


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40), st.sampled_from(sorted(CTOK_VERSIONS)), st.booleans())
def test_one_user_text_counts_as_ctok_counts_the_message(
    text: str, model: str, as_block: bool
) -> None:
    content = [{"type": "text", "text": text}] if as_block else text
    assert count_tokens(ask(content), model) == ctok.token_count(text, CTOK_VERSIONS[model])


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(UnknownModelError, match="claude-haiku-9"):
        count_tokens(ask(), "claude-haiku-9")


def test_a_forced_tool_choice_costs_its_own_tool_prompt() -> None:
    auto = count_tokens(ask(tools=[WEATHER]), HAIKU)
    for kind in ("any", "tool"):
        forced = count_tokens(ask(tools=[WEATHER], tool_choice={"type": kind}), HAIKU)
        assert forced - auto == 588 - 496
    assert count_tokens(ask(tools=[WEATHER], tool_choice={"type": "none"}), HAIKU) == auto


@pytest.mark.parametrize(
    ("tool", "model", "tokens"),
    [
        ("bash_20250124", HAIKU, 244),
        ("bash_20250124", "claude-opus-4-8", 325),
        ("text_editor_20250728", HAIKU, 700),
    ],
)
def test_the_apis_own_tools_cost_what_is_published(tool: str, model: str, tokens: int) -> None:
    own = {"type": tool, "name": tool.rpartition("_")[0]}
    with_it = count_tokens(ask(tools=[WEATHER, own]), model)
    assert with_it - count_tokens(ask(tools=[WEATHER]), model) == tokens


def test_a_tool_alone_costs_the_tool_prompt_and_its_definition() -> None:
    definition = json.dumps(WEATHER, separators=(",", ":"))
    added = count_tokens(ask(tools=[WEATHER]), HAIKU) - count_tokens(ask(), HAIKU)
    assert added == 496 + count_text(definition, "v3")


def test_a_model_whose_tool_prompt_is_unknown_still_charges_one() -> None:
    model = "claude-haiku-5-5"
    assert get_model(model).tool_prompt_tokens is None
    added = count_tokens(ask(tools=[WEATHER]), model) - count_tokens(ask(), model)
    assert 264 <= added <= 900


@pytest.mark.parametrize(
    ("silent", "plain"),
    [
        (
            ask([{"type": "text", "text": "a b", "cache_control": {"type": "ephemeral"}}]),
            ask("a b"),
        ),
        (
            ask(tools=[{**WEATHER, "cache_control": {"type": "ephemeral"}}]),
            ask(tools=[WEATHER]),
        ),
        (ask(tools=[WEATHER, {**WEATHER, "defer_loading": True}]), ask(tools=[WEATHER])),
        (ask(max_tokens=64_000, metadata={"user_id": "someone"}), ask()),
        (ask(system=[{"type": "text", "text": "Be brief."}]), ask(system="Be brief.")),
    ],
)
def test_what_the_model_does_not_read_costs_nothing(
    silent: dict[str, Any], plain: dict[str, Any]
) -> None:
    assert count_tokens(silent, HAIKU) == count_tokens(plain, HAIKU)


@pytest.mark.parametrize(
    ("model", "is_kept"),
    [
        (HAIKU, False),
        ("claude-sonnet-4-5", False),
        ("claude-opus-4-5", True),
        ("claude-opus-4-8", True),
    ],
)
def test_thinking_of_earlier_turns_counts_only_where_it_is_kept(model: str, is_kept: bool) -> None:
    def count(thinking: str) -> int:
        block = {"type": "thinking", "thinking": thinking, "signature": "s"}
        answer = {"role": "assistant", "content": [block, {"type": "text", "text": "Yes."}]}
        return count_tokens({"messages": [PRIMES[0], answer, PRIMES[2]]}, model)

    assert (count("so " * 50) > count("so")) == is_kept


def test_thinking_counts_while_its_tool_calls_are_still_being_answered() -> None:
    def count(thinking: str) -> int:
        call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
        return count_tokens(
            {
                "messages": [
                    {"role": "user", "content": "Weather?"},
                    {
                        "role": "assistant",
                        "content": [{"type": "thinking", "thinking": thinking}, call],
                    },
                    {"role": "user", "content": [result]},
                ]
            },
            HAIKU,
        )

    assert count("so so so") - count("so") == 2


@pytest.mark.parametrize("field", ["text", "content"])
def test_the_text_of_a_document_counts_in_full(field: str) -> None:
    source: dict[str, Any] = {"type": field, "media_type": "text/plain", "data": "one two three"}
    if field == "content":
        source = {"type": "content", "content": [{"type": "text", "text": "one two three"}]}
    document = {"type": "document", "source": source, "title": "four five"}
    assert count_content([document], HAIKU) == 5


def test_search_results_and_tool_results_count_their_text() -> None:
    found = {
        "type": "search_result",
        "source": "one",
        "title": "two",
        "content": [{"type": "text", "text": "three four"}],
    }
    assert count_content([found], HAIKU) == 4
    plain = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}
    nested = {**plain, "content": [{"type": "text", "text": "sunny"}, found]}
    assert count_content([nested], HAIKU) - count_content([plain], HAIKU) == 4


def test_a_second_user_message_is_the_same_turn_and_an_answer_between_is_not() -> None:
    one, two = {"role": "user", "content": "one"}, {"role": "user", "content": "two"}
    single = count_tokens({"messages": [one]}, HAIKU)
    assert count_tokens({"messages": [one, two]}, HAIKU) == single + 1
    answered = count_tokens(
        {"messages": [one, {"role": "assistant", "content": "yes"}, two]}, HAIKU
    )
    assert answered == single + 2 + 2 * 3


def test_a_prefilled_answer_costs_its_text_alone() -> None:
    prefilled = [*ask()["messages"], {"role": "assistant", "content": "Hello there"}]
    assert count_tokens({"messages": prefilled}, HAIKU) == count_tokens(ask(), HAIKU) + 2


def test_an_output_schema_costs_its_json() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    request = ask(output_config={"format": {"type": "json_schema", "schema": schema}})
    added = count_tokens(request, HAIKU) - count_tokens(ask(), HAIKU)
    assert added == count_text(json.dumps(schema, separators=(",", ":")), "v3")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = (
    "text image document search_result thinking redacted_thinking tool_use tool_result "
    "server_tool_use web_search_tool_result container_upload something_new"
)
BLOCKS = st.dictionaries(
    st.sampled_from(["text", "source", "content", "input", "name", "data", "thinking", "title"]),
    JSON_VALUES,
    max_size=4,
).flatmap(lambda body: st.sampled_from(KINDS.split(" ")).map(lambda kind: {**body, "type": kind}))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(BLOCKS, JSON_VALUES), max_size=4), JSON_VALUES, JSON_VALUES)
def test_no_block_is_too_strange_to_count(blocks: list[Any], system: Any, tools: Any) -> None:
    empty = count_tokens(ask([]), HAIKU)
    assert count_tokens(ask(blocks, system=system, tools=tools), HAIKU) >= empty


def test_what_is_encrypted_is_not_read_as_text() -> None:
    page = {"type": "web_search_result", "encrypted_content": "xQ9/" * 1_000, "title": "News"}
    block = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [page]}
    assert 1_000 <= count_content([block], HAIKU) <= 1_100


def body_of(request: dict[str, Any]) -> bytes:
    return json.dumps({"model": HAIKU, **request}, ensure_ascii=False).encode()


ASCII = st.text(st.characters(max_codepoint=127), max_size=60)
# Capitals that are no piece with their marks, and what keeps them apart.
DENSE_ASCII = st.text(st.sampled_from("~ZJQYBFV,;0'9 X\n"), min_size=1, max_size=40)
TEXT_BLOCKS = st.lists(ASCII.map(lambda text: {"type": "text", "text": text}), max_size=4)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), ASCII | TEXT_BLOCKS), max_size=4),
    ASCII,
    st.lists(st.tuples(ASCII, ASCII), max_size=3),
    st.sampled_from(sorted(CTOK_VERSIONS)),
)
def test_the_estimate_bounds_every_ascii_request(
    turns: list[tuple[str, Any]], system: str, tools: list[tuple[str, str]], model: str
) -> None:
    request = {
        "messages": [{"role": role, "content": content} for role, content in turns],
        "system": system,
        "tools": [{"name": name, "input_schema": {"description": d}} for name, d in tools],
        "tool_choice": {"type": "any"},
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
    }
    assert count_tokens(request, model) <= estimate_tokens(len(body_of(request)))


@pytest.mark.parametrize("model", CTOK_VERSIONS)
def test_the_estimate_bounds_the_text_with_the_most_tokens_a_byte(model: str) -> None:
    densest = ask("z1" * 5_000)
    tokens = count_tokens(densest, model)
    assert 10_000 <= tokens <= estimate_tokens(len(body_of(densest)))


@settings(max_examples=150, deadline=None)
@given(ASCII.filter(bool) | DENSE_ASCII, st.sampled_from(["v3", "v4.7", "v4.8"]))
@example("0Q", "v4.7")
@example("ZJ", "v4.8")
@example("0BFBV", "v3")
def test_no_ascii_text_has_more_than_5_tokens_in_3_bytes_and_the_frames_marks(
    text: str, family: Any
) -> None:
    assert 3 * count_text(text, family) <= 5 * len(text) + 6


def test_lone_capitals_between_marks_reach_that_bound_and_break_the_estimate() -> None:
    text = "~ZQ" * 3_000
    assert count_text(text, "v4.8") == 5 * 3_000
    request = ask(text)
    assert count_tokens(request, "claude-opus-4-8") > estimate_tokens(len(body_of(request)))


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=30), st.sampled_from(["v3", "v4.7", "v4.8"]))
def test_no_text_has_more_than_three_tokens_a_byte(text: str, family: Any) -> None:
    assert count_text(text, family) <= 3 * len(text.encode()) + 1


@pytest.mark.parametrize(
    "text",
    [
        "人工智能正在改变我们的生活方式，许多公司使用大型语言模型来提高工作效率。",
        "人工知能は私たちの生活を変えつつあり、多くの企業が利用しています。",
        "인공지능은 우리의 생활 방식을 바꾸고 있으며 많은 회사가 사용합니다.",
        "Искусственный интеллект меняет нашу жизнь, ΚΑΙ ΤΗΝ ΕΡΓΑΣΊΑ ΜΑΣ.",
        "الذكاء الاصطناعي يغيّر طريقة حياتنا اليوم.",
        "कृत्रिम बुद्धिमत्ता हमारे जीवन को बदल रही है।",
        "ปัญญาประดิษฐ์กำลังเปลี่ยนแปลงวิถีชีวิตของเรา",
        "Trí tuệ nhân tạo đang thay đổi cách chúng ta sống.",
        "🚀🔥👩‍💻🇨🇳 ✅ ⚖️ 🧑🏽‍🚒",
        "ਪੰਜਾਬੀ ਵਿੱਚ ਲਿਖਿਆ ਹੋਇਆ ਪਾਠ ਤਾਮਿਲ் தமிழ் தெலுங்கு ಕನ್ನಡ",
    ],
)
@pytest.mark.parametrize("model", CTOK_VERSIONS)
def test_running_text_of_any_script_stays_below_a_token_a_byte(text: str, model: str) -> None:
    request = ask(text * 20)
    own_tokens = count_tokens(request, model) - count_tokens(ask("a"), model)
    assert own_tokens <= len((text * 20).encode())
    assert count_tokens(request, model) <= estimate_tokens(len(body_of(request)))
