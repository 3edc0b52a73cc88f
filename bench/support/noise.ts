/**
 * A process that sends prepared requests on many connections as fast as they are answered, until
 * told to end: the loud neighbour of bench/neighbours.bench.ts, off the thread that measures.
 *
 * It gives way to the server and to who measures, as if it had a machine of its own.
 */
import { setPriority } from "node:os";
import { LoadConnection } from "./load-client.ts";

export interface NoiseOrder {
  readonly port: number;
  readonly connections: number;
  /** Base64, taken in turn. */
  readonly requests: readonly string[];
}

export interface NoiseReport {
  readonly answered: number;
  /** 429, with a time to wait. */
  readonly refused: number;
  readonly failed: number;
}

const REFUSED = 429;
const PRIORITY = 15;

async function run({ port, connections, requests }: NoiseOrder): Promise<void> {
  const bodies = requests.map((text) => Buffer.from(text, "base64"));
  const report = { answered: 0, refused: 0, failed: 0 };
  let isOver = false;
  let next = 0;
  const work = async (): Promise<void> => {
    const connection = await LoadConnection.open(port);
    while (!isOver) {
      const body = bodies[next++ % bodies.length];
      if (body === undefined) break;
      const { status } = await connection.send(body);
      if (status === 200) report.answered++;
      else if (status === REFUSED) report.refused++;
      else report.failed++;
    }
    connection.close();
  };
  process.once("message", () => {
    isOver = true;
  });
  await Promise.all(Array.from({ length: connections }, work));
  process.send?.(report satisfies NoiseReport);
  process.disconnect();
}

setPriority(PRIORITY);
process.once("message", (order: NoiseOrder) => void run(order));
process.send?.("ready");
