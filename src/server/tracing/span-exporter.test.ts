import { afterEach, beforeEach, expect, test } from "vitest";
import { NodeClock } from "../../io/index.ts";
import { readTraceSettings } from "../trace-settings.ts";
import { FakeCollector } from "./fake-collector.contract.ts";
import type { Span } from "./span.ts";
import { SpanExporter } from "./span-exporter.ts";

let collector: FakeCollector;
let counts: { sent: number; dropped: number };
let warnings: string[];

beforeEach(async () => {
  collector = await FakeCollector.open();
  counts = { sent: 0, dropped: 0 };
  warnings = [];
});
afterEach(() => {
  collector.close();
});

function open(environment: Record<string, string> = {}): SpanExporter {
  const { settings } = readTraceSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "0",
    ...environment,
  });
  if (settings === undefined) throw new TypeError("no settings");
  return new SpanExporter({
    settings,
    clock: new NodeClock(),
    log: { warn: (facts) => warnings.push(JSON.stringify(facts)) },
    version: "1",
    count: (outcome, spans) => (counts[outcome] += spans),
  });
}

function span(name: string): Span {
  return {
    traceId: "0".repeat(31) + "1",
    spanId: "0".repeat(15) + "2",
    parentId: undefined,
    name,
    kind: "server",
    startMs: 1_764_000_000_000.5,
    endMs: 1_764_000_000_001.25,
    attributes: { text: "x", whole: 7, part: 0.5, yes: true },
    isFailed: false,
  };
}

test("spans arrive with exact times, typed attributes, resource and headers", async () => {
  const exporter = open({
    OTEL_EXPORTER_OTLP_HEADERS: "x-token=abc",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_SERVICE_NAME: "vectors",
  });
  exporter.add([span("a")]);
  await exporter.close();
  expect(collector.requests[0]).toMatchObject({
    path: "/v1/traces",
    headers: { "x-token": "abc", "content-type": "application/json", "content-encoding": "gzip" },
  });
  expect(collector.resources[0]).toEqual([
    { key: "service.name", value: { stringValue: "vectors" } },
  ]);
  expect(collector.spans).toEqual([
    {
      traceId: "00000000000000000000000000000001",
      spanId: "0000000000000002",
      name: "a",
      kind: 2,
      startTimeUnixNano: "1764000000000500000",
      endTimeUnixNano: "1764000000001250000",
      attributes: [
        { key: "text", value: { stringValue: "x" } },
        { key: "whole", value: { intValue: "7" } },
        { key: "part", value: { doubleValue: 0.5 } },
        { key: "yes", value: { boolValue: true } },
      ],
    },
  ]);
  expect(counts).toEqual({ sent: 1, dropped: 0 });
});

test("a batch is sent again after a passing failure, and given up after three tries", async () => {
  collector.statuses.push(503, 429);
  const exporter = open();
  exporter.add([span("a")]);
  await collector.called(3);
  await exporter.close();
  expect(collector.spans.map(({ name }) => name)).toEqual(["a"]);
  expect(counts).toEqual({ sent: 1, dropped: 0 });
  expect(warnings).toEqual(['{"reason":"it answers with status 503"}']);
  collector.statuses.push(503, 503, 503);
  const other = open();
  other.add([span("b")]);
  await collector.called(6);
  await other.close();
  expect(counts).toEqual({ sent: 1, dropped: 1 });
});

test("a batch that is refused is dropped at once", async () => {
  collector.statuses.push(400);
  const exporter = open();
  exporter.add([span("a")]);
  await collector.called(1);
  await exporter.close();
  expect(collector.requests).toHaveLength(1);
  expect(counts).toEqual({ sent: 0, dropped: 1 });
});

test("what does not fit into the queue is dropped whole and counted, and nobody waits", async () => {
  collector.statuses.push(0);
  const exporter = open({ OTEL_BSP_MAX_QUEUE_SIZE: "4", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2" });
  exporter.add([span("a"), span("b")]);
  await collector.called(1); // a and b hang there
  exporter.add([span("c"), span("d"), span("e")]);
  exporter.add([span("f"), span("g")]);
  expect(counts).toEqual({ sent: 0, dropped: 2 });
  collector.close();
  await exporter.close();
  expect(counts.sent + counts.dropped).toBe(7);
});

test("a collector that is not there costs a warning without its address, and a stop ends", async () => {
  const exporter = open({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1/hush" });
  exporter.add([span("a")]);
  await exporter.close();
  expect(counts).toEqual({ sent: 0, dropped: 1 });
  expect(warnings).toHaveLength(1);
  expect(warnings.join("")).not.toContain("hush");
  exporter.add([span("b")]);
  expect(counts.dropped).toBe(2);
});
