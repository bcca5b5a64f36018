"""A mistake in models.toml is named with its file, its line and what was probably meant."""

from pathlib import Path

import pytest

import tanzaku.catalog
from tanzaku.catalog import CatalogFileError
from tanzaku.catalog._load import find_lines, parse_catalog

TEXT = Path(tanzaku.catalog.__file__).with_name("models.toml").read_text(encoding="utf-8")


def line_of(piece: str) -> int:
    return TEXT[: TEXT.index(piece)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong", "complaint", "hint"),
    [
        (
            'aliases = ["claude-haiku-4-5"]',
            'aliasses = ["claude-haiku-4-5"]',
            "unknown key `aliasses`",
            "Did you mean `aliases`?",
        ),
        (
            "context_window = 1_000_000",
            "contxt_window = 1_000_000",
            "unknown key `contxt_window`",
            "Did you mean `context_window`?",
        ),
        (
            "max_output_tokens = 8_192",
            'max_output_tokens = "8k"',
            "`max_output_tokens` must be a whole number above 0, not '8k'",
            "",
        ),
        (
            "max_output_tokens = 8_192",
            "max_output_tokens = 0",
            "`max_output_tokens` must be a whole number above 0, not 0",
            "",
        ),
        (
            "max_output_tokens = 8_192",
            'max_output_tokens = "unknown"',
            "`max_output_tokens` must be a whole number above 0, not 'unknown'",
            "",
        ),
        (
            "released_on = 2026-10-07",
            'released_on = "2026-10-07"',
            "`released_on` must be a date, as 2026-11-23, not '2026-10-07'",
            "",
        ),
        (
            "prefill = true",
            "prefill = 1",
            "`prefill` must be true or false, not 1",
            "",
        ),
        (
            'sampling = "near-defaults"',
            'sampling = "near"',
            "`sampling` must be one of free, one-of-two, defaults-only, near-defaults, not 'near'",
            "",
        ),
        (
            'thinking_modes = ["adaptive", "between_tools"]',
            'thinking_modes = ["adaptive", "between"]',
            "`thinking_modes` must be a list of some of enabled, adaptive, disabled, between_tools",
            "",
        ),
        (
            'source = "haiku-5-5"',
            'source = "haiku-5.5"',
            "source `haiku-5.5` is not in [sources]",
            "Did you mean `haiku-5-5`?",
        ),
        (
            'tokenizer = "ctok"',
            'tokenizr = "ctok"',
            "unknown key `tokenizr`",
            "Did you mean `tokenizer`?",
        ),
        (
            'sources = { thinking_modes = "thinking", sampling = "reports" }',
            'sources = { thinking_modes = "thinking", vertex_id = "models" }',
            "generation 4: a source for `vertex_id`, which is not stated here",
            "",
        ),
        (
            'generation = "3-5"',
            'generation = "3.5"',
            "claude-3-5-haiku-20241022: no generation `3.5`",
            "Did you mean `3-5`?",
        ),
        (
            'guesses = ["sampling", "released_on"]',
            'guesses = ["samplings", "released_on"]',
            "no fact `samplings`",
            "Did you mean `sampling`?",
        ),
        (
            'rate_limits = "haiku-3-5"',
            'rate_limits = "haiku-3"',
            "no rate limits `haiku-3`",
            "Did you mean `haiku-3-5`?",
        ),
        (
            "build = [2_000, 200_000, 40_000]",
            "build = [2_000, 200_000]",
            "`build` must be [requests, input tokens, output tokens] a minute",
            "",
        ),
        (
            "batch_queue = 300_000",
            "batch_que = 300_000",
            "unknown key `batch_que`",
            "Did you mean `batch_queue`?",
        ),
        (
            "monthly_spend_usd = 200_000",
            "monthly_spend_usd = 0",
            "`monthly_spend_usd` must be dollars, not 0",
            "",
        ),
        (
            "cache_reads_count = true",
            'cache_reads_count = "yes"',
            "`cache_reads_count` must be true or false, not 'yes'",
            "",
        ),
        (
            "ttft_ms = 1_800",
            "ttft_ms = -1",
            "`ttft_ms` must be a number above 0, not -1",
            "",
        ),
        (
            'pace = "haiku-5-5"',
            'pace = "haiku-5.5"',
            "no pace `haiku-5.5`",
            "Did you mean `haiku-5-5`?",
        ),
        (
            'guesses = ["files_requests"]',
            'guesses = ["file_requests"]',
            "no fact `file_requests`",
            "Did you mean `files_requests`?",
        ),
        (
            'aliases = ["claude-opus-4-5"]',
            'aliases = ["claude-haiku-4-5"]',
            "`claude-haiku-4-5` names claude-haiku-4-5-20251001 already",
            "",
        ),
        (
            'id = "claude-sonnet-4-6"',
            'id = "claude-opus-4-6"',
            "`claude-opus-4-6` names claude-opus-4-6 already",
            "",
        ),
        (
            "regional_factor = 1.1",
            "regional_factor = 0.9",
            "`regional_factor` must be a factor of at least 1",
            "",
        ),
        (
            "checked = 2026-11-23",
            "chekced = 2026-11-23",
            "unknown key `chekced`",
            "Did you mean `checked`?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    right: str, wrong: str, complaint: str, hint: str
) -> None:
    assert right in TEXT
    with pytest.raises(CatalogFileError) as caught:
        parse_catalog(TEXT.replace(right, wrong, 1), "some.toml")
    assert caught.value.message.startswith(f"some.toml:{line_of(right)}: {complaint}")
    assert caught.value.hint == hint


def test_a_missing_fact_is_named_at_its_models_table() -> None:
    right = 'display_name = "Claude Haiku 5.5"\n'
    with pytest.raises(CatalogFileError) as caught:
        parse_catalog(TEXT.replace(right, ""), "some.toml")
    header = TEXT.rindex("[[models]]", 0, TEXT.index(right))
    assert caught.value.message == (
        f"some.toml:{TEXT[:header].count('\n') + 1}: claude-haiku-5-5: `display_name` is missing"
    )


def test_a_missing_figure_of_a_tier_is_named() -> None:
    right = "batch_queue = 500_000\n"
    with pytest.raises(CatalogFileError) as caught:
        parse_catalog(TEXT.replace(right, ""), "some.toml")
    line = line_of("[tiers.scale]")
    assert caught.value.message == f"some.toml:{line}: `batch_queue` is missing"


def test_a_source_without_a_date_is_named() -> None:
    right = 'ctok = { date = 2026-11-23, where = "https://pypi.org/project/ctok/1.3.0/" }'
    wrong = 'ctok = { where = "https://pypi.org/project/ctok/1.3.0/" }'
    with pytest.raises(CatalogFileError) as caught:
        parse_catalog(TEXT.replace(right, wrong), "some.toml")
    assert caught.value.message == f"some.toml:{line_of(right)}: `date` is missing"


def test_text_that_is_no_toml_is_named_with_its_line() -> None:
    with pytest.raises(CatalogFileError, match=r"some\.toml: .*at line 2, column 5"):
        parse_catalog("checked = 2026-11-23\na = = 3\n", "some.toml")


def test_an_empty_price_field_is_an_error() -> None:
    right = "cache_read = 0.25, web_search = 0.01"
    with pytest.raises(CatalogFileError) as caught:
        parse_catalog(TEXT.replace(right, "cache_read = 0.25"), "some.toml")
    assert caught.value.message.startswith(f"some.toml:{line_of(right)}: `list_price` must be")


def test_lines_are_found_for_tables_keys_and_places_in_lists() -> None:
    text = """\
# a = 0
top = 1
[one]
a = 2

["two-b".three]
"quoted key" = [
  "x = 9",
]
[[list]]
a = 1
[[list]]
  a = 2
"""
    assert find_lines(text) == {
        ("top",): 2,
        ("one",): 3,
        ("one", "a"): 4,
        ("two-b", "three"): 6,
        ("two-b", "three", "quoted key"): 7,
        ("list", 0): 10,
        ("list", 0, "a"): 11,
        ("list", 1): 12,
        ("list", 1, "a"): 13,
    }
