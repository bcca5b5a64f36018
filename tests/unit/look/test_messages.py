"""The catalogues: one key, one placeholder list, both languages."""

import json
import re
import string
from importlib.resources import files
from pathlib import Path

import pytest

from tanzaku.look import LANGUAGES, Messages, pick_language

ROOT = Path(__file__).parents[3]


def load(language: str) -> dict[str, str]:
    text = files("tanzaku.look").joinpath(f"{language}.json").read_text(encoding="utf-8")
    texts: dict[str, str] = json.loads(text)
    return texts


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_both_languages_hold_the_same_keys_and_placeholders() -> None:
    english, chinese = load("en"), load("zh-CN")
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert placeholders(text) == placeholders(chinese[key]), key


def test_every_message_is_said_somewhere() -> None:
    """No message is left over from code that is gone."""
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    prefixes = tuple(re.findall(r'say\(f"([a-z_.]+)\{', source)) + tuple(
        re.findall(r'f"(cost\.by_)\{', source)
    )
    unsaid = [
        key
        for key in load("en")
        if f'"{key}"' not in source
        and not key.startswith("cli.")
        and not any(key.startswith(prefix) for prefix in prefixes)
    ]
    assert unsaid == []


def test_chinese_messages_are_chinese_but_for_pure_form() -> None:
    pure_form = {key for key, text in load("en").items() if not re.search(r"[a-z]{3}", text)}
    for key, text in load("zh-CN").items():
        has_chinese = re.search(r"[\u4e00-\u9fff]", text) is not None
        assert has_chinese or key in pure_form or re.fullmatch(r"[{}\w :.·：+~#-]+", text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_key_and_a_missing_value_are_errors(language: str) -> None:
    messages = Messages(language)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        messages.say("no.such.key")
    with pytest.raises(KeyError):
        messages.say("cost.sum")
    assert "$1" in messages.say("cost.sum", total="$1")


@pytest.mark.parametrize(
    ("flag", "environment", "language"),
    [
        (None, {}, "en"),
        ("zh", {"LANG": "en_US.UTF-8"}, "zh-CN"),
        ("zh-CN", {}, "zh-CN"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        (None, {"TANZAKU_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_flag_beats_the_environment(
    flag: str | None, environment: dict[str, str], language: str
) -> None:
    assert pick_language(flag, environment) == language
