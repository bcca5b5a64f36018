"""The section `telemetry` of a configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway._origins import read_origin
from tanzaku.transport import is_loopback_host

_FIELDS: Final = ("log", "log_file", "spans", "metrics")


@dataclass(frozen=True, slots=True)
class SpanSettings:
    """Where spans go: OTLP over HTTP to `endpoint`, the signal's path included; None leaves that to
    the environment (`OTEL_EXPORTER_OTLP_ENDPOINT` and its kin)."""

    endpoint: str | None = None
    with_bodies: bool = False


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What a gateway tells of itself beside its metrics.

    `log_file` None: standard error. `by_key`: metrics are split by virtual key.
    """

    json_log: bool = False
    log_file: Path | None = None
    spans: SpanSettings | None = None
    by_key: bool = False


def read_telemetry(entry: Entry) -> TelemetrySettings:
    """The settings. A relative `log_file` counts from the configuration's folder. Raises
    InputFileError."""
    fields = entry.as_fields(_FIELDS)
    json_log = "log" in fields and fields["log"].as_choice(("off", "json")) == "json"
    log_file = None
    if "log_file" in fields:
        if not json_log:
            raise InputFileError(
                "{place}: `log_file` says where lines go, and there are none.",
                hint="Add `log: json`.",
                place=fields["log_file"].name_place,
            )
        log_file = Path(entry.place.file).parent / fields["log_file"].as_text()
    by_key = False
    if "metrics" in fields:
        metrics = fields["metrics"].as_fields(("by_key",))
        by_key = "by_key" in metrics and metrics["by_key"].as_bool()
    spans = _read_spans(fields["spans"]) if "spans" in fields else None
    return TelemetrySettings(json_log, log_file, spans, by_key)


def _read_spans(entry: Entry) -> SpanSettings:
    fields = entry.as_fields(("endpoint", "bodies"))
    with_bodies = "bodies" in fields and fields["bodies"].as_bool()
    if "endpoint" not in fields:
        return SpanSettings(None, with_bodies)
    endpoint = fields["endpoint"]
    origin = read_origin(endpoint, endpoint.as_text())
    if with_bodies and not origin.is_tls and not is_loopback_host(origin.host):
        raise InputFileError(
            "{place}: `{key}` must be https: what people wrote would travel in clear.",
            hint="Leave out `bodies`, or send them to a collector on this machine.",
            place=endpoint.place,
            key=endpoint.key,
        )
    return SpanSettings(endpoint.as_text(), with_bodies)
