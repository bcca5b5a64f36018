"""One layout for the project's files: nothing they say is changed, no comment is lost, and what is
laid out once stays so."""

import random
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.project import format_document, render_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.from_regex(
    r"\A[-+.0-9:_exyno ~=<\n\t#&*!|>'\"{}%@`?\[\],天]{0,12}\Z"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["name", "body", "query", "headers", "steps", "cases", "auth", "z", "method"]
)
KINDS = ("project", "environment", "request", "suite", "flow")

UGLY = """\
# yaml-language-server: $schema=x
# 天气

method: POST   # verb


# where to
path: '/v1/messages'
tanzaku: request/v1
headers: {anthropic-version: 2023-06-01,   b: "x"}
body:

    empty:
    # the messages
    messages:
    - role: user   # who
      # content
      content: "第一行\\n第二行\\n"
    -   {role: assistant, content: "a\\nb"}
    # after the last
    # really
    system: >
        folded text
        goes on

        para
    plain: many
      lines here
    keep: |+
        x


    last: [1, 2, # two
      3] # three
    deep:
    - - a
      - b
    - # odd
      z: 1
# end
"""
NEAT = """\
# yaml-language-server: $schema=x
# 天气

tanzaku: request/v1
method: POST  # verb

# where to
path: '/v1/messages'
headers: {anthropic-version: 2023-06-01, b: "x"}
body:
  empty: null
  # the messages
  messages:
    - role: user  # who
      # content
      content: |
        第一行
        第二行
    - role: assistant
      content: |-
        a
        b
  # after the last
  # really
  system: >
    folded text
    goes on

    para
  plain: many lines here
  keep: |+
    x


  last:  # three
    - 1
    - 2  # two
    - 3
  deep:
    - - a
      - b
    # odd
    - z: 1
# end
"""


def check(text: str) -> str:
    once = format_document(text, "x.yaml")
    assert parse_yaml(once, "x.yaml").plain == parse_yaml(text, "x.yaml").plain
    assert format_document(once, "x.yaml") == once
    return once


def test_the_layout() -> None:
    assert check(UGLY) == NEAT


@pytest.mark.parametrize(
    ("text", "neat"),
    [
        ("\ufefftanzaku: flow/v1\r\nname: a\r\n", "tanzaku: flow/v1\nname: a\n"),
        ("---\ntanzaku: flow/v1\n...\n", "tanzaku: flow/v1\n"),
        ("tanzaku: flow/v1   ", "tanzaku: flow/v1\n"),
        ("{tanzaku: flow/v1, name: x}", "tanzaku: flow/v1\nname: x\n"),
        ("# c\n{tanzaku: flow/v1}\n", "# c\ntanzaku: flow/v1\n"),
        ("# head\n\nname: x\ntanzaku: flow/v1\n", "# head\n\ntanzaku: flow/v1\nname: x\n"),
        ("# of name\nname: x\ntanzaku: flow/v1\n", "tanzaku: flow/v1\n# of name\nname: x\n"),
        (
            "tanzaku: suite/v1\ncases:\n- expect: []\n  # its id\n  id: a\n\n- name: b\n  id: b\n",
            "tanzaku: suite/v1\ncases:\n  # its id\n  - id: a\n    expect: []\n\n  - id: b\n    name: b\n",
        ),
        (
            "tanzaku: flow/v1\nsteps:\n- steps:\n  - use: u\n    id: b\n  id: a\n",
            "tanzaku: flow/v1\nsteps:\n  - id: a\n    steps:\n      - id: b\n        use: u\n",
        ),
        (
            "tanzaku: request/v1\nauth: {value: v, name: n, type: api_key}\n",
            "tanzaku: request/v1\nauth: {type: api_key, name: n, value: v}\n",
        ),
        (
            "tanzaku: request/v1\nbody: {b: 1, a: 2, unknown: [], z: {}}\nzzz: 1\nname: n\n",
            "tanzaku: request/v1\nname: n\nbody: {b: 1, a: 2, unknown: [], z: {}}\nzzz: 1\n",
        ),
        (
            "tanzaku: request/v1\nbody: {a: " + "x" * 60 + ", b: " + "y" * 60 + "}\n",
            "tanzaku: request/v1\nbody:\n  a: " + "x" * 60 + "\n  b: " + "y" * 60 + "\n",
        ),
        (
            'tanzaku: request/v1\nbody: ["\\tx\\ny", \'a\n  b\', "c\n  d", "\\U0001F600\n  \\x07"]\n',
            'tanzaku: request/v1\nbody: ["\\tx\\ny", "a b", "c d", "😀 \\x07"]\n',
        ),
        (
            "tanzaku: request/v1\nraw: |2\n    two\n   one\n",
            "tanzaku: request/v1\nraw: |2\n    two\n   one\n",
        ),
        (
            "tanzaku: request/v1\nraw: |  # why\n    {\n      1\n    }\n\nname: x\n",
            "tanzaku: request/v1\n\nname: x\nraw: |  # why\n  {\n    1\n  }\n",
        ),
    ],
)
def test_layouts(text: str, neat: str) -> None:
    assert check(text) == neat


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.dictionaries(KEYS | TEXTS, VALUES, max_size=4), st.integers(0, 5))
@example("request", {"body": ["#", "- a", "a: b", "\n", " \n x", "a\n\n", "\t"]}, 0)
def test_any_value_in_any_style_keeps_its_meaning(
    kind: str, value: dict[str, Any], style: int
) -> None:
    whole = {**value, "tanzaku": f"{kind}/v1"}
    text = [
        lambda: render_yaml(whole),
        lambda: yaml.safe_dump(whole, sort_keys=False),
        lambda: yaml.safe_dump(whole, allow_unicode=True, width=20, indent=7),
        lambda: yaml.safe_dump(whole, default_flow_style=True, width=30),
        lambda: yaml.safe_dump(whole, default_style='"', allow_unicode=True),
        lambda: yaml.safe_dump(whole, default_style="|", allow_unicode=True),
    ][style]()
    try:
        is_ours = parse_yaml(text, "x").plain == whole
    except InputFileError:  # PyYAML writes tags and numbers that are none to us
        is_ours = False
    if is_ours:
        check(text)


