/**
 * Signatures of the V4 family: OSS (`OSS4-HMAC-SHA256`) and AWS (`AWS4-HMAC-SHA256`).
 *
 * One core for both: claim (what the request says) → canonical request → string to sign → HMAC
 * with a key derived per day and region. The schemes differ in names, which are data in scheme.ts,
 * and in how path, query and headers become canonical. Signer and verifier share all of it.
 *
 * Not here: who owns a key (access), which bucket a request means (the dialect).
 */
export { ossResourceUri } from "./canonical.ts";
export type { OssResource } from "./canonical.ts";
export type { SignableRequest, SignatureClaim } from "./claim.ts";
export { AWS4_S3_VECTORS, CLOCK_SKEW_MS_MAX, OSS4, UNSIGNED_PAYLOAD } from "./scheme.ts";
export type { SignatureScheme } from "./scheme.ts";
export { signHeaders, signQuery } from "./sign.ts";
export type { SignOptions } from "./sign.ts";
export { SigningKeyCache } from "./signing-key.ts";
export { verifySignature } from "./verify.ts";
export type { VerifiedRequest, VerifyOptions } from "./verify.ts";
