/** Types of vitest-run.mjs for the tests that run tests. */
export interface TestRunOptions {
  readonly node?: string;
  readonly project?: string;
  readonly name?: string;
  readonly live?: "stdout";
  readonly workers?: number;
  readonly paths?: readonly string[];
}

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  readonly isPassed: boolean;
  readonly output: string;
}

export function runTests(options?: TestRunOptions): Promise<TestCount>;
