/**
 * The least a server of Node can do with a query: reads the body, parses it with JSON.parse and
 * answers ten hits it has ready. What a real server needs beyond this is its own.
 */
import { createServer } from "node:http";

const hits = Array.from({ length: 10 }, (_, i) => ({ key: `r${i}`, distance: 0.123456 }));
const body = JSON.stringify({ vectors: hits });

const server = createServer((message, response) => {
  const parts = [];
  message.on("data", (part) => parts.push(part));
  message.on("end", () => {
    JSON.parse(Buffer.concat(parts).toString());
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
    response.end(body);
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`port ${server.address().port}\n`));
process.once("SIGTERM", () => process.exit(0));
