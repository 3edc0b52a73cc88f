/**
 * What a process may log, from nothing to everything: a configured value, and one set at run time.
 */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
