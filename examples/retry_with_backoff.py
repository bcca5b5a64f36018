"""Own retries with exponential back-off, for when the API is overloaded or limits are reached.

The SDK retries twice by itself; here that is off, so that this loop is the only one.
"""

import time

import anthropic

RETRYABLE = (anthropic.APIConnectionError, anthropic.RateLimitError, anthropic.InternalServerError)


def send_with_retry(
    client: anthropic.Anthropic, tries: int = 4, **request
) -> anthropic.types.Message:
    """Try up to `tries` times, waiting 1 s, 2 s, 4 s between them."""
    for attempt in range(tries):
        try:
            return client.messages.create(**request)
        except RETRYABLE as error:
            if attempt == tries - 1:
                raise
            print(f"attempt {attempt + 1}: {type(error).__name__}; waiting {2**attempt} s")
            time.sleep(2**attempt)
    raise AssertionError("unreachable")


message = send_with_retry(
    anthropic.Anthropic(max_retries=0),
    model="claude-haiku-4-5",
    max_tokens=100,
    messages=[{"role": "user", "content": "Are you there?"}],
)
print(f"answered: {message.stop_reason}")