LINES = st.recursive(
    st.sampled_from(["1", "x", "'q'", '"d"', "2023-06-01", "", "~", "{a: 1}", "[x, {y: z}]", "天"]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from("abcde"), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def _write(value: Any, indent: int, step: int) -> list[str]:
    """Block style, by another hand than the one under test."""
    pad = " " * indent
    items = (
        [(f"{pad}{key}:", one) for key, one in value.items()]
        if isinstance(value, dict)
        else [(f"{pad}-", one) for one in value]
    )
    lines: list[str] = []
    for head, one in items:
        lines += (
            [f"{head} {one}"] if isinstance(one, str) else [head, *_write(one, indent + step, step)]
        )
    return lines


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["name", "query", "body", "zz"]), LINES, min_size=1, max_size=4
    ),
    st.sampled_from([1, 2, 4]),
    st.integers(0, 2**32),
)
def test_no_comment_is_lost_wherever_it_stands(value: Any, step: int, seed: int) -> None:
    chance = random.Random(seed)
    lines = [*_write(value, 0, step), "tanzaku: request/v1"]
    written: list[str] = []
    for number, line in enumerate(lines):
        if chance.random() < 0.3:
            written.append("")
        if chance.random() < 0.4:
            written.append(" " * chance.randrange(7) + f"# over{number}")
        written.append(line + (f"   # beside{number}" if chance.random() < 0.4 else ""))
    if chance.random() < 0.5:
        written += ["  # end", "", "# end of all"]
    text = "\n".join(written)
    pattern = re.compile(r"# \w+")
    assert sorted(pattern.findall(check(text))) == sorted(pattern.findall(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: []\n", "no file of a project"),
        ("tanzaku: scenario/v1\n", "no file of a project"),
        ("tanzaku: 3\n", "no file of a project"),
        ("- tanzaku: request/v1\n", "no file of a project"),
        ("", "no file of a project"),
        ("tanzaku: request/v1\na: b: c\n", "x.yaml:2:5: is not YAML"),
        ("tanzaku: request/v1\na: &x 1\n", "x.yaml:2:4: anchors"),
    ],
)
def test_other_files_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputFileError) as caught:
        format_document(text, "x.yaml")
    assert words in caught.value.message
