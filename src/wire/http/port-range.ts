/** A range of ports as it is written: `9000-9099`. */
import { PORT_RANGE_PORTS_MAX } from "./limits.ts";

export interface PortRange {
  readonly first: number;
  /** At least the first. */
  readonly last: number;
}

const PORT_MAX = 65_535;

/** undefined for what is no range, or one of more than {@link PORT_RANGE_PORTS_MAX} ports. */
export function parsePortRange(text: string): PortRange | undefined {
  const [, from = "", to = ""] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { first: Number(from), last: Number(to) };
  const isRange = range.first >= 1 && range.last <= PORT_MAX && range.first <= range.last;
  return isRange && range.last - range.first < PORT_RANGE_PORTS_MAX ? range : undefined;
}

export function isInRange({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last;
}
