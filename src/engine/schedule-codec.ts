/** Warm schedules as the row of their collection has them. ON DISK: docs/formats/catalogue.md. */
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { WEEKDAYS, type NamedWarmSchedule } from "../model/index.ts";

export function encodeSchedules(writer: ByteWriter, all: readonly NamedWarmSchedule[]): void {
  writer.varint(all.length);
  for (const { name, tenants, days, from, to, zone } of all) {
    // ON DISK: a bit a day, Monday the lowest.
    const bits = WEEKDAYS.map((day, i) => (days.includes(day) ? 1 << i : 0));
    writer.string(name).uint8(bits.reduce((sum, bit) => sum | bit, 0));
    writer.string(from).string(to).string(zone).varint(tenants.length);
    for (const tenant of tenants) writer.string(tenant);
  }
}

export function decodeSchedules(reader: ByteReader): readonly NamedWarmSchedule[] {
  return Array.from({ length: reader.varint() }, () => {
    const name = reader.string();
    const bits = reader.uint8();
    const days = WEEKDAYS.filter((_, i) => (bits & (1 << i)) !== 0);
    const [from, to, zone] = [reader.string(), reader.string(), reader.string()];
    const tenants = Array.from({ length: reader.varint() }, () => reader.string());
    return { name, tenants, days, from, to, zone };
  });
}
