import { HttpChannel, type ServerAddress } from "./http-channel.ts";
import { InsulaHandle } from "./insula-handle.ts";
import type { Insula } from "./insula.ts";
import { RemoteCalls } from "./remote-calls.ts";

/**
 * A database behind HTTP, with the same face as one in this process. Asks the server once, so that
 * a wrong address or secret shows here. Keeps no connection of its own and no timer: a program that
 * is done exits by itself.
 *
 * @throws InsulaError `credentials_unknown`; `io_failed` when nobody answers, or somebody else.
 */
export async function connect(address: ServerAddress): Promise<Insula> {
  const channel = new HttpChannel(address);
  await channel.send("caller");
  return new InsulaHandle(new RemoteCalls(channel));
}
