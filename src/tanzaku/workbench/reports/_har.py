"""The exchanges as an HTTP Archive (HAR 1.2), which network panels of browsers open.

Keys as in http://www.softwareishard.com/blog/har-12-spec/; -1 stands for what is not known.
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tanzaku.core import VERSION
from tanzaku.exchange import exchange_to_json
from tanzaku.workbench.reports._gathered import Report
from tanzaku.workbench.runner import ReplyCame
from tanzaku.workbench.sending import Reply, to_plain


def format_har(report: Report) -> str:
    """The whole file. The case and the step of an exchange stand in its comment."""
    log = {
        "version": "1.2",
        "creator": {"name": "Tanzaku", "version": VERSION},
        "entries": [_describe(came) for case in report.cases for came in case.replies],
    }
    return json.dumps(to_plain({"log": log}), ensure_ascii=False, indent=1) + "\n"


def _describe(came: ReplyCame) -> dict[str, Any]:
    reply, exchange = came.reply, came.reply.exchange
    total = reply.total_ms if reply.total_ms is not None else 0.0
    wait = reply.ttft_ms if reply.ttft_ms is not None else total
    return {
        "startedDateTime": exchange_to_json(exchange)["started_at"],
        "time": total,
        "request": {
            "method": exchange.method,
            "url": reply.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _list_pairs(exchange.request_headers),
            "queryString": _list_pairs(
                parse_qsl(urlsplit(reply.url).query, keep_blank_values=True)
            ),
            "postData": {
                "mimeType": dict(exchange.request_headers).get("content-type", ""),
                "text": exchange.request_body.decode("utf-8", "replace"),
            },
            "headersSize": -1,
            "bodySize": len(exchange.request_body),
        },
        "response": _describe_response(reply),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": max(total - wait, 0.0)},
        "comment": " ".join(filter(None, (came.case, came.step))),
    }


def _describe_response(reply: Reply) -> dict[str, Any]:
    settlement = reply.exchange.settlement
    headers = settlement.response_headers if settlement else []
    return {
        "status": reply.status or 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _list_pairs(headers),
        "content": {
            "size": len(reply.body),
            "mimeType": reply.content_type,
            "text": reply.body_text,
        },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(reply.body),
        "comment": reply.problem or "",
    }


def _list_pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
