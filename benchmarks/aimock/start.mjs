// aimock with one answer: `node start.mjs PROMPT ANSWER CHUNK_SIZE`; prints its URL, ends on SIGTERM.
import { LLMock } from "@copilotkit/aimock";

const [prompt, answer, chunkSize] = process.argv.slice(2);
const mock = new LLMock({ port: 0, chunkSize: Number(chunkSize), latency: 0, logLevel: "silent" });
mock.onMessage(prompt, { content: answer });
await mock.start();
process.on("SIGTERM", () => process.exit(0));
console.log(mock.url);
