/** Bounds of the ledger of usage. docs/limits.md lists them. */

/** Hours of a place that are told one by one; then they are part of their day. */
export const USAGE_HOURS_KEPT = 48;
/** Days that are told one by one; then they are part of their month. Two months and a day. */
export const USAGE_DAYS_KEPT = 62;
/** Months that are told; then they are forgotten. Two years and a month. */
export const USAGE_MONTHS_KEPT = 25;
/** Usage of the last calls that is in memory only, ms: what a crash can lose. */
export const USAGE_FLUSH_MS = 5_000;
/**
 * Places whose usage is in memory: then it is written at once, and at twice as many calls wait for
 * that. About 300 bytes each.
 */
export const USAGE_PLACES_PENDING_MAX = 10_000;
/** Places with limits whose buckets are in memory; one that is forgotten has full ones. */
export const THROTTLED_PLACES_MAX = 20_000;
/** Places of one page of a report. */
export const USAGE_PLACES_MAX = 1_000;
