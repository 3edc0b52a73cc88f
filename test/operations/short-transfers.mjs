/**
 * Loaded before a server: the system takes and gives half of what it is asked for, as it may. Each
 * thread says once, on the error stream, that it met such a transfer.
 */
import fs from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const half = (length) => Math.ceil(length / 2);
const { read, readSync, writeSync } = fs;
const told = new Set();
function tell(what) {
  if (told.has(what)) return;
  told.add(what);
  writeSync(2, `short ${what} of the ${isMainThread ? "main" : "other"} thread\n`);
}

fs.read = (descriptor, target, offset, length, position, callback) => {
  if (typeof length !== "number") {
    read(descriptor, target, offset, length, position, callback);
    return;
  }
  tell("read");
  read(descriptor, target, offset, half(length), position, callback);
};
fs.readSync = (descriptor, target, offset, length, position) => {
  if (typeof length !== "number") return readSync(descriptor, target, offset, length, position);
  tell("readSync");
  return readSync(descriptor, target, offset, half(length), position);
};
fs.writeSync = (descriptor, source, offset, length, position) => {
  if (typeof position !== "number") return writeSync(descriptor, source, offset, length, position);
  tell("writeSync");
  return writeSync(descriptor, source, offset, half(length), position);
};
syncBuiltinESMExports();

const handle = await open(new URL(import.meta.url), "r");
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { write } = prototype;
prototype.write = function (source, offset, length, position) {
  if (typeof length !== "number") return write.call(this, source, offset, length, position);
  tell("write");
  return write.call(this, source, offset, half(length), position);
};
