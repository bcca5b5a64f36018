"""Amazon Bedrock as a Claude API: InvokeModel with its response stream, and the Messages-shaped
endpoint ("mantle").

Sources: the InvokeModel API reference; SDK 2.12 `lib/bedrock`.
"""

from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tanzaku.core import UserError
from tanzaku.gateway.upstreams._aws_stream import AwsEventStream
from tanzaku.gateway.upstreams._cloud_call import (
    COUNT_TOKENS,
    MESSAGES,
    CloudCall,
    answer_error,
    read_cloud_call,
)
from tanzaku.gateway.upstreams._cloud_errors import read_cloud_error
from tanzaku.gateway.upstreams._settings import UpstreamSettings
from tanzaku.transport import (
    Handler,
    HttpClient,
    HttpRequest,
    HttpResponse,
    get_header,
)
from tanzaku.wire import (
    ANTHROPIC_BETA,
    ANTHROPIC_VERSION,
    AUTHORIZATION,
    REQUEST_ID,
    ApiError,
    find_betas,
)

if TYPE_CHECKING:
    from tanzaku.gateway.upstreams._aws_signing import AwsSigner

_CLOUD: Final = "Amazon Bedrock"
_VERSION: Final = "bedrock-2023-05-31"
_AWS_ID: Final = b"x-amzn-requestid"
_OUT_OF_BODY: Final = frozenset({"model", "stream"})
_BETAS: Final = frozenset({ANTHROPIC_BETA})
_FRAMES: Final = b"application/vnd.amazon.eventstream"
_OF_FRAMES: Final = frozenset({b"content-type", b"content-length"})
_EVENT_STREAM: Final = (b"content-type", b"text/event-stream; charset=utf-8")


def build_bedrock(settings: UpstreamSettings, client: HttpClient) -> Handler:
    """A handler that asks Bedrock what it is asked in the Claude API's shape, and answers in that.

    A request that carries an `authorization` keeps it (a Bedrock API key); any other one is signed.
    Model ids are translated by `settings.models`, else by the catalog. What Bedrock has not is
    answered 404, its own errors become the API's. Raises TransportError as `client.send` does, and
    BrokenResponse for a stream that is none; UserError without the extra `bedrock`, where that is
    needed.
    """
    is_mantle = settings.endpoint == "mantle"
    signer = None if settings.keys else _load_signer(settings, is_mantle=is_mantle)
    host, paths, translate = _MANTLE if is_mantle else _RUNTIME
    url = settings.url or f"https://{host.format(settings.region)}"
    models = dict(settings.models)
    calls = count()

    async def send(request: HttpRequest) -> HttpResponse:
        seed = f"{settings.name} {next(calls)}"
        try:
            call = await read_cloud_call(request, _CLOUD, paths, models)
            outgoing = translate(call, settings.profile)
            if signer is not None and get_header(outgoing.headers, AUTHORIZATION) is None:
                outgoing.headers += await signer.prove(url + outgoing.target, outgoing.body)
        except ApiError as error:
            return answer_error(error, [], seed)
        answer = await client.send(outgoing, base_url=url)
        return await _carry_back(answer, seed)

    return send


def _load_signer(settings: UpstreamSettings, *, is_mantle: bool) -> "AwsSigner":
    try:
        module = import_module("tanzaku.gateway.upstreams._aws_signing")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "botocore":
            raise
        raise UserError(
            "The upstream `{name}` needs the package botocore, or `keys`.",
            hint="pip install 'tanzaku[bedrock]'",
            name=settings.name,
        ) from error
    service = "bedrock-mantle" if is_mantle else "bedrock"
    signer: AwsSigner = module.AwsSigner(service, settings.region)
    return signer


def _ask_runtime(call: CloudCall, profile: str) -> HttpRequest:
    name = call.mapped or _find_profile(call, profile)
    added: dict[str, Any] = {"anthropic_version": call.choose_version(_VERSION)}
    betas = find_betas(call.request.headers)
    given = call.params.get("anthropic_beta")
    if betas:
        more = given if isinstance(given, list) else []
        added["anthropic_beta"] = list(dict.fromkeys([*betas, *more]))
    how = "invoke-with-response-stream" if call.is_stream else "invoke"
    body = call.write_body(_OUT_OF_BODY, **added)
    target = f"/model/{quote(name, safe='')}/{how}"
    return HttpRequest("POST", target, call.write_headers(_BETAS), body)


def _find_profile(call: CloudCall, profile: str) -> str:
    """The inference profile for a model: Bedrock takes newer models by no other name."""
    if call.name.startswith("arn:"):
        return call.name
    model_id = None if call.known is None else call.known.bedrock_id
    if model_id is None:
        raise call.refuse_model(_CLOUD)
    return call.name if call.name.endswith(f".{model_id}") else f"{profile}.{model_id}"


def _ask_mantle(call: CloudCall, profile: str) -> HttpRequest:
    del profile  # the endpoint has none
    name = call.mapped or (None if call.known is None else call.known.mantle_id)
    if name is None:
        raise call.refuse_model(_CLOUD)
    request = call.request
    headers = call.write_headers()
    headers += [line for line in request.headers if line[0] == ANTHROPIC_VERSION]
    return HttpRequest("POST", f"/anthropic{request.path}", headers, call.write_body(model=name))


async def _carry_back(answer: HttpResponse, seed: str) -> HttpResponse:
    """The answer in the API's shape. AWS's own headers stay beside what is made of them."""
    headers = answer.headers
    aws_id = get_header(headers, _AWS_ID)
    if aws_id is not None and get_header(headers, REQUEST_ID) is None:
        headers.append((REQUEST_ID, aws_id))
    if answer.status >= 400:
        error = await read_cloud_error(answer)
        return answer if error is None else answer_error(error, headers, seed)
    if not (get_header(headers, b"content-type") or b"").startswith(_FRAMES):
        return answer
    request_id = (get_header(headers, REQUEST_ID) or b"").decode("latin-1")
    stream = AwsEventStream(answer.body, request_id)
    error = await stream.begin()
    if error is not None:
        return answer_error(error, headers, seed)
    kept = [line for line in headers if line[0] not in _OF_FRAMES]
    return HttpResponse(answer.status, [*kept, _EVENT_STREAM], stream)


_RUNTIME: Final = (
    "bedrock-runtime.{}.amazonaws.com", frozenset({MESSAGES}), _ask_runtime,
)  # fmt: skip
_MANTLE: Final = ("bedrock-mantle.{}.api.aws", frozenset({MESSAGES, COUNT_TOKENS}), _ask_mantle)
