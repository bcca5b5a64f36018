"""LangChain's ChatAnthropic on the server that ANTHROPIC_BASE_URL names: what it saw, as JSON."""

import json

from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from pydantic import BaseModel


@tool
def track_parcel(tracking_number: str) -> str:
    """Track a parcel by its tracking number."""
    return f"{tracking_number}: in customs"


class Invoice(BaseModel):
    """An invoice."""

    number: str
    total: float


def main() -> None:
    model = ChatAnthropic(model="claude-haiku-4-5", max_tokens=300)
    hello = model.invoke("Hello")
    streamed = list(model.stream("Count from 1 to 5."))
    asked = model.bind_tools([track_parcel]).invoke("Where is parcel SF1234567890?")
    result = track_parcel.invoke(asked.tool_calls[0])
    question = ("user", "Where is parcel SF1234567890?")
    answer = model.bind_tools([track_parcel]).invoke([question, asked, result])
    invoice = model.with_structured_output(Invoice).invoke("Invoice INV-2231 over 199.50 dollars")
    print(
        json.dumps(
            {
                "hello": hello.text,
                "usage": dict(hello.usage_metadata),
                "chunks": len(streamed),
                "streamed": "".join(chunk.text for chunk in streamed),
                "call": asked.tool_calls[0]["args"],
                "answer": answer.text,
                "invoice": invoice.model_dump(),
            },
            default=str,
        )
    )


main()
