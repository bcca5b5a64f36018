"""`temperature` for technical or creative work, `top_p` instead of it, `max_tokens` for length."""

import anthropic

client = anthropic.Anthropic()
question = [{"role": "user", "content": "Explain in a few paragraphs how a hash map works."}]

for sampling in ({"temperature": 0.2}, {"temperature": 1.0}, {"top_p": 0.9}):
    message = client.messages.create(
        model="claude-haiku-4-5", max_tokens=12, messages=question, **sampling
    )
    print(f"{sampling}: {message.stop_reason}, {message.usage.output_tokens} tokens out")

try:
    client.messages.create(
        model="claude-haiku-4-5", max_tokens=12, messages=question, temperature=0.2, top_p=0.9
    )
except anthropic.BadRequestError as error:
    print(f"both: {error.body['error']['message']}")
