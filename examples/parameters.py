"""What steers an answer: its length, where it stops, how much chance is in it.

Since API version 2026-10-21 `temperature` and `top_p` are gone; models up to Sonnet 4.6 still take
one of them under the version before, which is how older prompts keep their behaviour.
"""

import anthropic

client = anthropic.Anthropic()

short = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=12,
    messages=[{"role": "user", "content": "Explain in a few paragraphs how a hash map works."}],
)
print(f"max_tokens=12: {short.stop_reason}, {short.usage.output_tokens} tokens out")

counted = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=200,
    stop_sequences=["5"],
    messages=[{"role": "user", "content": "Count from 1 to 10."}],
)
print(f"stop_sequences=['5']: {counted.stop_reason} at {counted.stop_sequence!r}")

precise = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=200,
    messages=[{"role": "user", "content": "Name the SQL clause that filters groups."}],
    extra_headers={"anthropic-version": "2023-06-01"},
    extra_body={"temperature": 0.2},
)
print(f"temperature=0.2 under 2023-06-01: {precise.stop_reason}")

try:
    client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=200,
        messages=[{"role": "user", "content": "Name the SQL clause that filters groups."}],
        extra_body={"temperature": 0.2},
    )
except anthropic.BadRequestError as error:
    print(f"temperature=0.2 under 2026-10-21: {error.body['error']['message']}")
