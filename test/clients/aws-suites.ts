/** S3 Vectors with the vendor's unmodified clients, and with libraries built on them. */
import path from "node:path";
import { limitedKey, takeLines } from "./program-suites.ts";
import type { Report } from "./report.ts";
import type { TestServer } from "./server-process.ts";
import { awsEnvironment, hasNodeClients, hasPython, NODE_MANIFEST, PYTHON, run } from "./tools.ts";

/** A program in test/clients/node. */
export async function runNodeProgram(
  report: Report,
  server: TestServer,
  program: { readonly client: string; readonly name: string },
): Promise<void> {
  if (!hasNodeClients()) {
    report.skip(`${NODE_MANIFEST} is not installed`);
    return;
  }
  await runProgram(report, server, { ...program, command: process.execPath, folder: "node" });
}

/** A program in test/clients/python that uses boto3. */
export async function runBotoProgram(
  report: Report,
  server: TestServer,
  program: { readonly client: string; readonly name: string },
): Promise<void> {
  if (!hasPython()) {
    report.skip("Python clients are not installed");
    return;
  }
  await runProgram(report, server, { ...program, command: PYTHON, folder: "python" });
}

interface Program {
  readonly client: string;
  readonly name: string;
  readonly command: string;
  readonly folder: string;
}

async function runProgram(report: Report, server: TestServer, program: Program): Promise<void> {
  const { client, name, command, folder } = program;
  const env = { ...awsEnvironment(server), ...(await limitedKey(server, "*-errors")) };
  const file = path.resolve("test/clients", folder, name);
  takeLines(report, client, name, await run(command, [file], { env }));
}
