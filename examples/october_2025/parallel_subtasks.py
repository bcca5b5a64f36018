"""Several Haiku calls at once, each in a thread of the event loop's pool."""

import asyncio

import anthropic


async def execute_subtask(client, subtask):
    """One subtask as one call, off the event loop."""
    return await asyncio.to_thread(
        client.messages.create,
        model="claude-haiku-4-5",
        max_tokens=500,
        messages=[{"role": "user", "content": subtask}],
    )


async def main():
    """Run the subtasks together and print what came back."""
    client = anthropic.Anthropic()
    subtasks = ["获取用户数据", "设计登录页面"]
    results = await asyncio.gather(*(execute_subtask(client, subtask) for subtask in subtasks))
    for subtask, result in zip(subtasks, results, strict=True):
        print(f"[{subtask}] {result.content[0].text[:60]}")


asyncio.run(main())
