/**
 * How late the event loop of a process is: loaded into a server by `--import`, asked by message.
 * Each answer is of the time since the one before.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

if (isMainThread && process.send !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on("message", (asked) => {
    if (asked !== "loop delay") return;
    process.send({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 });
    delay.reset();
  });
  process.channel?.unref();
}
