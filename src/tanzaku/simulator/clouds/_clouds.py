"""Which cloud a request is for."""

from tanzaku.simulator.clouds._bedrock import answer_mantle, invoke, is_invocation
from tanzaku.simulator.clouds._call import Messages
from tanzaku.simulator.clouds._foundry import answer_foundry
from tanzaku.simulator.clouds._vertex import is_prediction, predict
from tanzaku.transport import HttpRequest, HttpResponse

_MANTLE_ID = b'"anthropic.'


class Clouds:
    """The paths of Bedrock, Vertex and Foundry, each answered by the same Messages API.

    `/anthropic/v1/…` is Bedrock's Messages-shaped endpoint for a signed request and for model ids
    that begin with `anthropic.`, and Foundry's for any other.
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def is_for_a_cloud(self, path: str) -> bool:
        """Whether `answer` knows what to do with this path."""
        return is_invocation(path) or is_prediction(path) or path.startswith("/anthropic/")

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The cloud's answer. Raises ApiError for what the API itself would refuse."""
        if is_invocation(request.path):
            return await invoke(request, self._messages)
        if is_prediction(request.path):
            return await predict(request, self._messages)
        is_signed = any(
            name == b"authorization" and value.startswith(b"AWS4-")
            for name, value in request.headers
        )
        if is_signed or _MANTLE_ID in request.body:
            return await answer_mantle(request, self._messages)
        return await answer_foundry(request, self._messages)
