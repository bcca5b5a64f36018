"""What Schemathesis found, of its event log."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """A request of Schemathesis, credentials blotted out. Header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def size(self) -> int:
        """By which the shortest of several is found."""
        return len(self.url) + len(self.body or b"") + sum(map(len, self.headers.values()))


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that failed one check. `is_alone`: no request before it mattered, as far as can
    be known."""

    operation: str
    check: str
    title: str
    sent: Sent
    status: int
    is_alone: bool


def read_failures(path: Path) -> tuple[list[Failure], int]:
    """The failures of an event log, and how many requests were sent. A log that ends within a line
    is read as far as it goes."""
    failures: list[Failure] = []
    count = 0
    for event in _iter_scenarios(path):
        recorder = event["recorder"]
        count += len(recorder.get("interactions", {}))
        failures += _iter_failures(recorder, is_alone=event.get("phase") != "stateful")
    return failures, count


def _iter_scenarios(path: Path) -> Iterator[Any]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.startswith('{"ScenarioFinished"'):
                continue
            try:
                yield json.loads(line)["ScenarioFinished"]
            except json.JSONDecodeError:
                return


def _iter_failures(recorder: Mapping[str, Any], *, is_alone: bool) -> Iterator[Failure]:
    for case_id, checks in recorder.get("checks", {}).items():
        for check in checks:
            if check["status"] == "success" or not check.get("failure_info"):
                continue
            failure = check["failure_info"]["failure"]
            met = recorder.get("interactions", {}).get(failure.get("case_id") or case_id)
            if met is None or met.get("response") is None:
                continue
            yield Failure(
                operation=failure["operation"],
                check=check["name"],
                title=failure["title"],
                sent=_read_sent(met["request"]),
                status=met["response"]["status_code"],
                is_alone=is_alone,
            )


def _read_sent(request: Mapping[str, Any]) -> Sent:
    body = request.get("body")
    return Sent(
        method=request["method"],
        url=request["uri"],
        headers={
            name.lower(): value[0] for name, value in request.get("headers", {}).items() if value
        },
        body=None if body is None else b64decode(body["$base64"]),
    )
