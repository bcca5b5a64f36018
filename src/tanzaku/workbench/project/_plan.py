"""A request as far as it is known before its variables are."""

from collections.abc import Sequence
from dataclasses import dataclass

from tanzaku.transport import HttpRequest
from tanzaku.workbench.project._auth import Auth
from tanzaku.workbench.project._bodies import BodyPlan
from tanzaku.workbench.project._environments import Environment
from tanzaku.workbench.project._headers import CONTENT_TYPE, Headers
from tanzaku.workbench.project._targets import PathPlan, QueryPlan, encode_query
from tanzaku.workbench.project._variables import Scope


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts, each to be filled."""

    method: str
    path: PathPlan
    query: QueryPlan
    headers: Headers
    auth: Auth | None
    body: BodyPlan

    def build(self, environment: Environment, scope: Scope) -> HttpRequest:
        """See `build_request`."""
        auth = self.auth or environment.auth
        auth_headers, auth_query = auth.build(scope) if auth else ([], [])
        body, content_type = self.body.build(scope)
        headers = _fill(environment.headers, scope)
        headers |= dict(auth_headers)
        if content_type:
            headers[CONTENT_TYPE] = content_type.encode()
        own = _fill(self.headers, scope)
        for name in self.headers:
            headers.pop(name, None)
        headers |= own
        return HttpRequest(
            self.method,
            self.path.build(scope) + encode_query(self.query.build(scope) + auth_query),
            _order(headers),
            body,
        )


def _fill(headers: Headers, scope: Scope) -> dict[str, bytes]:
    return {name: value.fill_header(scope) for name, value in headers.items() if value is not None}


def _order(headers: dict[str, bytes]) -> list[tuple[bytes, bytes]]:
    names: Sequence[str] = sorted(headers, key=lambda name: name != CONTENT_TYPE)
    return [(name.encode("ascii"), headers[name]) for name in names]
