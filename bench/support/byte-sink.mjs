/**
 * A server that reads what it is sent and answers 200: what the network costs, and nothing else.
 */
import { createServer } from "node:http";

const server = createServer((message, response) => {
  message.resume();
  message.on("end", () => response.writeHead(200, { "Content-Length": 0 }).end());
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`port ${server.address().port}\n`));
process.once("SIGTERM", () => process.exit(0));
