"""The sentences Tanzaku says to people, in English and 简体中文."""

import json
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Literal

from tanzaku.core import fill

type Language = Literal["en", "zh-CN"]

LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")


class Messages:
    """One language's catalogue: `say(key, **values)` fills the placeholders of a message."""

    def __init__(self, language: Language) -> None:
        self.language = language
        text = files("tanzaku.look").joinpath(f"{language}.json").read_text(encoding="utf-8")
        self._texts: Mapping[str, str] = json.loads(text)

    def say(self, key: str, /, **values: object) -> str:
        """The message `key`; raises KeyError for an unknown key or a missing value."""
        return self._texts[key].format_map(values)

    def translate(self, template: str, values: Mapping[str, object]) -> str:
        """A `UserError`'s English template in this language, its values filled in; in English
        where no translation is kept."""
        if self.language == "en":
            return fill(template, values)
        return fill(self._errors.get(template, template), values)

    @cached_property
    def _errors(self) -> Mapping[str, str]:
        text = files("tanzaku.look").joinpath(f"errors.{self.language}.json").read_text("utf-8")
        errors: Mapping[str, str] = json.loads(text)
        return errors


def pick_language(flag: str | None, environment: Mapping[str, str]) -> Language:
    """The language of a run: `flag` (`en`, `zh`, `zh-CN`) beats TANZAKU_LANG, LC_ALL,
    LC_MESSAGES and LANG; anything that is not Chinese is English."""
    names = ("TANZAKU_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    wish = flag or next((environment[name] for name in names if environment.get(name)), "")
    return "zh-CN" if wish.lower().startswith("zh") else "en"
