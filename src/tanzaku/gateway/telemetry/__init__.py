"""What a gateway tells of itself: metrics and a log."""

from tanzaku.gateway.telemetry._line import describe_exchange, log_exchange
from tanzaku.gateway.telemetry._metrics import OTHER, Metrics
from tanzaku.gateway.telemetry._routes import METRICS, MetricsRoute

__all__ = ["METRICS", "OTHER", "Metrics", "MetricsRoute", "describe_exchange", "log_exchange"]
