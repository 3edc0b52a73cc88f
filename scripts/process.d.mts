/** Types of process.mjs for the tests that run programs. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly live?: "stdout" | "stderr";
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
  readonly isLate: boolean;
}

export function run(command: readonly string[], options?: RunOptions): Promise<RunResult>;
export function npm(...args: readonly string[]): readonly string[];
export function printTable(rows: readonly (readonly string[])[]): void;
