"""A support assistant: a system prompt, a short history, one reply a customer message."""

import anthropic

SYSTEM = "You answer customers of a parcel service. Be brief. Say that you are an AI assistant."
TURNS_KEPT = 4

client = anthropic.Anthropic()
history: list[dict[str, str]] = []


def reply_to(customer_text: str) -> str:
    """Answer one customer message; older turns are dropped to keep the prompt small."""
    history.append({"role": "user", "content": customer_text})
    del history[: -2 * TURNS_KEPT + 1]
    message = client.messages.create(
        model="claude-haiku-4-5", max_tokens=800, system=SYSTEM, messages=history
    )
    history.append({"role": "assistant", "content": message.content[0].text})
    return message.content[0].text


for text in ("Where is my parcel SF1234567890?", "When will it arrive?", "Thank you!"):
    print(f"customer: {text}")
    print(f"assistant: {reply_to(text)}")
