/** The deadline of a call, as its client sends it. */

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** ms from `grpc-timeout`: up to eight digits and a unit. undefined for none, or one malformed. */
export function parseGrpcTimeout(text: string | undefined): number | undefined {
  const parts = text === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(text);
  if (parts === null) return undefined;
  const [, digits = "", unit = ""] = parts;
  return Number(digits) * (UNIT_MS[unit] ?? 1);
}
