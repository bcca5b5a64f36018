"""The shell of offline pages: escaped by construction, sealed by its policy, legible in both themes."""

import re
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness.attacks import ATTACKS, LINKS, HtmlReader
from harness.browser import Browser, open_file
from tanzaku.look import BothLanguages, Html, join, render_page, tag


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_a_text_is_shown_and_never_becomes_markup(attack: str) -> None:
    read = HtmlReader(tag("p", attack, join(attack), title=attack, data_x=attack))
    shown = re.sub("[\u202e\x00\x1b\ud800]", lambda found: f"\\u{ord(found[0]):04x}", attack)
    assert read.tags == ["p"]
    assert read.text == shown * 2
    assert read.attributes == [("title", shown), ("data-x", shown)]


def test_markup_stays_markup_and_nothing_is_nothing() -> None:
    assert tag("p", tag("b", "x & y"), None, Html("<i>")) == "<p><b>x &amp; y</b><i></p>"
    assert tag("input", disabled=True, hidden=False, value=None, class_="a") == (
        '<input disabled class="a">'
    )


@pytest.mark.parametrize("link", LINKS, ids=range(len(LINKS)))
def test_a_link_that_could_run_something_is_left_out(link: str) -> None:
    assert HtmlReader(tag("a", "x", href=link)).attributes == []


@pytest.mark.parametrize("link", ["#top", "a/b.html?x=1:2", "https://x.test/", "mailto:a@b.test"])
def test_a_link_that_leads_somewhere_stays(link: str) -> None:
    assert HtmlReader(tag("a", "x", href=link)).attributes == [("href", link)]


def test_a_style_or_script_cannot_end_its_element() -> None:
    with pytest.raises(ValueError, match="end its element"):
        render_page("t", Html(""), script="const x = '</script>'")


def test_the_page_is_small_and_names_no_other_place() -> None:
    page = render_page("t", Html(""))
    assert len(page.encode()) < 20_000
    assert not re.search(r"https?://|url\(|@import", page)


def test_messages_are_said_in_both_languages_with_hostile_values_escaped() -> None:
    both = BothLanguages()
    assert both.say("page.skip").count("<span") == 2
    said = both.translate("{path} cannot be read: {reason}", {"path": ATTACKS[0], "reason": "x"})
    assert "script" not in HtmlReader(said).tags
    assert HtmlReader(said).text.count(ATTACKS[0]) == 2


INKS = ["ink", "faint", "accent", "good", "bad", "warn"]
PAIRS = [
    *product(INKS, ["paper", "raised"]),
    *((name, f"{name}-paper") for name in ("good", "bad", "warn")),
    ("paper", "ink"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_has_the_contrast_that_wcag_asks_for(theme: int, ink: str, paper: str) -> None:
    assert find_contrast(read_colours()[ink][theme], read_colours()[paper][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_edges_of_controls_have_the_contrast_of_graphics(theme: int) -> None:
    colours = read_colours()
    for paper in ("paper", "raised"):
        assert find_contrast(colours["edge"][theme], colours[paper][theme]) >= 3


def read_colours() -> dict[str, tuple[str, str]]:
    css = files("tanzaku.look").joinpath("shell.css").read_text(encoding="utf-8")
    found = re.findall(r"--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)", css)
    return {name: (light, dark) for name, light, dark in found}


def find_contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio of two colours' relative luminance."""
    low, high = sorted(map(find_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def find_luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.needs("chromium")
def test_a_page_full_of_attacks_does_nothing_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    body = join(*(tag("p", attack, title=attack, id=attack) for attack in ATTACKS + LINKS))
    links = join(*(tag("a", link, href=link) for link in LINKS))
    with open_file(browser, write(tmp_path, join(body, links))) as page:
        assert page.title() == "t"
        assert page.locator("main p").count() == len(ATTACKS + LINKS)


@pytest.mark.needs("chromium")
def test_the_policy_holds_even_where_markup_got_in(browser: Browser, tmp_path: Path) -> None:
    # No policy stops a refresh: only escaping does.
    smuggled = Html("".join(attack for attack in ATTACKS[:-1] if "refresh" not in attack))
    path = write(tmp_path, smuggled)
    context = browser.new_context()
    page = context.new_page()
    happened: list[str] = []
    page.on("requestfailed", lambda one: happened.append(str(one.failure)))
    page.on("requestfinished", lambda one: happened.append(one.url))
    page.on("dialog", lambda one: (happened.append("dialog"), one.dismiss()))
    page.goto(path.as_uri())
    script = "() => { try { document.body.innerHTML = '<b>'; return 0 } catch { return 1 } }"
    is_blocked = page.evaluate(script)
    title = page.title()
    context.close()
    assert (title, is_blocked) == ("t", 1)
    assert set(happened) == {path.as_uri(), "csp"}


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(("scheme", "paper"), [("light", "255, 255, 255"), ("dark", "20, 23, 26")])
def test_the_theme_follows_the_system_and_turns_at_a_click(
    browser: Browser, tmp_path: Path, scheme: Any, paper: str
) -> None:
    get_paper = "getComputedStyle(document.body).backgroundColor"
    with open_file(browser, write(tmp_path, Html("x")), color_scheme=scheme) as page:
        assert page.evaluate(get_paper) == f"rgb({paper})"
        page.click("#theme")
        page.locator("html[data-theme]").wait_for(state="attached")
        turned = page.evaluate(get_paper)
        assert turned != f"rgb({paper})"
        page.reload()
        assert page.evaluate(get_paper) == turned


@pytest.mark.needs("chromium")
def test_the_language_turns_at_a_click(browser: Browser, tmp_path: Path) -> None:
    body = tag("p", BothLanguages().say("page.skip"))
    with open_file(browser, write(tmp_path, body)) as page:
        assert page.inner_text("main p") == "Skip to the content"
        page.click("#lang")
        page.locator("html[lang='zh-CN']").wait_for(state="attached")
        assert page.inner_text("main p") == "跳到正文"
        assert page.evaluate("document.documentElement.lang") == "zh-CN"


def write(folder: Path, body: Html) -> Path:
    path = folder / "page.html"
    path.write_text(render_page("t", body), encoding="utf-8")
    return path
