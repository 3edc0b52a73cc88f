/** What was tried with which client, and whether it passed: .cache/clients-report.json. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface CaseResult {
  readonly client: string;
  /** Operation of the protocol, or `errors`, `limits`, `samples`, `examples`. */
  readonly operation: string;
  readonly case: string;
  readonly pass: boolean;
  readonly detail?: string;
}

export const REPORT_PATH: string = path.resolve(".cache/clients-report.json");

export class Report {
  readonly results: CaseResult[] = [];
  readonly skipped: string[] = [];

  add(result: CaseResult): void {
    this.results.push(result);
    const mark = result.pass ? "ok  " : "FAIL";
    const detail = result.pass || result.detail === undefined ? "" : `\n       ${result.detail}`;
    process.stdout.write(
      `${mark} ${result.client} · ${result.operation} · ${result.case}${detail}\n`,
    );
  }

  /** Adds one result: the body's error is its failure. */
  async check(
    client: string,
    operation: string,
    title: string,
    body: () => Promise<void>,
  ): Promise<void> {
    try {
      await body();
      this.add({ client, operation, case: title, pass: true });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.add({ client, operation, case: title, pass: false, detail: detail.slice(0, 2_000) });
    }
  }

  /** A tool that is not here: a failure in CI, said and passed over elsewhere. */
  skip(what: string, nextStep = "run scripts/clients-setup.sh"): void {
    const sentence = `${what}: ${nextStep}`;
    if (process.env["CI"] !== undefined && process.env["CI"] !== "") {
      this.add({
        client: what,
        operation: "setup",
        case: "is installed",
        pass: false,
        detail: sentence,
      });
      return;
    }
    this.skipped.push(sentence);
    process.stdout.write(`SKIP ${sentence}\n`);
  }

  /** @returns the exit code. */
  write(): number {
    mkdirSync(path.dirname(REPORT_PATH), { recursive: true });
    const { results, skipped } = this;
    writeFileSync(REPORT_PATH, `${JSON.stringify({ results, skipped }, undefined, 2)}\n`);
    const failed = results.filter(({ pass }) => !pass).length;
    const passed = results.length - failed;
    process.stdout.write(`\n${REPORT_PATH}: ${skipped.length} skipped\n`);
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
    return failed === 0 && results.length > 0 ? 0 : 1;
  }
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const left = JSON.stringify(actual);
  const right = JSON.stringify(expected);
  if (left !== right) throw new Error(`${what}: expected ${right}, received ${left}`);
}
