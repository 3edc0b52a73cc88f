import { describe, expect, test } from "vitest";
import { readTraceSettings, TRACE_QUEUE_SPANS_MAX } from "./trace-settings.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

function settingsOf(more: Record<string, string> = {}) {
  const { settings, warnings } = readTraceSettings({ ...ENDPOINT, ...more });
  expect(warnings).toEqual([]);
  return settings;
}

describe("the standard variables of OpenTelemetry", () => {
  test("without an endpoint there are no traces", () => {
    const environment = { OTEL_SERVICE_NAME: "x", OTEL_TRACES_EXPORTER: "otlp" };
    expect(readTraceSettings(environment)).toEqual({ settings: undefined, warnings: [] });
    expect(readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: " " }).settings).toBeUndefined();
  });

  test.each([{ OTEL_SDK_DISABLED: "TRUE" }, { OTEL_TRACES_EXPORTER: "none" }])(
    "%j is off",
    (more) => {
      expect(settingsOf(more)).toBeUndefined();
    },
  );

  test("have the defaults of the specification", () => {
    expect(settingsOf()).toEqual({
      url: "http://collector:4318/v1/traces",
      headers: {},
      timeoutMs: 10_000,
      isGzip: false,
      resource: { "service.name": "insula" },
      sampler: { ratio: 1, isParentBased: true },
      queueSpansMax: 2_048,
      batchSpansMax: 512,
      delayMs: 5_000,
    });
  });

  test("for traces win over those for everything", () => {
    const settings = settingsOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://all:4318/base/",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces/here",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "Authorization=Bearer%20x, B=2",
      OTEL_EXPORTER_OTLP_TIMEOUT: "5",
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "7",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    });
    expect(settings).toMatchObject({
      url: "https://traces/here",
      headers: { authorization: "Bearer x", b: "2" },
      timeoutMs: 7,
      isGzip: true,
    });
    const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://all:4318/base/" };
    expect(settingsOf(base)?.url).toBe("http://all:4318/base/v1/traces");
  });

  test("name the service and the resource", () => {
    const resource = settingsOf({
      OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment=a%2Cb",
      OTEL_SERVICE_NAME: "vectors",
    })?.resource;
    expect(resource).toEqual({ "service.name": "vectors", "deployment.environment": "a,b" });
  });

  test.each([
    ["always_on", undefined, { ratio: 1, isParentBased: false }],
    ["always_off", undefined, { ratio: 0, isParentBased: false }],
    ["traceidratio", "0.25", { ratio: 0.25, isParentBased: false }],
    ["parentbased_traceidratio", "1e-3", { ratio: 0.001, isParentBased: true }],
    ["parentbased_always_off", "0.5", { ratio: 0, isParentBased: true }],
  ])("the sampler %s with %s", (name, argument, sampler) => {
    const more = {
      OTEL_TRACES_SAMPLER: name,
      ...(argument !== undefined && { OTEL_TRACES_SAMPLER_ARG: argument }),
    };
    expect(settingsOf(more)?.sampler).toEqual(sampler);
  });

  test("bound the queue and the batch", () => {
    const more = { OTEL_BSP_MAX_QUEUE_SIZE: "999999999", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "9" };
    expect(settingsOf(more)).toMatchObject({
      queueSpansMax: TRACE_QUEUE_SPANS_MAX,
      batchSpansMax: 9,
    });
    const small = { OTEL_BSP_MAX_QUEUE_SIZE: "3" };
    expect(settingsOf(small)).toMatchObject({ queueSpansMax: 3, batchSpansMax: 3 });
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "hush://x" }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:hush@collector:4318" }, true],
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, true],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, true],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, false],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "a b=hush" }, false],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "a=hush%0D%0AX: y" }, false],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "hush" }, false],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "-1" }, false],
    [{ OTEL_BSP_SCHEDULE_DELAY: "soon" }, false],
    [{ OTEL_TRACES_SAMPLER: "xray" }, false],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, false],
    [{ OTEL_RESOURCE_ATTRIBUTES: "hush" }, false],
  ])(
    "what is wrong in %j is said without its value, and is no reason not to start",
    (more, isOff) => {
      const { settings, warnings } = readTraceSettings({ ...ENDPOINT, ...more });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).not.toContain("hush");
      expect(settings === undefined).toBe(isOff);
    },
  );
});
