/** The log: JSON lines on the error stream, so that the output stream stays free for `--json`. */
import { destination, pino } from "pino";

/** The part of pino that we use. */
export interface Log {
  error(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
  debug(facts: object, sentence: string): void;
  isLevelEnabled(level: string): boolean;
  /** May be set while the server runs. @throws for a level there is not. */
  level: string;
}

/** Members that must never be written, wherever they stand. */
const SECRETS = ["secret", "adminSecret", "authorization", "*.secret", "*.authorization"];

export function openLog(level: string, write?: (line: string) => void): Log {
  const target = write === undefined ? destination({ dest: 2, sync: true }) : { write };
  return pino({ level, base: null, redact: { paths: SECRETS, censor: "[secret]" } }, target);
}
