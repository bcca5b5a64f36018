// Hello, a stream and a tool round trip with the official TypeScript SDK; one JSON line each.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ apiKey: "test-key", baseURL: process.argv[2] });
const model = "claude-haiku-4-5";
const show = (name, value) => console.log(JSON.stringify({ name, ...value }));

const hello = await client.messages.create({
  model,
  max_tokens: 200,
  messages: [{ role: "user", content: "Hello, Claude!" }],
});
show("hello", { model: hello.model, text: hello.content[0].text, usage: hello.usage });

const stream = client.messages.stream({
  model,
  max_tokens: 200,
  messages: [{ role: "user", content: "Count from 1 to 10." }],
});
let pieces = "";
stream.on("text", (text) => (pieces += text));
const streamed = await stream.finalMessage();
show("stream", { pieces, text: streamed.content[0].text, usage: streamed.usage });

const tools = [
  {
    name: "calculator",
    description: "Evaluates an arithmetic expression",
    input_schema: {
      type: "object",
      properties: { expression: { type: "string" } },
      required: ["expression"],
    },
  },
];
const question = { role: "user", content: "What is 15 times 23?" };
const call = await client.messages.create({ model, max_tokens: 500, tools, messages: [question] });
const use = call.content.find((block) => block.type === "tool_use");
const answer = await client.messages.create({
  model,
  max_tokens: 500,
  tools,
  messages: [
    question,
    { role: "assistant", content: call.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "345" }] },
  ],
});
show("tools", { stop_reason: call.stop_reason, input: use.input, text: answer.content[0].text });

try {
  await client.messages.create({ model, max_tokens: 100000, messages: [question], stream: true });
} catch (error) {
  show("refused", { status: error.status, type: error.error.error.type });
}
