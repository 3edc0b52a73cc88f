/** Name of the one job of a parse worker. */
export const SPLIT_JOB = "server/split-body";
