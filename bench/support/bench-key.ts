/** The admin key of servers that benches start. */
export const BENCH_KEY = {
  id: "BENCHADMINKEYID00001",
  secret: "bench-admin-secret-of-one-run",
  accountId: "1234567890",
} as const;
