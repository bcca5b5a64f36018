"""A coding question, streamed to the terminal."""

import anthropic

client = anthropic.Anthropic()

with client.messages.stream(
    model="claude-haiku-4-5",
    max_tokens=500,
    messages=[{"role": "user", "content": "编写一个递归计算斐波那契数列的Python函数。"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)

print(f"\n({stream.get_final_message().usage.output_tokens} tokens)")
