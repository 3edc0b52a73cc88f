/** The members of the V4 family, as data. What differs beyond data is in canonical.ts. */

export interface SignatureScheme {
  readonly name: "oss4" | "aws4";
  /** First word of the Authorization header and of the string to sign. */
  readonly algorithm: string;
  /** Put in front of the secret before the first HMAC. */
  readonly secretPrefix: string;
  /** The only accepted service of a credential scope. */
  readonly service: string;
  /** Last part of a credential scope. */
  readonly terminator: string;
  /** Member of the Authorization header that lists header names. */
  readonly headerListField: string;
  readonly dateHeader: string;
  readonly payloadHashHeader: string;
  readonly tokenHeader: string;
  /** Names of the query parameters of a request signed in its query. */
  readonly parameters: {
    readonly algorithm: string;
    readonly credential: string;
    readonly date: string;
    readonly expires: string;
    readonly headerList: string;
    readonly signature: string;
    readonly token: string;
  };
}

/** `OSS4-HMAC-SHA256`. Source: the signers of the OSS Python and Go clients. */
export const OSS4: SignatureScheme = {
  name: "oss4",
  algorithm: "OSS4-HMAC-SHA256",
  secretPrefix: "aliyun_v4",
  service: "oss",
  terminator: "aliyun_v4_request",
  headerListField: "AdditionalHeaders",
  dateHeader: "x-oss-date",
  payloadHashHeader: "x-oss-content-sha256",
  tokenHeader: "x-oss-security-token",
  parameters: {
    algorithm: "x-oss-signature-version",
    credential: "x-oss-credential",
    date: "x-oss-date",
    expires: "x-oss-expires",
    headerList: "x-oss-additional-headers",
    signature: "x-oss-signature",
    token: "x-oss-security-token",
  },
};

/** `AWS4-HMAC-SHA256` of S3 Vectors. Source: AWS, "Signature Version 4 signing process". */
export const AWS4_S3_VECTORS: SignatureScheme = {
  name: "aws4",
  algorithm: "AWS4-HMAC-SHA256",
  secretPrefix: "AWS4",
  service: "s3vectors",
  terminator: "aws4_request",
  headerListField: "SignedHeaders",
  dateHeader: "x-amz-date",
  payloadHashHeader: "x-amz-content-sha256",
  tokenHeader: "x-amz-security-token",
  parameters: {
    algorithm: "X-Amz-Algorithm",
    credential: "X-Amz-Credential",
    date: "X-Amz-Date",
    expires: "X-Amz-Expires",
    headerList: "X-Amz-SignedHeaders",
    signature: "X-Amz-Signature",
    token: "X-Amz-Security-Token",
  },
};

/** Stands for the hash of a body that is not signed. */
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";
/** Distance of the caller's clock from ours, ms. Source: 15 minutes in OSS and AWS. */
export const CLOCK_SKEW_MS_MAX = 900_000;
/** Life of a request signed in its query, seconds: seven days, as in both vendors' V4. */
export const EXPIRES_SECONDS_MAX = 604_800;
/** Characters of an Authorization header; real ones have 200 to 600. */
export const AUTHORIZATION_CHARS_MAX = 4_096;
/**
 * Names in a list of signed headers; more than node:http takes headers by default would be idle.
 */
export const SIGNED_HEADERS_MAX = 100;
