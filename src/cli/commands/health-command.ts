/** `insula health`: whether a server answers. For probes of containers; needs no secret. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Command } from "commander";
import { loadConfig } from "../../server/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import { createOutput } from "../output.ts";
import { addServerSettings, serverSources } from "../server-settings.ts";

/** Shorter than the time container runtimes give a probe. */
const ANSWER_MS_MAX = 4_000;
const BODY_CHARS_MAX = 64;

export function addHealthCommand(program: Command): void {
  const health = program.command("health").description("ask a server whether it is ready");
  addServerSettings(health)
    .addHelpText(
      "after",
      notes(
        ["insula health --http-port 8080"],
        `Without --url it asks the server that would be started here with the same settings. Ends with
0 when that is ready, with ${String(EXIT_CODES.unreachable)} when it stops or does not answer.`,
      ),
    )
    .action(async (options: Record<string, string>, command: Command) => {
      const { json, url } = command.optsWithGlobals<GlobalOptions>();
      const target = url ?? findOwnUrl(options, command);
      const state = await ask(new URL("/readyz", target), url === undefined);
      if (state !== "ready") {
        throw new CommandError(EXIT_CODES.unreachable, `The server at ${target} ${state}.`);
      }
      createOutput(json === true).result({ url: target, state }, () => `${target} is ready`);
    });
}

function findOwnUrl(options: Record<string, string>, command: Command): string {
  const { host, httpPort, tlsCert } = loadConfig(serverSources(options, command));
  if (httpPort === "off") {
    throw new CommandError(EXIT_CODES.usage, "Nothing listens: httpPort is off.");
  }
  // Who listens on all addresses listens on this one.
  const near = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  const authority = near.includes(":") ? `[${near}]` : near;
  return `${tlsCert === undefined ? "http" : "https"}://${authority}:${String(httpPort)}`;
}

/**
 * @param isOwn  our own listener: its certificate names a public host, not this address. Nothing is
 *   said to it that a stranger may not hear, so whose it is does not matter.
 */
function ask(url: URL, isOwn: boolean): Promise<string> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const call = request(url, { signal, agent: false, rejectUnauthorized: !isOwn }, (answer) => {
      const { statusCode = 0 } = answer;
      let body = "";
      answer.on("data", (part: Buffer) => {
        // A few bytes tell; a stranger may send for ever.
        if (body.length < BODY_CHARS_MAX) body += part.toString("latin1");
        else answer.destroy();
      });
      answer.on("close", () => {
        if (statusCode === 200 && body === "ok\n") resolve("ready");
        else if (statusCode === 503 && body === "stopping\n") resolve("is stopping");
        else resolve(`answers with status ${String(statusCode)}: it is no Insula server`);
      });
    });
    call.once("error", () => {
      resolve(signal.aborted ? "does not answer in time" : "cannot be reached");
    });
    call.end();
  });
}
