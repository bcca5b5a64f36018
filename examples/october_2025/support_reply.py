"""The core of a support bot: one customer message in, one reply out."""

import anthropic

client = anthropic.Anthropic()


def handle_customer_message(user_input):
    """The reply to one message."""
    response = client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=800,
        temperature=0.5,
        messages=[{"role": "user", "content": user_input}],
    )
    return response.content[0].text


print(handle_customer_message("我的订单什么时候发货？"))
