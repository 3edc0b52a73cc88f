/**
 * Runs cases with the AWS SDK for JavaScript and prints one JSON line for each.
 *
 * Endpoint and key come from the environment, as test/clients/run.ts sets them, by the names the
 * vendor's clients read themselves: AWS_ENDPOINT_URL_S3VECTORS, AWS_REGION, AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY. INSULA_TEST_NODE is the package.json beside the installed clients.
 */
import assert from "node:assert/strict";
import { load } from "./cases.mjs";

export { load, near, runCases, testCase } from "./cases.mjs";

export const sdk = load("@aws-sdk/client-s3vectors");
export const URL_BASE = process.env.INSULA_TEST_URL;
export const ACCOUNT = process.env.INSULA_TEST_ACCOUNT;
export const REGION = "us-east-1";

const { S3VectorsClient } = sdk;

/** One attempt only, so that a refusal is seen as it came. */
export function makeClient(options = {}) {
  return new S3VectorsClient({ maxAttempts: 1, ...options });
}

/** Sends an operation by its name: `send("GetIndex", { … })`. */
export function sender(client) {
  return (name, input = {}) => client.send(new sdk[`${name}Command`](input));
}

/**
 * The call must fail with the vendor's class for the error, as the SDK itself read it.
 *
 * @param name  of a class of the SDK, or of an error that the service's model has no class for.
 */
export async function refused(name, status, call) {
  let error;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  assert(error !== undefined, `expected ${name}, but the call succeeded`);
  assert.equal(error.name, name, error.stack);
  if (sdk[name] !== undefined) assert(error instanceof sdk[name], `not of the class ${name}`);
  assert(error instanceof sdk.S3VectorsServiceException, "not an error of the service");
  assert.equal(error.$fault, status < 500 ? "client" : "server");
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.match(error.$metadata.requestId, /^[0-9A-F]{24}$/);
  assert.equal(error.$metadata.attempts, 1);
  return error;
}

export function row(key, float32, metadata) {
  return { key, data: { float32 }, ...(metadata === undefined ? {} : { metadata }) };
}

/** The SDK's paginators write their tokens into the input: give them one of their own. */
export async function collect(pages, member) {
  const items = [];
  const sizes = [];
  for await (const page of pages) {
    items.push(...page[member]);
    sizes.push(page[member].length);
  }
  return { items, sizes };
}
