"""Templates: what fills a place, what keeps its type, and that nothing else is done."""

from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.simulator.scenario import Choice, ScenarioRun
from tanzaku.wire import ApiError

type Start = Callable[[str], tuple[ScenarioRun, Callable[..., Choice]]]


def get_content(choice: Choice) -> list[dict[str, Any]]:
    assert choice.answer is not None
    assert not isinstance(choice.answer, ApiError)
    return choice.answer.content


def get_text(choice: Choice) -> str:
    [block] = get_content(choice)
    text: str = block["text"]
    return text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{last_user}}", "order A-17 for Bob"),
        ("<{{ last_user }}>", "<order A-17 for Bob>"),
        ("{{last_user.1}}/{{last_user.who}}", "A-17/Bob"),
        ("{{system.1}}", "pirate"),
        ("{{$.model}}", "claude-haiku-4-5"),
        ("{{$.messages[-1].content}}", "order A-17 for Bob"),
        ("{{$.messages[*].role}}", "user"),
        ("{{$.max_tokens}} {{$.metadata}} {{$.nothing}}.", '100 {"user_id": "ü"} .'),
        ("{{nth}}, {{state.seen}}", "1, "),
        ("{{last_tool_result}}.", "."),
        (r"\{{last_user}} is {{last_user.1}}", "{{last_user}} is A-17"),
        ("{% if x %} {{ '{' }} {x} }}".replace("{{ '{' }} ", ""), "{% if x %} {x} }}"),
    ],
)
@pytest.mark.fidelity(
    "scenarios",
    "templates are filled once, by plain substitution",
    "documented",
    "docs/scenarios.md",
)
def test_a_place_is_filled_with_what_stands_there(start: Start, template: str, text: str) -> None:
    _, choose = start(
        f"""
        rules:
          - when:
              last_user: {{regex: 'order ([A-Z]-\\d+)(?: for (?P<who>\\w+))?'}}
              system: {{regex: 'a (\\w+)$'}}
            reply: |-
              {template}
        """
    )
    fields: dict[str, Any] = {"system": "You are a pirate", "metadata": {"user_id": "ü"}}
    assert get_text(choose("order A-17 for Bob", **fields)) == text


def test_what_a_user_wrote_is_not_filled_again(start: Start) -> None:
    _, choose = start("rules: [{reply: 'You said {{last_user}}'}]")
    assert get_text(choose("{{system}} {{nth}}")) == "You said {{system}} {{nth}}"


def test_a_group_that_took_no_part_is_empty(start: Start) -> None:
    _, choose = start("rules: [{when: {last_user: {regex: 'a(b)?'}}, reply: '[{{last_user.1}}]'}]")
    assert get_text(choose("ac")) == "[]"
    assert get_text(choose("ab")) == "[b]"


def test_a_text_that_is_one_place_keeps_the_type(start: Start) -> None:
    _, choose = start(
        """
        rules:
          - reply:
              tool_calls:
                - name: pay
                  input:
                    amount: "{{$.metadata.amount}}"
                    said: "{{$.metadata.amount}} €"
                    all: ["{{$.metadata}}", {missing: "{{$.x}}"}, "{{nth}}", 5]
            set_state: {amount: "{{$.metadata.amount}}"}
        """
    )
    [call] = get_content(choose(metadata={"amount": 12.5}))
    assert call["input"] == {
        "amount": 12.5,
        "said": "12.5 €",
        "all": [{"amount": 12.5}, {"missing": None}, 1, 5],
    }


def test_state_is_filled_before_it_is_set(start: Start) -> None:
    run, choose = start(
        """
        rules:
          - reply: "{{state.b}} {{state.a}}"
            set_state: {a: "{{state.b}}", b: "{{nth}}"}
        """
    )
    texts = [get_text(choose()) for _ in range(3)]
    assert texts == [" ", "1 ", "2 1"]
    assert run.state == {"a": 2, "b": 3}


def test_the_result_a_rule_means_fills_its_place(start: Start) -> None:
    conversation = [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
                for name in ("pay", "track")
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": f"toolu_{name}", "content": f"{name}: 7"}
                for name in ("pay", "track")
            ],
        },
    ]
    _, choose = start(
        """
        rules:
          - when: {last_tool_result: {name: pay, regex: '(\\w+): (\\d)'}, nth_call: 1}
            reply: "{{last_tool_result}} {{last_tool_result.2}}"
          - {reply: "{{last_tool_result}}"}
        """
    )
    assert get_text(choose(conversation)) == "pay: 7 7"
    assert get_text(choose(conversation)) == "track: 7"


def test_a_filled_text_has_an_end(start: Start) -> None:
    _, choose = start(f"rules: [{{reply: '{'{{last_user}}' * 20}'}}]")
    assert len(get_text(choose("x" * 190_000))) == 1_000_000
