"""A coding question."""

import anthropic

client = anthropic.Anthropic()

message = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=500,
    messages=[{"role": "user", "content": "编写一个递归计算斐波那契数列的Python函数。"}],
)
print(message.content[0].text)
