/**
 * Where a request is addressed: the service or one bucket, told by host and path.
 *
 * Real traffic names the bucket in the host, `{bucket}-{accountId}.{region}.{domain}`; the Go
 * client writes it into the path when its endpoint is an IP address. Bucket names may contain
 * hyphens and account ids are digits, so the label is split at its last hyphen.
 */
import { ossFault } from "./errors.ts";

/** What host and path say. */
export interface OssAddress {
  /** As written by the client; undefined at the service level. */
  readonly bucket: string | undefined;
  /** Of the host; undefined when the address has none, then the key's own account is meant. */
  readonly accountId: string | undefined;
  /** Host with port under which this server was reached, without the bucket's label. */
  readonly endpoint: string;
  /** Host without port, for error bodies. */
  readonly hostName: string;
}

export interface AddressSettings {
  /** Lower case, without port. */
  readonly publicDomain?: string;
  readonly accountId: string;
}

const VENDOR_DOMAIN = "oss-vectors.aliyuncs.com";
/**
 * Under an unknown domain a first label is a bucket when it ends in this many digits, the length of
 * real account ids; a machine called `node-12` is not one.
 */
const FOREIGN_ACCOUNT_DIGITS_MIN = 6;
const BUCKET_LABEL = /^(.+)-(\d+)$/;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** @throws InsulaError with the fault InvalidArgument when the path names an object. */
export function parseAddress(
  request: { readonly host: string; readonly path: string },
  settings: AddressSettings,
): OssAddress {
  const { hostName, port } = splitPort(request.host);
  const label = bucketLabel(hostName, settings);
  const inPath = /^\/*$/.test(request.path) ? undefined : bucketInPath(request.path);
  if (label === undefined) {
    return { bucket: inPath, accountId: undefined, endpoint: request.host, hostName };
  }
  if (inPath !== undefined) {
    throw ossFault("InvalidArgument", "Cannot route the request: a vector bucket has no objects.");
  }
  const endpoint = `${hostName.slice(label.text.length + 1)}${port}`;
  return { bucket: label.bucket, accountId: label.accountId, endpoint, hostName };
}

interface BucketLabel {
  readonly text: string;
  readonly bucket: string;
  readonly accountId: string;
}

/** The first label of the host, when it names a bucket. */
function bucketLabel(hostName: string, settings: AddressSettings): BucketLabel | undefined {
  const lower = hostName.toLowerCase();
  if (lower === "localhost" || lower.startsWith("[") || IPV4.test(lower)) return undefined;
  const dot = hostName.indexOf(".");
  const text = dot < 0 ? hostName : hostName.slice(0, dot);
  const parts = dot < 0 ? null : BUCKET_LABEL.exec(text);
  const [, bucket, accountId] = parts ?? [];
  if (bucket === undefined || accountId === undefined) return undefined;
  const label = { text, bucket, accountId };
  // `ap-southeast-1.oss-vectors.aliyuncs.com` is the service of a region, not a bucket.
  if (lower.endsWith(`.${VENDOR_DOMAIN}`)) {
    return labelsBefore(lower, VENDOR_DOMAIN) >= 2 ? label : undefined;
  }
  const { publicDomain } = settings;
  if (publicDomain !== undefined) {
    if (lower === publicDomain) return undefined;
    if (lower.endsWith(`.${publicDomain}`) && labelsBefore(lower, publicDomain) >= 2) return label;
  }
  const isAccount = accountId === settings.accountId;
  return isAccount || accountId.length >= FOREIGN_ACCOUNT_DIGITS_MIN ? label : undefined;
}

function labelsBefore(hostName: string, domain: string): number {
  return hostName.slice(0, hostName.length - domain.length - 1).split(".").length;
}

function bucketInPath(path: string): string {
  const end = path.indexOf("/", 1);
  if (end >= 0 && end !== path.length - 1) {
    throw ossFault("InvalidArgument", "Cannot route the request: a vector bucket has no objects.");
  }
  const segment = end < 0 ? path.slice(1) : path.slice(1, end);
  try {
    return decodeURIComponent(segment);
  } catch {
    throw ossFault("InvalidArgument", "Cannot route the request: its path is not valid UTF-8.");
  }
}

/** The port keeps its colon; empty when there is none. */
function splitPort(host: string): { readonly hostName: string; readonly port: string } {
  const match = /:\d*$/.exec(host);
  if (match === null || (host.startsWith("[") && !host.includes("]:"))) {
    return { hostName: host, port: "" };
  }
  return { hostName: host.slice(0, match.index), port: match[0] };
}

/** The host of the same service inside the vendor's network; elsewhere there is only one. */
export function intranetEndpoint(endpoint: string): string {
  return endpoint.replace(
    /^([a-z0-9-]+?)(?:-internal)?(\.oss-vectors\.aliyuncs\.com(?::\d+)?)$/,
    "$1-internal$2",
  );
}
