"""pydantic-ai's Anthropic model on the server that ANTHROPIC_BASE_URL names: what it saw, as JSON."""

import asyncio
import json

from pydantic import BaseModel
from pydantic_ai import Agent


class Invoice(BaseModel):
    number: str
    total: float


def track_parcel(tracking_number: str) -> str:
    """Track a parcel by its tracking number."""
    return f"{tracking_number}: in customs"


async def main() -> None:
    model = "anthropic:claude-haiku-4-5"
    hello = await Agent(model).run("Hello")
    async with Agent(model).run_stream("Count from 1 to 5.") as streaming:
        pieces = [piece async for piece in streaming.stream_text(delta=True, debounce_by=None)]
    tracked = await Agent(model, tools=[track_parcel]).run("Where is parcel SF1234567890?")
    calls = [
        part.args_as_dict()
        for message in tracked.all_messages()
        for part in message.parts
        if part.part_kind == "tool-call"
    ]
    invoice = await Agent(model, output_type=Invoice).run("Invoice INV-2231 over 199.50 dollars")
    print(
        json.dumps(
            {
                "hello": hello.output,
                "chunks": len(pieces),
                "streamed": "".join(pieces),
                "call": calls[0],
                "answer": tracked.output,
                "invoice": invoice.output.model_dump(),
            }
        )
    )


asyncio.run(main())
