/** The programs of Pinecone's source text, through the vendor's client over gRPC and TLS. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expectEqual, type Report } from "./report.ts";
import { seedFolder } from "./seed-samples.ts";
import type { TestServer } from "./server-process.ts";
import { hasPineconePython, pineconePython, run } from "./tools.ts";

export interface SeedSurroundings {
  readonly caPath: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The programs of the source text, one after the other as a reader would run them. What is changed
 * is the line that makes the client: its key, the server's address and the authority.
 */
export async function runPineconeSeed(
  report: Report,
  server: TestServer,
  surroundings: SeedSurroundings,
): Promise<void> {
  const folder = seedFolder();
  if (folder === undefined) {
    report.skip("SEED_TEXTS is not set", "name the folder of the source texts with it");
    return;
  }
  if (!hasPineconePython("7")) {
    report.skip("the Python client pinecone 7 is not installed");
    return;
  }
  const programs = readSeedPrograms(folder);
  const client = "pinecone 7 gRPC";
  await report.check(client, "samples", "the text has 5 programs", () => {
    expectEqual(programs.length, 5, "programs");
    return Promise.resolve();
  });
  const outputs: string[] = [];
  for (const [i, program] of programs.entries()) {
    await report.check(client, "samples", `program ${String(i + 1)} of the text runs`, async () => {
      outputs[i] = await runProgram(program, server, surroundings);
    });
  }
  await report.check(client, "samples", "the query finds what the text prints", () => {
    checkQuery(outputs[3] ?? "");
    return Promise.resolve();
  });
}

/** What the text prints but for the order among equals. */
function checkQuery(output: string): void {
  const ids = [...output.matchAll(/'id': '(\w)'/g)].map(([, id]) => id ?? "");
  expectEqual(ids.length, 3, "matches");
  if (!ids.every((id) => "EFGH".includes(id))) throw new Error(`matches: ${ids.join()}`);
  for (const [, score] of output.matchAll(/'score': ([\d.]+)/g)) {
    if (Math.abs(Number(score) - 1) > 1e-6) throw new Error(`score: ${score ?? ""}`);
  }
  for (const part of ["'namespace': 'tenant2'", "'read_units': 6", "'values': [0."]) {
    if (!output.includes(part)) throw new Error(`Expected ${part} in:\n${output}`);
  }
}

const CLIENT_LINE = /^pc = Pinecone\(api_key="YOUR_API_KEY"\)$/m;

async function runProgram(
  code: string,
  server: TestServer,
  { caPath, env }: SeedSurroundings,
): Promise<string> {
  if (!CLIENT_LINE.test(code)) throw new Error("The program makes no client.");
  const { port } = new URL(server.url);
  const made =
    `pc = Pinecone(api_key="${server.secret}", host="https://localhost:${port}", ` +
    `ssl_ca_certs="${caPath}")`;
  const folder = mkdtempSync(path.join(tmpdir(), "insula-seed-"));
  try {
    const file = path.join(folder, "program.py");
    writeFileSync(file, code.replace(CLIENT_LINE, made));
    const ran = await run(pineconePython("7"), [file], { env });
    if (ran.code !== 0) throw new Error(ran.stderr.slice(-1_500));
    return ran.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Blocks that begin with the import of the client and end where a line of prose begins. */
function readSeedPrograms(folder: string): readonly string[] {
  const text = readFileSync(path.join(folder, "pinecone-multitenancy.txt"), "utf8");
  const programs: string[][] = [];
  let current: string[] | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("from pinecone.grpc import")) {
      current = [];
      programs.push(current);
    } else if (!CODE_LINE.test(line)) current = undefined;
    current?.push(line);
  }
  return programs.map((lines) => `${lines.join("\n")}\n`);
}

/** A line of the text's programs: empty, indented, a comment, or one of their statements. */
const CODE_LINE = /^(?:$|\s|#|\)|from |pc\b|index\b|query_results\b|print\()/;
