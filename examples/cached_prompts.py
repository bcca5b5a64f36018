"""A memory of answers: the same question is not paid for twice."""

import anthropic

client = anthropic.Anthropic()
answers: dict[str, anthropic.types.Message] = {}


def ask(prompt: str) -> anthropic.types.Message:
    """The answer to `prompt`, from memory when it was asked before."""
    if prompt not in answers:
        answers[prompt] = client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=300,
            messages=[{"role": "user", "content": prompt}],
        )
    return answers[prompt]


first = ask("What are your opening hours?")
again = ask("What are your opening hours?")
other = ask("Do you ship abroad?")
print(f"same answer: {again is first}")
print(f"calls paid for: {len({first.id, again.id, other.id})}")
