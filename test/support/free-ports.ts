/** Ports that nobody listens on just now, one behind the other. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";

const TRIES = 50;
/** Below the ports that systems give to those who ask for any. */
const FIRST = 20_000;
const LAST = 30_000;

/** The first of so many. */
export async function findFreePorts(count: number): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const servers = Array.from({ length: count }, () => createServer());
    const areFree = await Promise.all(servers.map((server, j) => canListen(server, first + j)));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (areFree.every(Boolean)) return first;
  }
  throw new Error(`There are no ${String(count)} free ports in a row.`);
}

async function canListen(server: Server, port: number): Promise<boolean> {
  server.listen(port, "127.0.0.1");
  return once(server, "listening").then(
    () => true,
    () => false,
  );
}
