"""Hypothesis strategies for requests: bodies the API accepts, and ways to break one place."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

HAIKU = "claude-haiku-4-5"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJg"
    "gg=="
)
MARK = {"type": "ephemeral"}

_WORDS = st.sampled_from(
    [
        "Hello",
        "Summarize this.",
        "为什么？",
        "مرحبا",
        "```py\nprint(1)\n```",
        "\u2028x\x00y",
        "🎏" * 9,
    ]
)
TEXTS = _WORDS | st.text(min_size=1, max_size=40).map(lambda text: f"a{text}b")
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,24}", fullmatch=True)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def build_object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "email"},
            {"type": "string", "format": "uuid"},
            {"type": "integer"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": ["paid", "open", 3, None]},
            {"const": "ok"},
        ]
    ),
    lambda inner: (
        inner.map(lambda items: {"type": "array", "items": items})
        | st.lists(inner, min_size=1, max_size=3).map(lambda several: {"anyOf": several})
        | st.dictionaries(NAMES, inner, max_size=3).map(build_object_schema)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, SCHEMAS, max_size=4).map(build_object_schema)

_IMAGES = st.sampled_from(
    [
        {"type": "base64", "media_type": "image/png", "data": PIXEL},
        {"type": "url", "url": "https://example.com/a.png"},
    ]
).map(lambda source: {"type": "image", "source": source})
_PLAIN = TEXTS.map(lambda text: {"type": "text", "text": text})


@st.composite
def _build_document(draw: st.DrawFn, *, cites: bool) -> dict[str, Any]:
    text = draw(TEXTS)
    source = draw(
        st.sampled_from(
            [
                {"type": "text", "media_type": "text/plain", "data": text},
                {"type": "content", "content": [{"type": "text", "text": text}]},
                {"type": "content", "content": text},
                {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"},
            ]
        )
    )
    citations = {"citations": {"enabled": cites}}
    return {"type": "document", "source": source} | citations | draw(_optional(title=TEXTS))


@st.composite
def _build_found(draw: st.DrawFn, *, cites: bool) -> dict[str, Any]:
    content = draw(st.lists(_PLAIN, min_size=1, max_size=2))
    found = {"type": "search_result", "source": "https://example.com", "title": draw(TEXTS)}
    return found | {"content": content, "citations": {"enabled": cites}}


def _build_content(*, cites: bool) -> st.SearchStrategy[Any]:
    block = _PLAIN | _IMAGES | _build_document(cites=cites) | _build_found(cites=cites)
    return TEXTS | st.lists(block, min_size=1, max_size=3)


@st.composite
def _build_messages(draw: st.DrawFn, tool: str | None, *, cites: bool) -> list[dict[str, Any]]:
    content = _build_content(cites=cites)
    messages = [{"role": "user", "content": draw(content)}]
    for number in range(draw(st.integers(0, 2))):
        if tool is None or draw(st.booleans()):
            messages.append({"role": "assistant", "content": draw(TEXTS)})
            messages.append({"role": "user", "content": draw(content)})
            continue
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": {"a": [1]}}
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": use["id"]}
        told = st.lists(_PLAIN | _IMAGES, min_size=1, max_size=2) | TEXTS | st.just('{"a":1}')
        result |= draw(_optional(content=told, is_error=st.booleans()))
        messages.append(
            {"role": "assistant", "content": [*draw(st.lists(_PLAIN, max_size=1)), use]}
        )
        messages.append({"role": "user", "content": [result, *draw(st.lists(_PLAIN, max_size=1))]})
    return messages


_SERVER_TOOLS = st.sampled_from(
    [
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"type": "web_fetch_20250910", "name": "web_fetch"},
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "memory_20250818", "name": "memory"},
    ]
)
_TOOLS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES.map(lambda name: f"x{name}"), "input_schema": OBJECTS},
        optional={"description": TEXTS, "strict": st.booleans(), "type": st.just("custom")},
    )
    | _SERVER_TOOLS,
    min_size=1,
    max_size=4,
    unique_by=lambda tool: tool["name"],
)


@st.composite
def build_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A body of `POST /v1/messages` that the API accepts as far as its rules are known here."""
    model = draw(st.sampled_from([HAIKU, "claude-haiku-4-5-20251001", "claude-haiku-5-5"]))
    tools = draw(st.none() | _TOOLS)
    thinks = draw(st.sampled_from([False, False, True]))
    given = "" if tools is None else tools[0]["name"]
    # Calls sent back would have to begin with thinking.
    tool = None if tools is None or thinks else given
    is_schema = draw(st.sampled_from([False, False, False, True]))
    cites = not is_schema and draw(st.booleans())
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": draw(st.integers(1, 400)),
        "messages": draw(_build_messages(tool, cites=cites)),
    }
    if thinks:
        old = {"type": "enabled", "budget_tokens": 1024}
        body["thinking"] = {"type": "adaptive"} if model == "claude-haiku-5-5" else old
        body["max_tokens"] += 1024
    if tools is not None:
        body["tools"] = tools
        kinds = ["auto", "none"] if thinks else ["auto", "none", "any", "tool"]
        kind = draw(st.sampled_from(kinds))
        body["tool_choice"] = {"type": kind} | ({"name": given} if kind == "tool" else {})
        if kind != "none":
            body["tool_choice"] |= draw(_optional(disable_parallel_tool_use=st.booleans()))
    if is_schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": draw(OBJECTS)}}
    marked = st.fixed_dictionaries(
        {"type": st.just("text"), "text": TEXTS}, optional={"cache_control": st.just(MARK)}
    )
    return body | draw(
        _optional(
            system=TEXTS | st.lists(marked, min_size=1, max_size=2),
            stop_sequences=st.lists(TEXTS, max_size=2),
            metadata=st.just({"user_id": "u"}),
            cache_control=st.sampled_from([MARK, MARK | {"ttl": "1h"}]),
            service_tier=st.sampled_from(["auto", "standard_only"]),
        )
    )


JUNK: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, 1e300, "", " ", "x" * 3000, "\x00", "🎏", "ephemeral"),
    *([], {}, [[]], [None], {"type": "text"}, {"type": "nothing"}, {"$ref": "#"}, {"type": []}),
    {"type": "object", "properties": 3, "required": {"a": 1}},
    {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
    {"type": "array", "items": [], "minItems": 10**6},
    {"type": "string", "pattern": "((a+)+)+$", "minLength": 10**6},
    {"enum": []},
    {"anyOf": []},
    {"type": "integer", "minimum": 5, "maximum": 1},
]


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of every value inside of a body."""
    if isinstance(value, dict):
        inner: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        return []
    below = [((*path, key), child) for key, child in inner]
    return [place for here, child in below for place in (here, *list_places(child, here))]


@st.composite
def break_one_place(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """`body` with one value gone, replaced, repeated, renamed, wrapped, or one too many."""
    broken = copy.deepcopy(body)
    *way, last = draw(st.sampled_from(list_places(broken)))
    parent: Any = broken
    for step in way:
        parent = parent[step]
    match draw(st.sampled_from(["gone", "junk", "junk", "junk", "twice", "name", "wrap", "more"])):
        case "gone":
            del parent[last]
        case "junk":
            parent[last] = draw(st.sampled_from(JUNK))
        case "twice" if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        case "name" if isinstance(parent, dict):
            parent[f"{last}_"] = parent.pop(last)
        case "wrap":
            parent[last] = [parent[last]]
        case _ if isinstance(parent[last], dict):
            parent[last]["unknown"] = draw(st.sampled_from(JUNK))
        case _:
            parent[last] = json.dumps(parent[last])
    return broken
