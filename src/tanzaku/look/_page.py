"""The shell of every offline HTML page: one file, both languages, light and dark, no request."""

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from tanzaku.core import VERSION
from tanzaku.look._html import Html, join, tag
from tanzaku.look._messages import Language, Messages

_NO_MORE: Final = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
_TRUSTED: Final = "require-trusted-types-for 'script'; trusted-types 'none'"


class BothLanguages:
    """The catalogues of both languages, said at once: the page shows the one its reader wants."""

    def __init__(self) -> None:
        self._english = Messages("en")
        self._chinese = Messages("zh-CN")

    def say(self, key: str, /, **values: object) -> Html:
        """The message `key` as markup; KeyError for an unknown key or a missing value."""
        return _pair(self._english.say(key, **values), self._chinese.say(key, **values))

    def translate(self, template: str, values: Mapping[str, object]) -> Html:
        """A `UserError`'s or a finding's English template as markup."""
        return _pair(
            self._english.translate(template, values), self._chinese.translate(template, values)
        )


def _pair(english: str, chinese: str) -> Html:
    if english == chinese:
        return join(english)
    return join(
        tag("span", english, class_="en", lang="en"),
        tag("span", chinese, class_="zh", lang="zh-CN"),
    )


def render_page(
    title: str,
    body: Html,
    *,
    language: Language = "en",
    style: str = "",
    script: str = "",
) -> str:
    """A whole HTML document.

    `body` stands in `main`; it is markup of `tag` and `join`, its messages said by `BothLanguages`.
    `language` is shown first. `style` and `script` are added to the shell's own: texts of ours,
    never of anybody else's, since the page's policy lets exactly them in, by their hashes, and
    nothing else: no request leaves the page, no attribute runs or styles anything. Scripts cannot
    write markup (`innerHTML`) or styles of elements as text.
    """
    both = BothLanguages()
    css = _read_asset("shell.css") + style
    js = _read_asset("shell.js") + script
    for text in (css, js):
        if "</" in text or "<!--" in text:
            raise ValueError("a style or script that would end its element")
    policy = f"{_NO_MORE}; style-src {_hash(css)}; script-src {_hash(js)}; {_TRUSTED}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"Tanzaku {VERSION}"),
        tag("title", title),
        tag("style", Html(css)),
        tag("script", Html(js)),
    )
    bar = tag(
        "header",
        tag("a", both.say("page.skip"), class_="skip", href="#main"),
        tag("span", "Tanzaku", class_="name"),
        tag("button", both.say("page.theme"), type="button", id="theme"),
        tag("button", both.say("page.language"), type="button", id="lang"),
        class_="bar",
    )
    main = tag("main", body, id="main", tabindex=-1)
    page = tag("html", head, "\n", tag("body", bar, main), lang=language)
    return f"<!DOCTYPE html>\n{page}\n"


@cache
def _read_asset(name: str) -> str:
    return files("tanzaku.look").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
