/**
 * The smallest cluster of Ceph that answers S3: a monitor, one OSD in memory and a gateway, on
 * loopback and from unpacked packages, without systemd and without an installation.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { findFreePorts } from "../support/free-ports.ts";
import type { RealStore } from "./real-store.ts";
import { StorePlace } from "./store-place.ts";

const ROOT = path.resolve(".cache/stores/ceph");
const LIBRARIES = path.join(ROOT, "usr/lib/x86_64-linux-gnu");
const programOf = (name: string): string => path.join(ROOT, "usr/bin", name);

export function placeCeph(): StorePlace {
  return new StorePlace({
    PATH: `${path.join(ROOT, "usr/bin")}:${process.env["PATH"] ?? ""}`,
    LD_LIBRARY_PATH: [
      LIBRARIES,
      path.join(LIBRARIES, "ceph"),
      path.join(ROOT, "usr/lib/ceph"),
      path.join(ROOT, "lib/x86_64-linux-gnu"),
    ].join(":"),
    PYTHONPATH: path.join(ROOT, "usr/lib/python3/dist-packages"),
    PYTHONDONTWRITEBYTECODE: "1",
  });
}

interface Cluster {
  readonly id: string;
  /** Of the monitor, as both sides write it. */
  readonly monitor: string;
  readonly port: number;
}

export async function startCeph(place: StorePlace): Promise<RealStore> {
  const first = await findFreePorts(3);
  const monitor = `[v2:127.0.0.1:${String(first)},v1:127.0.0.1:${String(first + 1)}]`;
  const cluster = { id: randomUUID(), monitor, port: first + 2 };
  const settings = writeSettings(place, cluster);
  await makeKeys(place);
  await startMonitor(place, settings, cluster);
  await startDisk(place, settings);
  place.start(programOf("radosgw"), [...settings, "-n", "client.rgw.a", "-f"]);
  const endpoint = `http://127.0.0.1:${String(cluster.port)}`;
  await place.waitUntilAnswers(endpoint);
  const [keyId, secret] = [randomBytes(10).toString("hex"), randomBytes(20).toString("hex")];
  const user = ["--uid=insula", "--display-name=insula", `--access-key=${keyId}`];
  const words = [...settings, "user", "create", ...user, `--secret-key=${secret}`];
  await place.run(programOf("radosgw-admin"), words);
  const said = await place.run(programOf("radosgw"), ["--version"]);
  const version = /version (\S+)/.exec(said)?.[1] ?? "";
  const [name, folder] = [`Ceph radosgw ${version}`, place.makeFolder("test")];
  return { name, endpoint, keyId, secret, folder };
}

/** @returns the words that name the settings, for every program */
function writeSettings({ folder }: StorePlace, { id, monitor, port }: Cluster): string[] {
  const file = path.join(folder, "ceph.conf");
  writeFileSync(
    file,
    `[global]
fsid = ${id}
mon host = ${monitor}
mon initial members = a
public network = 127.0.0.0/8
ms bind ipv6 = false
# Without it the gateway of version 16 asks for ever and answers nobody.
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${folder}/keyring
run dir = ${folder}
admin socket = ${folder}/$name.asok
pid file = ${folder}/$name.pid
log file = ${folder}/$name.log
crash dir = ${folder}
plugin dir = ${LIBRARIES}/ceph
erasure code dir = ${LIBRARIES}/ceph/erasure-code
osd class dir = ${LIBRARIES}/rados-classes
osd objectstore = memstore
memstore device bytes = 2147483648
# One copy on one OSD of one machine.
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd data = ${folder}/osd
[client.rgw.a]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${String(port)}
`,
  );
  return ["-c", file];
}

/** All of them before the first start: the monitor takes them up once. */
async function makeKeys(place: StorePlace): Promise<void> {
  const keyring = path.join(place.folder, "keyring");
  const all = "allow *";
  const holders: Readonly<Record<string, readonly string[]>> = {
    "mon.": ["mon", all],
    "client.admin": ["mon", all, "osd", all],
    "osd.0": ["mon", "allow profile osd", "osd", all],
    "client.rgw.a": ["mon", "allow rw", "osd", "allow rwx"],
  };
  for (const [i, [name, rights]] of Object.entries(holders).entries()) {
    const caps = rights.flatMap((right, j) => (j % 2 === 0 ? ["--cap", right] : [right]));
    const words = [keyring, ...(i === 0 ? ["--create-keyring"] : []), "--gen-key", "-n", name];
    await place.run(programOf("ceph-authtool"), [...words, ...caps]);
  }
}

async function startMonitor(
  place: StorePlace,
  settings: readonly string[],
  { id, monitor }: Cluster,
): Promise<void> {
  place.makeFolder("mon");
  const map = path.join(place.folder, "monmap");
  const program = programOf("ceph-mon");
  await place.run(programOf("monmaptool"), ["--create", "--addv", "a", monitor, "--fsid", id, map]);
  const keyring = path.join(place.folder, "keyring");
  const made = ["-i", "a", "--mkfs", "--monmap", map, "--keyring", keyring];
  await place.run(program, [...settings, ...made]);
  place.start(program, [...settings, "-i", "a", "-f"]);
}

async function startDisk(place: StorePlace, settings: readonly string[]): Promise<void> {
  place.makeFolder("osd");
  place.makeFolder("rgw");
  const id = randomUUID();
  const program = programOf("ceph-osd");
  await place.run(programOf("ceph"), [...settings, "osd", "new", id, "0"]);
  await place.run(program, [...settings, "-i", "0", "--mkfs", "--osd-uuid", id]);
  place.start(program, [...settings, "-i", "0", "-f"]);
}
