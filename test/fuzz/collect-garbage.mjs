/** Loaded into the server by `--import`: SIGUSR2 collects garbage, to compare memory. */
process.on("SIGUSR2", () => globalThis.gc());
