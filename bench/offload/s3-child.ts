/** The S3 server of the tests in a process of its own; asked and told by messages. */
import { startS3Server } from "../../src/backup/s3-server.contract.ts";
import type { S3ChildAnswer, S3ChildOrder } from "./s3-process.ts";

const server = await startS3Server();
const tell = (answer: S3ChildAnswer): void => {
  process.send?.(answer);
};
process.on("message", (order: S3ChildOrder) => {
  if (order.kind === "delay") server.delayMs = order.delayMs;
  const stored = [...server.objects.values()].reduce((sum, { length }) => sum + length, 0);
  tell({ kind: "state", traffic: server.traffic, objects: server.objects.size, stored });
});
process.on("disconnect", () => process.exit());
tell({ kind: "listening", settings: server.settings });
