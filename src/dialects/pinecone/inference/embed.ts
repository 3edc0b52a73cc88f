/** POST /embed: a vector for each text. */
import { estimateTokens } from "../../../embed/index.ts";
import { printFloat32Array, type JsonObject } from "../../../wire/index.ts";
import { readBody, type ControlAnswer, type ControlCall } from "../control/call.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { asObject, readInteger, readList, readObject, requireText } from "../rest/members.ts";
import { findEmbedder, openModel } from "./models.ts";
import { readParameters } from "./parameters.ts";

/** No data are read or written: every key may. */
export async function embed(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller } = call;
  const body = await readBody(call, PINECONE_LIMITS.inferenceBodyBytesMax);
  const texts = readInputs(body);
  const model = await findEmbedder(server.context, requireText(body, "model"));
  const parameters = readObject(body, "parameters") ?? {};
  readParameters(parameters);
  const embedder = await openModel(server.context, model, readInteger(parameters, "dimension"));
  const vectors = await embedder.embed(texts, caller.signal);
  const data = vectors.map(
    (vector) => `{"values":${printFloat32Array(vector)},"vector_type":"dense"}`,
  );
  const usage = { total_tokens: sumTokens(texts) };
  const head = `{"model":${JSON.stringify(model.name)},"vector_type":"dense"`;
  return { status: 200, text: `${head},"data":[${data.join()}],"usage":${JSON.stringify(usage)}}` };
}

function sumTokens(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + estimateTokens(text), 0);
}

function readInputs(body: JsonObject): readonly string[] {
  const { textsMax } = PINECONE_LIMITS;
  const inputs = readList(body, "inputs");
  if (inputs.length < 1 || inputs.length > textsMax) {
    throw refusal(`inputs must have 1 to ${String(textsMax)} items`);
  }
  return inputs.map((input) =>
    typeof input === "string" ? input : requireText(asObject(input, "An input"), "text"),
  );
}
