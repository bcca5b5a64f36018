"""Microsoft Foundry: the API's own shapes under `/anthropic`, a key under another header's name.

A deployment is named as the model it holds. Source: SDK 2.12 `lib/foundry.py`.
"""

from tanzaku.simulator.clouds._call import FirstParty, Messages, read_object
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import ApiError

_CREDENTIALS = (b"api-key", b"x-api-key", b"authorization")
_PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})


async def answer_foundry(request: HttpRequest, messages: Messages) -> HttpResponse:
    """Answer one request; batches and models are not there."""
    if not any(get_header(request.headers, name) for name in _CREDENTIALS):
        raise ApiError.missing_credential()
    path = request.path.removeprefix("/anthropic")
    if path not in _PATHS:
        raise ApiError.not_found()
    version = get_header(request.headers, b"anthropic-version")
    if version is None:
        raise ApiError.missing_version()
    betas = get_header(request.headers, b"anthropic-beta")
    first_party = FirstParty(
        path,
        read_object(request.body),
        version.decode("latin-1"),
        () if betas is None else (betas.decode("latin-1"),),
    )
    return await messages(first_party.build(request))
