/** Texts to vectors, by an embedder of this process. */
import { InsulaError } from "../../base/errors.ts";
import { BUILT_IN_MODEL, createBuiltInEmbedder, type Embedder } from "../../embed/index.ts";
import { printFloat32Array } from "../../wire/index.ts";
import type { DialectContext } from "../dialect.ts";
import { EMBED_BODY, type EmbedBody } from "./bodies.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { JsonText } from "./records-json.ts";
import { withBody, type Call, type Route } from "./route.ts";

async function embed({ context, request }: Call, body: EmbedBody): Promise<JsonText> {
  const embedder = embedderFor(context, body);
  const vectors = await embedder.embed(body.texts, request.signal);
  const head = { model: embedder.model, dimension: embedder.dimension };
  const printed = vectors.map(printFloat32Array).join();
  return new JsonText(`${JSON.stringify(head).slice(0, -1)},"vectors":[${printed}]}`);
}

/** @throws InsulaError `argument_invalid` for a model that is not here. */
function embedderFor(
  { clock }: DialectContext,
  { model = BUILT_IN_MODEL, dimension }: EmbedBody,
): Embedder {
  if (model !== BUILT_IN_MODEL) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot embed: unknown model: expected ${BUILT_IN_MODEL}, received ${JSON.stringify(model.slice(0, 64))}.`,
    );
  }
  return createBuiltInEmbedder({
    ...(dimension === undefined ? {} : { dimension }),
    rest: () => clock.yield?.() ?? Promise.resolve(),
  });
}

export const EMBED_ROUTES: readonly Route[] = [
  withBody({
    method: "POST",
    pattern: "embed",
    operation: "Embed",
    area: "open", // no data is read or written
    status: 200,
    summary: "One vector of length 1 per text.",
    takes: { schema: EMBED_BODY, bytesMax: NATIVE_LIMITS.embedBodyBytesMax },
    run: embed,
  }),
];
