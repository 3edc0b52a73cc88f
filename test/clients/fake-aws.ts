/**
 * The parts of AWS that `s3vectors-embed` needs besides S3 Vectors: who the caller is (STS), a
 * model that makes vectors (Bedrock), and the way to an address it does not let one change.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";

/** The one host the command asks for S3 Vectors, whatever its settings say. */
export const AWS_HOST = "s3vectors.us-east-1.api.aws";

export interface FakeAws {
  /** Of STS and Bedrock, and of the proxy that leads {@link AWS_HOST} to a server of ours. */
  readonly url: string;
  /** Texts that were embedded. */
  readonly texts: readonly string[];
  stop(): Promise<void>;
}

/** @param target  the server that stands where the vendor's would. */
export async function startFakeAws(target: URL): Promise<FakeAws> {
  const texts: string[] = [];
  const server = createServer((request, response) => {
    void readText(request).then((body) => {
      const isModel = request.url?.startsWith("/model/") === true;
      response.setHeader("content-type", isModel ? "application/json" : "text/xml");
      response.end(isModel ? embed(body, texts) : CALLER);
    });
  });
  server.on("connect", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    if (request.url !== `${AWS_HOST}:443`) {
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const upstream = connect(Number(target.port), target.hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
    client.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(port)}`, texts, stop: () => stop(server) };
}

const CALLER = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/test</Arn><UserId>TEST</UserId>
<Account>123456789012</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`;

/** Counts words: texts with words in common are near. */
function embed(body: string, texts: string[]): string {
  const { inputText, dimensions = 1_536 } = JSON.parse(body) as {
    inputText: string;
    dimensions?: number;
  };
  texts.push(inputText);
  const embedding = new Array<number>(dimensions).fill(0);
  for (const word of inputText.toLowerCase().match(/\p{L}+/gu) ?? ["none"]) {
    let hash = 0;
    for (const letter of word) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
    embedding[hash % dimensions] = (embedding[hash % dimensions] ?? 0) + 1;
  }
  return JSON.stringify({ embedding, inputTextTokenCount: 1 });
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
