import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { NodeClock, NodeFileSystem, NodeRandom } from "../io/index.ts";
import { NodeLog } from "./node-log.ts";

const root = mkdtempSync(join(tmpdir(), "insula-log-"));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

function openHere(texts: string[]): Promise<NodeLog> {
  return NodeLog.open({
    fileSystem: new NodeFileSystem(root),
    folder: "log",
    clock: new NodeClock(),
    random: new NodeRandom(),
    fileBytesMax: 100_000,
    from: { file: 0, offset: 0 },
    visit: async (entry) => {
      texts.push(
        Buffer.from(await entry.payload())
          .toString()
          .trim(),
      );
    },
  });
}

/** Appends as fast as it can and prints the number of each frame that is acknowledged. */
const WRITER = `
  const { NodeLog } = await import(${JSON.stringify(new URL("./node-log.ts", import.meta.url).href)});
  const io = await import(${JSON.stringify(new URL("../io/index.ts", import.meta.url).href)});
  const log = await NodeLog.open({ fileSystem: new io.NodeFileSystem(${JSON.stringify(root)}), folder: "log",
    clock: new io.NodeClock(), random: new io.NodeRandom(), fileBytesMax: 100_000,
    from: { file: 0, offset: 0 }, visit: () => {} });
  const life = Number(process.argv[1]);
  for (let i = 0; ; i += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, j) => {
      const n = life * 1_000_000 + i + j;
      const parts = [Buffer.from(String(n).padEnd(500))];
      return log.append({ shard: new Uint8Array(16), kind: 1, sequenceFirst: n, sequenceLast: n, netRows: 1,
        netBytes: 1, parts }).then(() => process.stdout.write(n + "\\n"));
    }));
  }`;

async function killedWriter(life: number): Promise<readonly string[]> {
  const flags = ["--import", "tsx", "--input-type=module", "-e", WRITER, String(life)];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.length > 3000) child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.once("close", resolve));
  return output.slice(0, output.lastIndexOf("\n")).split("\n");
}

describe("NodeLog on the real file system", () => {
  it("has everything that was acknowledged before each kill", async () => {
    const acknowledged: string[] = [];
    for (let life = 1; life <= 3; life++) {
      acknowledged.push(...(await killedWriter(life)));
      const texts: string[] = [];
      const log = await openHere(texts);
      const found = new Set(texts);
      expect(acknowledged.filter((text) => !found.has(text))).toEqual([]);
      expect(found.size).toBe(texts.length);
      await log.close();
    }
    expect(acknowledged.length).toBeGreaterThan(500);
  }, 60_000);
});
