"""What a gateway tells of itself: metrics, a log of JSON lines, spans."""

from tanzaku.gateway.telemetry._line import describe_exchange, format_line
from tanzaku.gateway.telemetry._loop_lag import LoopLag
from tanzaku.gateway.telemetry._metrics import OTHER, Metrics, Reading
from tanzaku.gateway.telemetry._routes import METRICS, MetricsRoute
from tanzaku.gateway.telemetry._settings import SpanSettings, TelemetrySettings, read_telemetry
from tanzaku.gateway.telemetry._telemetry import Telemetry
from tanzaku.gateway.telemetry._trace import point_upstream

__all__ = [
    "METRICS",
    "OTHER",
    "LoopLag",
    "Metrics",
    "MetricsRoute",
    "Reading",
    "SpanSettings",
    "Telemetry",
    "TelemetrySettings",
    "describe_exchange",
    "format_line",
    "point_upstream",
    "read_telemetry",
]
