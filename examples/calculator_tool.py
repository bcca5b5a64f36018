"""A tool round trip: the model asks for a calculation, the program does it, the model answers."""

import ast
import operator

import anthropic

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def calculate(expression: str) -> float:
    """Evaluate +, -, * and / over numbers, and nothing else."""

    def value_of(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](value_of(left), value_of(right))
            case _:
                raise ValueError(f"not arithmetic: {expression}")

    return value_of(ast.parse(expression, mode="eval").body)


TOOLS = [
    {
        "name": "calculator",
        "description": "执行算术运算",
        "input_schema": {
            "type": "object",
            "properties": {"expression": {"type": "string", "description": "需计算的表达式"}},
            "required": ["expression"],
        },
    }
]

client = anthropic.Anthropic()
messages = [{"role": "user", "content": "15乘以23等于多少？"}]

while True:
    message = client.messages.create(
        model="claude-haiku-4-5", max_tokens=1000, tools=TOOLS, messages=messages
    )
    if message.stop_reason != "tool_use":
        break
    messages.append({"role": "assistant", "content": message.content})
    results = []
    for block in message.content:
        if block.type == "tool_use":
            answer = calculate(block.input["expression"])
            print(f"{block.name}({block.input['expression']}) = {answer}")
            results.append({"type": "tool_result", "tool_use_id": block.id, "content": str(answer)})
    messages.append({"role": "user", "content": results})

print(message.content[0].text)
