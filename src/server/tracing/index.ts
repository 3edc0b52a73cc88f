/**
 * Traces as OpenTelemetry has them: W3C `traceparent` in, spans out over OTLP/HTTP as JSON.
 *
 * For: one trace of one request, from its head to its answer, with the engine's calls and steps in
 * it. Not for: metrics and logs, which have ways of their own.
 *
 * Life of a span: a request begins one, if the sampler says so → calls of the engine and steps of
 * its work that end in the request's asynchronous context become its children → with the answer all
 * of them go to the exporter's queue → a batch is sent. Whatever fails on the way is counted and
 * forgotten; a request never waits for a collector.
 *
 * This folder is loaded only when an endpoint is set (docs/decisions/0009).
 *
 * INVARIANT: spans hold names of databases and collections, and nothing else of what a client sent:
 * no tenant, key, path, query, header, metadata or vector.
 *
 * Sources: OTLP 1.x, JSON encoding; W3C Trace Context level 1; the environment variables of the
 * OpenTelemetry specification, docs/operations.md names those obeyed.
 */
export { watchEngine } from "./traced-engine.ts";
export { openTracer, type Tracer } from "./tracer.ts";
