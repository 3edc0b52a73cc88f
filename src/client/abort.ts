const ABORTED = Symbol("aborted");

/**
 * Runs a call unless the signal is aborted, and stops waiting for it when it is. What the call does
 * after that is not looked at.
 *
 * @throws the signal's reason, whatever it is.
 */
export async function abortable<Value>(
  signal: AbortSignal | undefined,
  run: () => Promise<Value>,
): Promise<Value> {
  if (signal === undefined) return run();
  signal.throwIfAborted();
  let stopListening: () => void = () => undefined;
  const aborted = new Promise<typeof ABORTED>((resolve) => {
    const onAbort = (): void => {
      resolve(ABORTED);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stopListening = () => {
      signal.removeEventListener("abort", onAbort);
    };
  });
  try {
    const result = await Promise.race([run(), aborted]);
    if (result !== ABORTED) return result;
    throw signal.reason;
  } finally {
    stopListening();
  }
}
