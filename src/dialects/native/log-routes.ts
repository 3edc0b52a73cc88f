/** What the process logs, asked and changed while it runs. */
import { InsulaError } from "../../base/errors.ts";
import { LOG_LEVELS } from "../../base/log-level.ts";
import type { LogLevelDoor } from "../dialect.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { withBody, type Call, type Route } from "./route.ts";
import { choice, object } from "./schema.ts";

export const LOG_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "log-level",
    operation: "GetLogLevel",
    area: "admin",
    status: 200,
    summary: "What the server logs now.",
    run: async (call) => Promise.resolve({ level: doorOf(call).read() }),
  },
  withBody({
    method: "PUT",
    pattern: "log-level",
    operation: "SetLogLevel",
    area: "admin",
    status: 200,
    summary: "Changes what the server logs, until it stops.",
    takes: {
      schema: object(
        { level: choice(LOG_LEVELS, "from nothing to everything") },
        "What is logged from now on.",
      ),
      bytesMax: NATIVE_LIMITS.catalogBodyBytesMax,
    },
    run: async (call, { level }) => {
      doorOf(call).set(level);
      return Promise.resolve({ level });
    },
  }),
];

function doorOf({ context }: Call): LogLevelDoor {
  if (context.logLevel !== undefined) return context.logLevel;
  throw new InsulaError("operation_unsupported", "Cannot answer: this process keeps no log.");
}
