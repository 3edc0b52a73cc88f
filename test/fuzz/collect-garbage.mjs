/** Loaded into the server by `--import`: SIGUSR2 collects garbage, so that memory can be compared. */
process.on("SIGUSR2", () => globalThis.gc());
