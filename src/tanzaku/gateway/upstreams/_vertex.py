"""Google Vertex AI as a Claude API: rawPredict, streamRawPredict and count-tokens.

Sources: SDK 2.12 `lib/vertex`, Google's error model. That the API's October version is taken for
Claude 4.7 and later alone, as on Bedrock, is a guess.
"""

from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tanzaku.core import UserError
from tanzaku.gateway.upstreams._cloud_call import (
    COUNT_TOKENS,
    MESSAGES,
    CloudCall,
    answer_error,
    read_cloud_call,
)
from tanzaku.gateway.upstreams._cloud_errors import read_cloud_error
from tanzaku.gateway.upstreams._settings import UpstreamSettings
from tanzaku.transport import Handler, HttpClient, HttpRequest, HttpResponse, get_header
from tanzaku.wire import AUTHORIZATION, ApiError

if TYPE_CHECKING:
    from tanzaku.gateway.upstreams._google_tokens import GoogleTokens

_CLOUD: Final = "Vertex AI"
_VERSION: Final = "vertex-2023-10-16"
_PATHS: Final = frozenset({MESSAGES, COUNT_TOKENS})
_MODEL: Final = frozenset({"model"})
_MULTI_REGIONS: Final = frozenset({"us", "eu"})


def build_vertex(settings: UpstreamSettings, client: HttpClient) -> Handler:
    """A handler that asks Vertex what it is asked in the Claude API's shape, and answers in that.

    A request that carries an `authorization` keeps it (an access token); any other one gets a token
    of `settings.service_account`, else of the machine's own credentials. Model ids are translated
    by `settings.models`, else by the catalog. What Vertex has not is answered 404, Google's errors
    become the API's. Raises TransportError as `client.send` does; UserError without the extra
    `vertex`, where that is needed.
    """
    tokens = None if settings.keys else _load_tokens(settings)
    url = settings.url or f"https://{_find_host(settings.region)}"
    models = dict(settings.models)
    calls = count()
    place = f"/v1/projects/{quote(settings.project)}/locations/{quote(settings.region)}"

    async def send(request: HttpRequest) -> HttpResponse:
        seed = f"{settings.name} {next(calls)}"
        try:
            call = await read_cloud_call(request, _CLOUD, _PATHS, models)
            outgoing = _translate(call, f"{place}/publishers/anthropic/models")
            if tokens is not None and get_header(outgoing.headers, AUTHORIZATION) is None:
                outgoing.headers += await tokens.prove()
        except ApiError as error:
            return answer_error(error, [], seed)
        answer = await client.send(outgoing, base_url=url)
        told = await read_cloud_error(answer) if answer.status >= 400 else None
        return answer if told is None else answer_error(told, answer.headers, seed)

    return send


def _load_tokens(settings: UpstreamSettings) -> "GoogleTokens":
    try:
        module = import_module("tanzaku.gateway.upstreams._google_tokens")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"google", "requests"}:
            raise
        raise UserError(
            "The upstream `{name}` needs the package google-auth, or `keys`.",
            hint="pip install 'tanzaku[vertex]'",
            name=settings.name,
        ) from error
    tokens: GoogleTokens = module.GoogleTokens(settings.service_account)
    return tokens


def _find_host(region: str) -> str:
    if region == "global":
        return "aiplatform.googleapis.com"
    if region in _MULTI_REGIONS:
        return f"aiplatform.{region}.rep.googleapis.com"
    return f"{region}-aiplatform.googleapis.com"


def _translate(call: CloudCall, models: str) -> HttpRequest:
    name = call.mapped or (None if call.known is None else call.known.vertex_id)
    if name is None:
        raise call.refuse_model(_CLOUD)
    version = call.choose_version(_VERSION)
    if call.request.path == COUNT_TOKENS:
        body = call.write_body(anthropic_version=version, model=name)
        target = f"{models}/count-tokens:rawPredict"
    else:
        body = call.write_body(_MODEL, anthropic_version=version)
        how = "streamRawPredict" if call.is_stream else "rawPredict"
        target = f"{models}/{quote(name, safe='@')}:{how}"
    return HttpRequest("POST", target, call.write_headers(), body)
