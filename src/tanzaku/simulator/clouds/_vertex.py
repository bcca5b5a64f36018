"""Google Vertex AI: rawPredict, streamRawPredict and count-tokens.

Sources: SDK 2.12 `lib/vertex`, Google's error model. Errors of the Messages API keep the API's own
envelope (a guess); those of Google's front have Google's.
"""

import re
from urllib.parse import unquote

from pydantic_core import to_json

from tanzaku.simulator.clouds._call import (
    FirstParty,
    Messages,
    find_model,
    read_object,
)
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import VERSION_2023_06_01, VERSION_2026_10_21, ApiError

OWN_VERSION = "vertex-2023-10-16"
_PATH = re.compile(
    r"/v1/(?P<name>projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
    r"/publishers/anthropic/models/(?P<model>[^/:]+)):(?P<call>rawPredict|streamRawPredict)"
)
_BEARER = re.compile(rb"Bearer +\S+", re.IGNORECASE)


def is_prediction(path: str) -> bool:
    """Whether a path is one of a project's."""
    return path.startswith("/v1/projects/")


async def predict(request: HttpRequest, messages: Messages) -> HttpResponse:
    """Answer one prediction."""
    match = _PATH.fullmatch(unquote(request.path))
    if match is None:
        return _refuse(404, "NOT_FOUND", "The requested URL was not found on this server.")
    authorization = get_header(request.headers, b"authorization")
    if authorization is None or not _BEARER.fullmatch(authorization):
        return _refuse(
            401,
            "UNAUTHENTICATED",
            "Request is missing required authentication credential. Expected OAuth 2 access token, "
            "login cookie or other valid authentication credential.",
        )
    body = read_object(request.body)
    version = body.pop("anthropic_version", None)
    if match["model"] == "count-tokens":
        name, path = str(body.get("model")), "/v1/messages/count_tokens"
    else:
        name, path = match["model"], "/v1/messages"
        if "model" in body:
            raise ApiError.invalid_request("model: Extra inputs are not permitted")
        wants_stream = body.get("stream") is True
        if wants_stream != (match["call"] == "streamRawPredict"):
            # The text is a guess.
            raise ApiError.invalid_request(
                "stream: streamRawPredict is for streams, rawPredict for all else"
            )
    model = find_model(name)
    if model is None or model.vertex_id != name:
        place = match["name"].rpartition("/")[0]
        return _refuse(
            404,
            "NOT_FOUND",
            f"Publisher Model `{place}/{name}` was not found or your project does not have access "
            "to it. Please ensure you are using a valid model version.",
        )
    if version is None:
        raise ApiError.invalid_request("anthropic_version: Field required")
    if version == OWN_VERSION:
        version = VERSION_2023_06_01
    elif version != VERSION_2026_10_21:
        # The text is a guess.
        raise ApiError.invalid_request(f"anthropic_version: {version} is not supported")
    betas = get_header(request.headers, b"anthropic-beta")
    first_party = FirstParty(
        path,
        {**body, "model": model.id},
        version,
        () if betas is None else (betas.decode("latin-1"),),
    )
    return await messages(first_party.build(request))


def _refuse(status: int, name: str, text: str) -> HttpResponse:
    body = {"error": {"code": status, "message": text, "status": name}}
    return HttpResponse(status, [(b"content-type", b"application/json")], to_json(body))
