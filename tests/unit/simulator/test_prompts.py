"""Prompts as applications send them: the answer is of the kind that was asked for."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

type AskMessage = Callable[..., dict[str, Any]]

NEWS = (
    "The city council of Lyon approved a new tram line on Tuesday. The line will connect the airport "
    "with the old town and cost 340 million euros. Construction starts in March 2027. Critics say "
    "that the money would be better spent on buses."
)
NEWS_ZH = (
    "里昂市议会批准了新的电车线路。造价3.4亿欧元。施工将于2027年3月开始。批评者更希望增加公交车。"
)
CODE = "def mean(xs):\n    total = 0\n    for i in range(len(xs)):\n        total += xs[i]\n    return total / len(xs)\n"
LABELS = (
    "Classify the message as one of: billing, technical, sales, other. Reply with the label only."
)


def _text(message: dict[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.。])\s*", text) if part.strip()]


@pytest.mark.parametrize(
    ("prompt", "system", "source", "count"),
    [
        (f"Summarize the following text in one sentence:\n\n{NEWS}", None, NEWS, 1),
        (f'Please summarise this:\n"""\n{NEWS}\n"""', None, NEWS, 2),
        (f"{NEWS}\n\nTL;DR", None, NEWS, 2),
        (NEWS, "You summarize what the user sends in 3 sentences.", NEWS, 3),
        (f"请用一句话总结以下内容：\n{NEWS_ZH}", None, NEWS_ZH, 1),
        (f"<article>{NEWS}</article>\nGive a summary in two sentences.", None, NEWS, 2),
    ],
)
def test_a_summary_is_drawn_from_the_text(
    ask_message: AskMessage, prompt: str, system: str | None, source: str, count: int
) -> None:
    found = _sentences(_text(ask_message(prompt, system=system)))
    assert len(found) == count
    assert set(found) <= set(_sentences(source))


@pytest.mark.parametrize(
    ("prompt", "system", "mark", "text"),
    [
        ("Translate to French: Good morning!", None, "traduction", "Good morning!"),
        ("把下面的句子翻译成英文：今天天气很好。", None, "translation", "今天天气很好。"),
        ("この文章を英語に翻訳してください：いい天気です。", None, "translation", "いい天気です。"),
        ("Where is the station?", "Translate everything into Spanish.", "traducción", "Where is the station?"),
        ("How do you say 'thank you' in Japanese?", None, "翻訳", "thank you"),
    ],
)  # fmt: skip
def test_a_translation_names_itself_simulated_in_the_wanted_language(
    ask_message: AskMessage, prompt: str, system: str | None, mark: str, text: str
) -> None:
    answer = _text(ask_message(prompt, system=system))
    assert mark in answer
    assert text in answer


@pytest.mark.parametrize(
    ("prompt", "system", "label"),
    [
        ("I was charged twice this month.", LABELS, "billing"),
        ("The app crashes when I open the camera.", LABELS, "technical"),
        ("Nice weather.", LABELS, "other"),
        ("Is this review positive or negative? 'The food was cold and the staff rude.'", None, "negative"),
        ("判断这条评论的情感（正面/负面/中性）：物流很快，东西也很好用！", None, "正面"),
        ("Classify this mail as spam or not spam: 'Lunch at noon?'", None, "not spam"),
        ("Classify this mail as spam or not spam: 'You have won a prize!'", None, "spam"),
    ],
)  # fmt: skip
def test_a_classifier_answers_with_the_label_alone(
    ask_message: AskMessage, prompt: str, system: str | None, label: str
) -> None:
    assert _text(ask_message(prompt, system=system)) == label


@pytest.mark.parametrize(
    ("prompt", "system", "parts"),
    [
        ("Hi, my name is Anna.", None, ["Hello Anna"]),
        ("你好，我叫李雷。", None, ["李雷", "你好"]),
        ("Thank you!", None, ["welcome"]),
        ("你是谁？", None, ["Claude"]),
        ("Extract all dates: moved from 2026-03-04 to 2026-03-11.", None, ["- 2026-03-04\n- 2026-03-11"]),
        ("从下面的文字提取姓名和电话：张三，电话13800138000。", None, ["姓名：张三", "电话：13800138000"]),
        ("Rewrite this to be more polite: Send me the report now.", None, ["please send me the report"]),
        ("Context: The store closes at 6pm. It sells tea.\n\nQuestion: When does the store close?", None, ["6pm"]),
        (f"Review this code:\n```python\n{CODE}```", None, ["`mean`", "range(len", "empty"]),
        (f"请审查这段代码：\n```python\n{CODE}```", None, ["`mean`", "为空"]),
        ("How many users live in Paris?", "Turn questions on users(id, name, city) into SQL. Only SQL.", ["SELECT COUNT(*)", "FROM users", "city = 'Paris'"]),
        ("查询2026年每个月的销售额，表是orders(id, amount, created_at)，请给出SQL。", None, ["FROM orders", "SUM(amount)", "GROUP BY"]),
        ("Write a SQL query for the top 5 customers by total order amount.", None, ["customers", "LIMIT 5"]),
        ("Pythonでフィボナッチ数列を書いて", None, ["def fibonacci"]),
        ("日本の首都はどこですか？", None, ["東京"]),
        ("Give me 3 names for a coffee shop", None, ["Coffee Shop", "\n3. "]),
        ("Write an email to my boss asking for a day off on Friday.", None, ["Subject:", "day off on Friday"]),
        ("请帮我写一封请假邮件", None, ["主题：请假"]),
        ("设计登录页面", None, ["“设计登录页面”", "\n3. "]),
        ("Break this into subtasks: build a weather dashboard.", None, ["weather dashboard", "\n5. "]),
        ("What's the weather in Paris?", None, ["don't have access"]),
        ("Where is my parcel SF1234567890?", "You answer customers. Say that you are an AI assistant.", ["AI assistant", "SF1234567890"]),
    ],
)  # fmt: skip
def test_the_answer_takes_up_what_was_said(
    ask_message: AskMessage, prompt: str, system: str | None, parts: list[str]
) -> None:
    answer = _text(ask_message(prompt, system=system))
    assert [part for part in parts if part not in answer] == [], answer


@pytest.mark.parametrize(
    ("prompt", "value"),
    [
        (
            "Extract the name, email and phone from: John Smith, john@example.com, +1 555 123 4567. Return JSON.",
            {"name": "John Smith", "email": "john@example.com", "phone": "+1 555 123 4567"},
        ),
        (
            "Extract the company names as a JSON array: Apple bought Beats, and Google bought YouTube.",
            ["Apple", "Beats", "Google", "YouTube"],
        ),
    ],
)
def test_extraction_into_json(ask_message: AskMessage, prompt: str, value: Any) -> None:
    assert json.loads(_text(ask_message(prompt))) == value


def test_a_list_of_strings_is_one(ask_message: AskMessage) -> None:
    system = "You are a planner. Return a JSON array of strings, each a subtask."
    plan = json.loads(_text(ask_message("Build a to-do app with login", system=system)))
    assert plan
    assert all(isinstance(step, str) for step in plan)


@pytest.mark.parametrize(
    ("turns", "part"),
    [
        (["My name is Bob and I live in Oslo.", "Nice to meet you!", "What is my name?"], "Bob"),
        (["我的订单号是AB-1234。", "好的。", "我的订单号是什么？"], "AB-1234"),
        (["Tell me about black holes.", "They are dense.", "Explain it more simply."], "black holes"),
    ],
)  # fmt: skip
def test_a_later_turn_goes_back_to_an_earlier_one(
    ask_message: AskMessage, turns: list[str], part: str
) -> None:
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": text} for at, text in enumerate(turns)]
    assert part in _text(ask_message(messages))


@pytest.mark.parametrize("prompt", ["Explain how proteins translate", "The report has a summary"])
def test_a_word_in_passing_is_no_order(ask_message: AskMessage, prompt: str) -> None:
    assert "share the text" not in _text(ask_message(prompt))
