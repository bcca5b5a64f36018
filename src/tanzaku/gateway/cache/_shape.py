"""A whole answer as the stream of it, and back."""

from pydantic_core import from_json, to_json

from tanzaku.gateway.cache._store import Answer
from tanzaku.transport import HeaderList
from tanzaku.wire import StreamError, assemble_message, encode_event, split_message

_TYPES = {
    False: (b"content-type", b"application/json"),
    True: (b"content-type", b"text/event-stream; charset=utf-8"),
}
_OF_THE_BODY = frozenset({b"content-type", b"content-length"})


def reshape(answer: Answer, *, is_stream: bool) -> Answer:
    """The same message streamed, or whole; unchanged where it is so already.

    Raises ValueError for an answer that is no complete message.
    """
    if answer.is_stream == is_stream:
        return answer
    try:
        body = _split(answer.body) if is_stream else _join(answer.body)
    except (StreamError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a message: {error!r}") from error
    headers: HeaderList = [line for line in answer.headers if line[0] not in _OF_THE_BODY]
    return Answer([_TYPES[is_stream], *headers], body, is_stream)


def _split(body: bytes) -> bytes:
    return b"".join(map(encode_event, split_message(from_json(body))))


def _join(body: bytes) -> bytes:
    message = assemble_message(body)
    if message is None:
        raise StreamError("the stream has no end")
    return to_json(message)
