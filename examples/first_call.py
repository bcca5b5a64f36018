"""One question, one answer, and what it used."""

import anthropic

client = anthropic.Anthropic()

message = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=1000,
    messages=[{"role": "user", "content": "Hello, Claude Haiku 4.5!"}],
)

print(message.content[0].text)
print(f"model: {message.model}")
print(f"tokens: {message.usage.input_tokens} in, {message.usage.output_tokens} out")
