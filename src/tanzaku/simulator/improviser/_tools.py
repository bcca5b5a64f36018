"""Which tools a prompt calls for, and with what arguments. No tool is known by name here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._defined_tools import list_defined_tools
from tanzaku.simulator.improviser._facts import Facts
from tanzaku.simulator.improviser._hints import find_kinds, split_name
from tanzaku.simulator.improviser._schema import BrokenSchemaError, build_value
from tanzaku.wire import ApiError

_THRESHOLD = 3.0
_MAX_PARALLEL = 8
_STOP_TEXT = """
    a an the of for to in on at by with from and or is are be this that it its as into get set
    use used using tool given any all you your can will what how when where which please me my i
    return returns one two do does if not no current currently provide provides information
    about string value name type data input output result make list new user
"""
_STOP = frozenset(_STOP_TEXT.split())
_WORD = re.compile(r"[a-z]{2,}")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
_CALCULATES = re.compile(
    r"calc|math|arithmetic|comput|\b(?:add|sum|subtract|multiply|divide)\b|expression|equation|evaluat|计算|算术|运算|数学|表达式",
    re.IGNORECASE,
)
_TELLING = frozenset({"place", "code", "email", "url", "uuid", "phone", "expression"})
_HAN_WORDS = {
    "天气": "weather", "气温": "temperature weather", "计算": "calculate calculator math",
    "订单": "order", "搜索": "search", "查找": "search find", "查询": "query lookup", "时间": "time",
    "几点": "time", "日期": "date", "翻译": "translate", "邮件": "email mail", "发送": "send",
    "股票": "stock", "股价": "stock price", "价格": "price", "多少钱": "price", "航班": "flight",
    "机票": "flight ticket", "酒店": "hotel", "新闻": "news", "文件": "file", "数据库": "database",
    "库存": "inventory stock", "退款": "refund", "客户": "customer", "快递": "shipping delivery track",
    "物流": "shipping delivery track logistics", "包裹": "parcel package delivery track",
    "支付": "payment pay", "付款": "payment pay", "地图": "map", "汇率": "exchange rate currency",
    "提醒": "reminder", "日历": "calendar", "会议": "meeting", "预订": "book reservation",
    "餐厅": "restaurant", "执行": "run execute", "代码": "code", "读取": "read", "创建": "create",
    "删除": "delete", "更新": "update", "工单": "ticket", "余额": "balance", "地址": "address",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: the tool's name and its arguments; `toolset` names the family of a member."""

    name: str
    input: dict[str, Any]
    toolset: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A callable tool of the request, with the words a prompt is compared with."""

    name: str
    description: str
    schema: Mapping[str, Any]
    examples: Sequence[Mapping[str, Any]]
    index: int
    toolset: str | None = None


def list_tools(request: Mapping[str, Any]) -> list[Tool]:
    """The tools a client runs itself: custom ones and Anthropic-defined ones with their documented
    input. Server tools are not among them."""
    tools: list[Tool] = []
    for index, raw in enumerate(request.get("tools") or ()):
        if raw.get("type") in {None, "custom"}:
            examples = raw.get("input_examples") or ()
            description = raw.get("description") or ""
            schema = raw["input_schema"]
            if not isinstance(schema.get("properties") or {}, dict):
                raise _refuse_schema(index)
            tools.append(Tool(raw["name"], description, schema, examples, index))
            continue
        tools += [
            Tool(defined.name, defined.description, defined.schema, (), index, defined.toolset)
            for defined in list_defined_tools(raw)
        ]
    return tools


def _refuse_schema(index: int) -> ApiError:
    """The API's refusal of a schema that is none; its text is a guess beyond the first sentence."""
    return ApiError.invalid_request(
        f"tools.{index}.custom.input_schema: JSON schema is invalid. "
        "It must match JSON Schema draft 2020-12"
    )


def choose_calls(conversation: Conversation) -> list[ToolCall]:
    """The calls to make now; empty when the answer should be text.

    A forced choice always calls. Otherwise a tool is called when the prompt shares enough words
    with it, once for each place, code or sum the prompt names, and never again with arguments
    whose result is already there: so a loop of calls and results ends.
    """
    request = conversation.request
    choice = request.get("tool_choice") or {"type": "auto"}
    if choice["type"] == "none":
        return []
    tools = list_tools(request)
    if choice["type"] == "tool":
        tools = [tool for tool in tools if tool.name == choice["name"]]
    if not tools:
        return []
    is_forced = choice["type"] in {"any", "tool"}
    chosen = _choose_tools(tools, conversation, at_least_one=is_forced)
    calls = [call for tool in chosen for call in _build_calls(tool, conversation)]
    fresh = [call for call in calls if not conversation.was_called(call.name, call.input)]
    if is_forced and not fresh:
        fresh = calls[:1]
    limit = 1 if choice.get("disable_parallel_tool_use") else _MAX_PARALLEL
    return fresh[:limit]


