"""Retries with exponential back-off around any API error, as programs of that time did it."""

import time

import anthropic


def send_message_with_retry(client, params, max_retries=3):
    """Try up to `max_retries` times, waiting 1 s, then 2 s."""
    for attempt in range(max_retries):
        try:
            return client.messages.create(**params)
        except anthropic.APIError as error:
            if attempt == max_retries - 1:
                raise
            print(f"attempt {attempt + 1}: {type(error).__name__}; waiting {2**attempt} s")
            time.sleep(2**attempt)
    return None


message = send_message_with_retry(
    anthropic.Anthropic(max_retries=0),
    {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Are you there?"}],
    },
)
print(f"answered: {message.stop_reason}")
