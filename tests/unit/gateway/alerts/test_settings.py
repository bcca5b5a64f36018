"""The section `alerts`: how it is read."""

import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, parse_yaml
from tanzaku.gateway.alerts import AlertRule, AlertSettings, WebhookSettings, read_alerts

SECRETS = {"env:HOOK": "https://chat.example/hooks/T0/s3cret?x=1", "env:TOKEN": "t0k"}


def read(text: str) -> AlertSettings:
    return read_alerts(parse_yaml(text, "gateway.yaml"), lambda entry: SECRETS[entry.as_text()])


def test_all_of_it_is_read() -> None:
    settings = read(
        "rules:\n"
        "  - {spend_usd_per_hour: 5, over_s: 600}\n"
        "  - {error_share: 0.1, least: 50}\n"
        "  - {p95_ms: 8000}\n"
        "  - {new_address: true}\n"
        "cool_down_s: 60\n"
        "webhook: {url: env:HOOK, token: env:TOKEN}\n"
    )
    assert settings == AlertSettings(
        (
            AlertRule("spend_usd_per_hour", 5.0, 600.0, 20),
            AlertRule("error_share", 0.1, 300.0, 50),
            AlertRule("p95_ms", 8000.0, 300.0, 20),
            AlertRule("new_address"),
        ),
        60.0,
        WebhookSettings("https://chat.example", "/hooks/T0/s3cret?x=1", "t0k"),
    )


def test_a_webhook_may_stand_in_the_open_where_it_is_on_this_machine() -> None:
    settings = read("{rules: [], webhook: {url: 'http://127.0.0.1:9/a/b'}}")
    assert settings.webhook == WebhookSettings("http://127.0.0.1:9", "/a/b")
    assert settings.cool_down_s == 900


def test_who_only_looks_at_a_file_needs_no_secrets() -> None:
    def look(entry: Entry) -> str:
        return entry.as_text()

    settings = read_alerts(parse_yaml("{rules: [], webhook: {url: env:HOOK}}", "x"), look)
    assert settings.webhook is not None
    assert settings.webhook.origin == "env:HOOK"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "lacks the key `rules`"),
        ("rules: [{}]", "must have one of spend_usd_per_hour, error_share, p95_ms, new_address"),
        ("rules: [{p95_ms: 1, error_share: 0.1}]", "must have one of"),
        ("rules: [{error_share: 5}]", "must be a number from 0 to 1"),
        ("rules: [{p95_ms: 1, over_s: 5}]", "must be a number from 60 to 86400"),
        ("rules: [{p95_ms: 1}, {p95_ms: 1.0}]", "1:22: the rule p95_ms > 1 over 300 s stands here"),
        ("rules: [{new_address: true, least: 5}]", "has no `least`"),
        ("rules: [{new_address: false}]", "a rule that is off stands for nothing"),
        ("{rules: [], webhook: {url: 'http://chat.example/x'}}", "must be https"),
        ("{rules: [], webhook: {url: 'https://u:p@chat.example/x'}}", "user name"),
        ("{rules: [], webhook: {url: 'https://169.254.169.254/x'}}", "a link-local address"),
        ("{rules: [], webhook: {url: 'https://10.0.0.1/x'}}", "a private network"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read(text)
    assert caught.value.message.startswith("gateway.yaml:1:")
    assert message in caught.value.message
    assert "s3cret" not in caught.value.message
