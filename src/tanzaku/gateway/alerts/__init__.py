"""What is out of the ordinary: rules over the last while, told to a log and a webhook."""

from tanzaku.gateway.alerts._alerts import Alerts, read_sample
from tanzaku.gateway.alerts._replay import find_warm_up_s, replay_alerts
from tanzaku.gateway.alerts._rules import (
    AlertRule,
    AlertSettings,
    WebhookSettings,
    read_alerts,
)
from tanzaku.gateway.alerts._watch import Notice, Watch
from tanzaku.gateway.alerts._windows import Sample

__all__ = [
    "AlertRule",
    "AlertSettings",
    "Alerts",
    "Notice",
    "Sample",
    "Watch",
    "WebhookSettings",
    "find_warm_up_s",
    "read_alerts",
    "read_sample",
    "replay_alerts",
]
