"""The live upstream. It is built only when someone said `live`."""

from dataclasses import replace

from tanzaku.gateway._headers import strip_private_headers
from tanzaku.transport import Handler, HttpClient, HttpRequest, HttpResponse

ANTHROPIC_URL = "https://api.anthropic.com"


def build_anthropic_upstream(
    client: HttpClient, api_key: str, base_url: str = ANTHROPIC_URL
) -> Handler:
    """A handler that sends requests to the Claude API with `api_key`, and with nothing else of
    the client's credentials or of Tanzaku's labels.

    The answer is asked for unencoded, so that its usage can be read as it passes. `base_url` is
    https unless it names this machine. Raises TransportError as `client.send` does.
    """
    own = [(b"x-api-key", api_key.encode("ascii")), (b"accept-encoding", b"identity")]

    async def send(request: HttpRequest) -> HttpResponse:
        kept = strip_private_headers(request.headers)
        headers = [line for line in kept if line[0] != b"accept-encoding"] + own
        outgoing = replace(request, headers=headers)
        return await client.send(outgoing, base_url=base_url)

    return send
