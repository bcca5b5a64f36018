"""One question, one answer, with the SDK of October 2025 (0.71)."""

import anthropic

client = anthropic.Anthropic()

message = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=1000,
    temperature=0.7,
    messages=[{"role": "user", "content": "Hello, Claude Haiku 4.5!"}],
)

print(message.content)
