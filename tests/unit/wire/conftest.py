"""Strategies that the wire tests share, as session fixtures (test files import nothing here)."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
) | TEXT
JSON = st.recursive(
    SCALARS,
    lambda value: st.lists(value, max_size=3) | st.dictionaries(TEXT, value, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)

CITATIONS = st.fixed_dictionaries(
    {"type": st.just("char_location"), "cited_text": TEXT, "document_index": st.integers(0, 9)}
)
TEXT_BLOCKS = st.fixed_dictionaries(
    {"type": st.just("text"), "text": TEXT},
    optional={"citations": st.none() | st.lists(CITATIONS, max_size=3)},
)
THINKING_BLOCKS = st.fixed_dictionaries(
    {"type": st.just("thinking"), "thinking": st.just("") | TEXT, "signature": TEXT}
)
REDACTED_BLOCKS = st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": TEXT})
TOOL_BLOCKS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["tool_use", "server_tool_use", "mcp_tool_use"]),
        "id": st.from_regex(r"(srv)?toolu_[a-zA-Z0-9]{4}", fullmatch=True),
        "name": st.sampled_from(["calculator", "web_search"]),
        "input": OBJECTS,
    },
    optional={"caller": st.just({"type": "direct"}), "toolset_name": st.none()},
)
RESULT_BLOCKS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["web_search_tool_result", "code_execution_tool_result", "of_next_year"]
        ),
        "tool_use_id": st.just("srvtoolu_1"),
        "content": JSON,
    }
)
BLOCKS = TEXT_BLOCKS | THINKING_BLOCKS | REDACTED_BLOCKS | TOOL_BLOCKS | RESULT_BLOCKS

COUNTS = st.integers(0, 10**7)
USAGES = st.fixed_dictionaries(
    {"input_tokens": COUNTS, "output_tokens": COUNTS},
    optional={
        "cache_creation_input_tokens": st.none() | COUNTS,
        "cache_read_input_tokens": st.none() | COUNTS,
        "cache_creation": st.fixed_dictionaries({"ephemeral_5m_input_tokens": COUNTS}),
        "output_tokens_details": st.fixed_dictionaries({"thinking_tokens": COUNTS}),
        "server_tool_use": st.none() | st.fixed_dictionaries({"web_search_requests": COUNTS}),
        "service_tier": st.sampled_from(["standard", "priority"]),
        "inference_geo": st.sampled_from(["global", "not_available"]),
        "of_next_year": JSON,
    },
)
MESSAGES = st.fixed_dictionaries(
    {
        "id": st.just("msg_01"),
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": st.just("claude-haiku-4-5-20251001"),
        "content": st.lists(BLOCKS, max_size=4),
        "stop_reason": st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal"]),
        "stop_sequence": st.none() | TEXT,
        "usage": USAGES,
    },
    optional={
        "stop_details": st.none() | st.fixed_dictionaries({"type": st.just("refusal")}),
        "container": st.none() | st.fixed_dictionaries({"id": st.just("container_1")}),
        "context_management": st.none() | st.just({"applied_edits": []}),
        "diagnostics": st.none(),
        "of_next_year": JSON,
    },
)


@pytest.fixture(scope="session")
def messages() -> SearchStrategy[dict[str, Any]]:
    """Whole messages as JSON, with every kind of block and fields nobody knows yet."""
    return MESSAGES


@pytest.fixture(scope="session")
def objects() -> SearchStrategy[dict[str, Any]]:
    """Any JSON object without lone surrogates and infinities."""
    return OBJECTS
