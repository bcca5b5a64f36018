"""Several Haiku calls at once: a task is split, the parts run together, one call sums up."""

import asyncio

import anthropic


async def ask(client: anthropic.AsyncAnthropic, prompt: str) -> str:
    """One question, the text of its answer."""
    message = await client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=500,
        messages=[{"role": "user", "content": prompt}],
    )
    return message.content[0].text


async def main() -> None:
    """Run the subtasks together and sum up what came back."""
    subtasks = ["获取用户数据", "设计登录页面", "编写接口测试"]
    async with anthropic.AsyncAnthropic() as client:
        results = await asyncio.gather(*(ask(client, subtask) for subtask in subtasks))
        for subtask, result in zip(subtasks, results, strict=True):
            print(f"[{subtask}] {result[:60]}")
        summary = await ask(client, "总结以下结果:\n" + "\n".join(results))
    print(f"[总结] {summary[:60]}")


asyncio.run(main())
