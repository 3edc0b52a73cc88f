/**
 * Composition: configuration, listeners, dialects, metrics, log, stop. Nothing here knows what a
 * vector is.
 *
 * Life of a server: configuration is put together and checked → the engine takes the data folder →
 * the admin key is read or made → access opens → the port is bound, which is when the server is
 * ready → a signal stops it: no new connections, running requests finish, the engine closes.
 *
 * A request goes listener → route table → dialect → engine and back without a queue between them. A
 * dialect is loaded with its first request, so a server that speaks one protocol holds the code of
 * one. Bodies of vectors go through one parser of the server, long ones through its worker.
 *
 * In the data folder this room and access keep `admin-secret` and `access.key`, both mode 0600.
 *
 * INVARIANT: no log line, metric or page holds a secret, a query string or the name of a tenant,
 * unless the setting metricsTenants asks metrics for names.
 */
export { SETTINGS, toFlag, toVariable } from "./config.ts";
export type { ServerConfig, Setting } from "./config.ts";
export { createReranker, readEmbedderSettings } from "./embedding.ts";
export { DIALECT_LOADERS } from "./dialect-loaders.ts";
export { explainConfig, loadConfig, parseFlags } from "./load-config.ts";
export type { ConfigSources, SettingInEffect } from "./load-config.ts";
export { openLog } from "./log.ts";
export type { Log } from "./log.ts";
export { debugOnSignal, renewOnSignal, stopOnSignals, STOP_DEADLINE_MS } from "./signals.ts";
export type { SignalOptions } from "./signals.ts";
export { readTraceSettings } from "./trace-settings.ts";
export type { ReadTraceSettings, TraceSettings } from "./trace-settings.ts";
export { startServer } from "./start-server.ts";
export type { EngineHooks, ListenerAddress, RunningServer, ServerParts } from "./start-server.ts";