def _choose_tools(
    tools: list[Tool], conversation: Conversation, *, at_least_one: bool
) -> list[Tool]:
    """The best tool over the threshold, then each other one that further words of the prompt ask
    for: two tools that the same word suggests are not both called."""
    question = conversation.question.lower()
    words = {_stem(word) for word in _WORD.findall(question)}
    for han, english in _HAN_WORDS.items():
        if han in question:
            words.update(map(_stem, english.split()))
    words.update(_find_bigrams(question))
    evidence = [(tool, _weigh(tool, question, words, conversation.facts)) for tool in tools]
    chosen: list[Tool] = []
    claimed: set[str] = set()
    while evidence:
        tool, found = max(evidence, key=lambda pair: _add_up(pair[1], claimed))
        is_wanted = _add_up(found, claimed) >= _THRESHOLD
        if not is_wanted and (chosen or not at_least_one):
            break
        chosen.append(tool)
        claimed.update(found)
        evidence.remove((tool, found))
    return chosen


def _add_up(evidence: Mapping[str, float], claimed: set[str]) -> float:
    return sum(weight for word, weight in evidence.items() if word not in claimed)


def _stem(word: str) -> str:
    for suffix in ("ations", "ation", "ators", "ator", "ating", "ings", "ing", "ers", "ates", "ate", "ies", "ed", "es", "er", "s", "y", "e"):  # fmt: skip
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def _find_bigrams(text: str) -> set[str]:
    return {run[at : at + 2] for run in _HAN_RUN.findall(text) for at in range(len(run) - 1)}


def _weigh(tool: Tool, question: str, words: set[str], facts: Facts) -> dict[str, float]:
    """What speaks for a tool, by word: a word of its name 3, the verb its description starts with
    3, another word of the description 1, two Han characters in a row 1.5, a property's word 0.5,
    its whole name 6, a sum for a tool that calculates 6, a fact its arguments are after 1."""
    properties: Mapping[str, Any] = tool.schema.get("properties") or {}
    evidence = _weigh_properties(properties, words, facts)
    described = _WORD.findall(tool.description.lower())
    for at, word in enumerate(described[:200]):
        if word not in _STOP and _stem(word) in words:
            evidence[_stem(word)] = 3 if at == 0 else max(1, evidence.get(_stem(word), 0))
    if not tool.description.isascii() or not tool.name.isascii():
        for bigram in _find_bigrams(f"{tool.name} {tool.description}") & words:
            evidence[bigram] = 1.5
    for word in split_name(tool.name):
        if word not in _STOP and _stem(word) in words:
            evidence[_stem(word)] = 3
    if len(tool.name) > 3 and tool.name.lower() in question:
        evidence[tool.name] = 6
    if facts.sums and _CALCULATES.search(f"{tool.name} {tool.description} {' '.join(properties)}"):
        evidence["<sum>"] = 6
    return evidence


def _weigh_properties(
    properties: Mapping[str, Any], words: set[str], facts: Facts
) -> dict[str, float]:
    evidence: dict[str, float] = {}
    for name, schema in properties.items():
        for word in split_name(name):
            if word not in _STOP and _stem(word) in words:
                evidence[_stem(word)] = 0.5
        kinds = find_kinds(name, schema) if isinstance(schema, dict) else ()
        if kinds and kinds[0] in _TELLING and facts.find(kinds[0]):
            evidence[f"<{kinds[0]}>"] = 1
    return evidence


def _build_calls(tool: Tool, conversation: Conversation) -> list[ToolCall]:
    """One call, or one for each of several values that the tool's main argument could take."""
    chance = Chance(conversation.seed, tool.name, conversation.question)
    preferred = _list_subjects(tool, conversation.facts)
    if not preferred and tool.examples and not conversation.facts.phrases:
        return [ToolCall(tool.name, dict(tool.examples[0]), tool.toolset)]
    calls: list[ToolCall] = []
    for wanted in preferred or [{}]:
        try:
            arguments = build_value(
                tool.schema, conversation.facts, chance, fill=False, preferred=wanted
            )
        except BrokenSchemaError:
            raise _refuse_schema(tool.index) from None
        # A schema no object fits leaves nothing better to send.
        call = ToolCall(tool.name, arguments if isinstance(arguments, dict) else {}, tool.toolset)
        if call not in calls:
            calls.append(call)
    return calls


def _list_subjects(tool: Tool, facts: Facts) -> list[dict[str, str]]:
    """For a tool whose one place, code or expression property has several values in the prompt:
    that property's text for each call. Two properties of the kind (from, to) share one call."""
    properties: Mapping[str, Any] = tool.schema.get("properties") or {}
    by_kind: dict[str, list[str]] = {}
    for name, schema in properties.items():
        if isinstance(schema, dict) and schema.get("type", "string") == "string":
            for kind in find_kinds(name, schema)[:1]:
                by_kind.setdefault(kind, []).append(name)
    for kind in ("expression", "place", "code", "email", "url", "currency"):
        names = by_kind.get(kind, [])
        values = facts.find(kind)
        if len(names) == 1 and len(values) > 1:
            return [{names[0]: value} for value in values]
    return []
