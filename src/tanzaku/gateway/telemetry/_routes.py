"""GET /_tanzaku/metrics, in Prometheus's text format or, where it is asked for, OpenMetrics."""

import asyncio
from typing import Final

from tanzaku.gateway.telemetry._metrics import Metrics
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import ApiError

METRICS: Final = "/_tanzaku/metrics"


class MetricsRoute:
    """A `Handler` for the path above. Raises ApiError."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "GET" or request.path != METRICS:
            raise ApiError.not_found()
        accept = (get_header(request.headers, b"accept") or b"").decode("latin-1")
        content_type, body = await asyncio.to_thread(self._render, accept)
        headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
        return HttpResponse(200, headers, body)

    def _render(self, accept: str) -> tuple[str, bytes]:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._metrics)
        encode, content_type = choose_encoder(accept)
        return content_type, encode(registry)
