/** The two spellings of an instant in signed requests. */

const COMPACT = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const HTTP_DATE = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/**
 * `20250417T013347Z` to milliseconds since 1970; undefined for anything else, impossible days
 * included.
 */
export function parseCompact(text: string): number | undefined {
  const parts = COMPACT.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  const ms = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second);
  return printCompact(ms) === text ? ms : undefined;
}

/** Milliseconds since 1970 to `20250417T013347Z`; fractions of a second are dropped. */
export function printCompact(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

/**
 * `Thu, 17 Apr 2025 01:33:47 GMT` to milliseconds since 1970; the day of the week is not checked.
 */
export function parseHttpDate(text: string): number | undefined {
  const parts = HTTP_DATE.exec(text);
  if (parts === null) return undefined;
  const month = MONTHS.indexOf(parts[2] ?? "?");
  if (month < 0 || month % 3 !== 0) return undefined;
  const two = String(month / 3 + 1).padStart(2, "0");
  const [, day = "", , year = "", hour = "", minute = "", second = ""] = parts;
  return parseCompact(`${year}${two}${day}T${hour}${minute}${second}Z`);
}
