"""What is written for people is read back as it was, by our reader and by YAML 1.1's."""

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.project import (
    parse_for_editing,
    prepare_yaml,
    render_edited,
    render_yaml,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.from_regex(
    r"\A[-+.0-9:_exyno ~=<\n\t#&*!|>'\"{}%@`?\[\],天]{0,12}\Z"
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
@example({"a": "x" * 200, "b": "天气\n如何", "c": " \n", "d": "a\n\n", "e": "2023-06-01"})
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert parse_yaml(render_yaml(value), "f").plain == value


@given(TEXTS)
def test_a_text_stays_a_text_for_readers_of_yaml_1_1(text: str) -> None:
    assert yaml.safe_load(render_yaml({"a": text})) == {"a": text}


def test_chinese_stays_readable_and_long_texts_are_blocks() -> None:
    text = render_yaml({"name": "天气", "system": "第一行\n第二行", "say": "长" * 120})
    assert text == f"name: 天气\nsystem: |-\n  第一行\n  第二行\nsay: |-\n  {'长' * 120}\n"


def test_an_edited_file_keeps_its_comments_its_order_and_its_quotes() -> None:
    before = "# top\nb: 'one'   # why\na:\n  - x  # each\n\n  - y\n\n# end\nz: 1\n"
    document = parse_for_editing(before)
    document["z"] = prepare_yaml("2023-06-01")
    document["a"][0] = "new"
    assert render_edited(document) == before.replace("x  #", "new #").replace(
        "z: 1", 'z: "2023-06-01"'
    )
    assert render_edited(parse_for_editing(before)) == before
