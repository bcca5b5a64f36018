"""Text answers without a script."""

import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

type AskMessage = Callable[..., dict[str, Any]]


def _text(message: dict[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


@pytest.mark.parametrize(
    ("prompt", "script"),
    [
        ("什么是量子计算？", r"[\u4e00-\u9fff]"),
        ("日本の歴史について教えてください", r"[\u3041-\u30ff]"),
        ("한국의 역사에 대해 설명해 주세요", r"[\uac00-\ud7a3]"),
    ],
)
def test_the_answer_is_in_the_script_of_the_prompt(
    ask_message: AskMessage, prompt: str, script: str
) -> None:
    text = _text(ask_message(prompt))
    assert len(re.findall(script, text)) > len(text) / 3


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Explain how tides work", {"the", "is", "to", "and"}),
        ("¿Cómo funciona la fotosíntesis?", {"que", "para", "el", "una", "más"}),
        ("Pourquoi le ciel est-il bleu ?", {"est", "les", "vous", "de", "que"}),
        ("Was ist maschinelles Lernen?", {"der", "und", "ist", "die", "das"}),
    ],
)
def test_a_latin_prompt_is_answered_in_its_own_language(
    ask_message: AskMessage, prompt: str, words: set[str]
) -> None:
    spoken = set(re.findall(r"\w+", _text(ask_message(prompt)).lower()))
    assert len(spoken & words) >= 2


def test_an_asked_for_language_wins_over_the_prompts(ask_message: AskMessage) -> None:
    text = _text(ask_message("Explain how tides work. Answer in Chinese."))
    assert re.search(r"[\u4e00-\u9fff]{4}", text)


@pytest.mark.parametrize("word", ["photosynthesis", "blockchain", "sourdough"])
def test_the_answer_takes_up_the_topic(ask_message: AskMessage, word: str) -> None:
    assert word in _text(ask_message(f"Explain {word} to me")).lower()


@pytest.mark.parametrize(
    ("prompt", "value"),
    [
        ("15乘以23等于多少", "345"),
        ("What is 15 x 23?", "345"),
        ("(125 + 75) * 4 - 100 = ?", "700"),
        ("十五加二十三是多少", "38"),
        ("what is seven times eight", "56"),
        ("What is 15% of 200?", "30"),
        ("2的10次方等于多少", "1024"),
        ("What is 1 divided by 8?", "0.125"),
        ("１５×２３＝？", "345"),
        ("What is 2 * (-3 + 1)?", "-4"),
    ],
)
def test_arithmetic_is_right(ask_message: AskMessage, prompt: str, value: str) -> None:
    assert re.search(rf"(?<!\d){re.escape(value)}(?!\d)", _text(ask_message(prompt)))


@pytest.mark.parametrize(
    "prompt", ["Meet me on 2026-11-23", "Open 24/7, 3-5 days a week", "Call 555-123-4567"]
)
def test_dates_and_ranges_are_not_sums(ask_message: AskMessage, prompt: str) -> None:
    assert " = " not in _text(ask_message(prompt))


@pytest.mark.parametrize(
    "prompt",
    [
        "编写一个递归计算斐波那契数列的Python函数",
        "Write a recursive Python function for Fibonacci numbers",
    ],
)
def test_the_fibonacci_function_runs_and_is_recursive(ask_message: AskMessage, prompt: str) -> None:
    block = re.search(r"```python\n(.*?)```", _text(ask_message(prompt)), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {"print": lambda *_: None}
    exec(block[1], names)
    fibonacci = names["fibonacci"]
    assert [fibonacci(n) for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
    assert block[1].count("fibonacci(") >= 3


@pytest.mark.parametrize(
    "task",
    [
        "parses a CSV file",
        "sorts a list",
        "checks a palindrome",
        "prints primes",
        "merges 'a' and \\b",
    ],
)
def test_any_python_task_gives_code_that_compiles(ask_message: AskMessage, task: str) -> None:
    block = re.search(
        r"```python\n(.*?)```",
        _text(ask_message(f"Write a Python function that {task}")),
        re.DOTALL,
    )
    assert block is not None
    compile(block[1], "answer", "exec")


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("Give me three tips for sleeping well", 3),
        ("List 7 ideas for a party", 7),
        ("列出5个学习编程的建议", 5),
    ],
)
def test_a_list_has_as_many_items_as_asked(
    ask_message: AskMessage, prompt: str, count: int
) -> None:
    assert len(re.findall(r"(?m)^\d+\. ", _text(ask_message(prompt)))) == count


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Reply with exactly: pong", "pong"),
        ('Say "ready to go"', "ready to go"),
        ("请只回复“收到”", "收到"),
        ("count to 5", "1, 2, 3, 4, 5"),
        ("从3数到6", "3，4，5，6"),
        ("Classify the sentiment as positive, negative or neutral: I love it", "positive"),
        ("Classify the sentiment as positive, negative or neutral: broken and late", "negative"),
    ],
)
def test_exact_answers(ask_message: AskMessage, prompt: str, text: str) -> None:
    assert _text(ask_message(prompt)) == text


def test_json_follows_the_template_of_the_system_prompt(ask_message: AskMessage) -> None:
    message = ask_message(
        "Plan a launch party for a bakery in Lyon",
        system="Split the task into 4 independent subtasks. Respond only with JSON: "
        '{"subtasks": [{"id": 1, "title": "...", "description": "..."}]}',
    )
    plan = json.loads(_text(message))
    assert [set(task) for task in plan["subtasks"]] == [{"id", "title", "description"}] * len(
        plan["subtasks"]
    )
    assert [task["id"] for task in plan["subtasks"]] == list(range(1, len(plan["subtasks"]) + 1))


def test_json_has_the_keys_that_were_asked_for(ask_message: AskMessage) -> None:
    text = _text(
        ask_message("Return a JSON object with keys name, city and age for Bob in Paris, 42")
    )
    assert json.loads(text) == {"name": "Bob", "city": "Paris", "age": 42}


def test_structured_output_fits_the_schema_and_draws_on_the_prompt(ask_message: AskMessage) -> None:
    schema = {
        "type": "object",
        "properties": {
            "email": {"type": "string", "format": "email"},
            "city": {"type": "string"},
            "plan": {"type": "string", "enum": ["basic", "pro"]},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
            "referrer": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["email", "city", "plan", "tags", "referrer"],
        "additionalProperties": False,
        "$defs": {
            "tag": {
                "type": "object",
                "properties": {"label": {"type": "string"}},
                "required": ["label"],
                "additionalProperties": False,
            }
        },
    }
    message = ask_message(
        "Ann (ann@example.org) in Oslo wants the pro plan",
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    value = json.loads(_text(message))
    jsonschema_rs.validate(schema, value)
    assert (value["email"], value["city"], value["plan"]) == ("ann@example.org", "Oslo", "pro")


@pytest.mark.parametrize(("prefill", "whole"), [("{", r"\{.*\}"), ("1, 2, 3,", "1, 2, 3, 4, 5")])
def test_a_prefilled_answer_is_continued_not_repeated(
    ask_message: AskMessage, prefill: str, whole: str
) -> None:
    prompt = "Return JSON about tea" if prefill == "{" else "count to 5"
    message = ask_message(
        [{"role": "user", "content": prompt}, {"role": "assistant", "content": prefill}]
    )
    assert re.fullmatch(whole, prefill + _text(message), re.DOTALL)


def test_support_replies_name_the_order(ask_message: AskMessage) -> None:
    text = _text(
        ask_message("我的订单SF1234567890还没到", system="你是一名客服人员，请用友好的语气回复")
    )
    assert "SF1234567890" in text
