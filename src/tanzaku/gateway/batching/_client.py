"""Asking later from Python, with the official SDK."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tanzaku.gateway.batching._claim import IDEMPOTENCY_KEY
from tanzaku.gateway.batching._routes import LATER_PATH

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types import Message

_LONGEST_POLL_S = 30
_JSON: Any = object


@dataclass(frozen=True, slots=True)
class Later:
    """A call that will be answered. Its `id` may be kept: `Later(client, id)` fetches the answer
    anywhere else."""

    client: "Anthropic"
    id: str

    def poll(self, wait_s: int = 0) -> "Message | None":
        """The message, or None when there is none yet after `wait_s` seconds (0 to 60).

        A call that ended with an error raises the SDK's exception for it.
        """
        from anthropic.types import Message

        told = self.client.get(f"{LATER_PATH}/{self.id}?wait={wait_s}", cast_to=_JSON)
        return None if told["type"] == "tanzaku_later" else Message.model_construct(**told)

    def result(self) -> "Message":
        """The message, however long that takes."""
        while (message := self.poll(_LONGEST_POLL_S)) is None:
            pass
        return message

    def cancel(self) -> None:
        """Take the call back; the SDK's ConflictError when it is at the upstream already."""
        self.client.delete(f"{LATER_PATH}/{self.id}", cast_to=_JSON)


def ask_later(
    client: "Anthropic", *, when: str = "batch", idempotency_key: str = "", **params: Any
) -> Later:
    """Ask for a message at half the price: `params` are those of `client.messages.create`.

    `when` is by when the answer is wanted: `90s`, `30m`, `6h` (1m to 24h), or `batch` for whenever.
    However often the client tries, it is one call. With an `idempotency_key` of one's own the same
    question asked anew, by another process say, is that one call too.
    """
    key = idempotency_key or str(uuid4())
    ticket = client.post(
        "/v1/messages",
        cast_to=_JSON,
        body=params,
        options={"headers": {"tanzaku-when": when, IDEMPOTENCY_KEY: key}},
    )
    return Later(client, ticket["id"])
