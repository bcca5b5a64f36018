"""The section `batching` of a configuration."""

import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway.batching import BatchingSettings, read_batching


def test_what_is_left_out_keeps_its_value() -> None:
    assert read_batching(parse_yaml("{}", "c.yaml")) == BatchingSettings()


def test_every_key_is_read() -> None:
    text = """
collect_s: 300
margin_s: 1800
max_requests: 500
max_mb: 1.5
poll_s: 5
on_late: send_now
keep_hours: 24
max_waiting: 1000
public_url: https://claude.example/
"""
    assert read_batching(parse_yaml(text, "c.yaml")) == BatchingSettings(
        collect_s=300.0,
        margin_s=1800.0,
        max_requests=500,
        max_bytes=1_500_000,
        poll_s=5.0,
        on_late="send_now",
        keep_hours=24.0,
        max_waiting=1000,
        public_url="https://claude.example",
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("colect_s: 1", "c.yaml:1:1"),
        ("max_requests: 100001", "c.yaml:1:15"),
        ("max_mb: 257", "c.yaml:1:9"),
        ("\non_late: drop", "c.yaml:2:10"),
        ("poll_s: 0", "c.yaml:1:9"),
        ("public_url: claude.example", "c.yaml:1:13"),
        ("public_url: https://me:secret@claude.example", "c.yaml:1:13"),
        ("keep_hours: 1000", "c.yaml:1:13"),
        ("- a", "c.yaml:1:1"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InputFileError) as refused:
        read_batching(parse_yaml(text, "c.yaml"))
    assert refused.value.message.startswith(f"{place}:")
    assert "secret" not in refused.value.message
