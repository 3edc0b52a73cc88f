import { describe, expect, it } from "vitest";
import {
  judgeClock,
  judgeDisk,
  judgeFolder,
  judgeHandles,
  judgeMemory,
  judgeNode,
  judgePort,
} from "./doctor.ts";

const GIB = 1024 ** 3;

describe("the doctor", () => {
  it("wants Node 20.19", () => {
    expect(judgeNode("v20.18.3").state).toBe("failed");
    expect(judgeNode("v20.19.0").state).toBe("ok");
    expect(judgeNode("v24.1.0").state).toBe("ok");
  });

  it("compares the memory budget with what there is", () => {
    const budget = (bytes: number) => ({ bytes, source: "given" as const });
    expect(judgeMemory(budget(GIB), 2 * GIB).state).toBe("ok");
    expect(judgeMemory(budget(1.9 * GIB), 2 * GIB).state).toBe("warning");
    expect(judgeMemory(budget(3 * GIB), 2 * GIB).state).toBe("failed");
  });

  it("counts file handles, disk and clock", () => {
    expect(judgeHandles(undefined, 1).state).toBe("ok");
    expect(judgeHandles(100, 1).state).toBe("failed");
    expect(judgeHandles(1_024, 10_000).state).toBe("warning");
    expect(judgeDisk(100 * 1024 ** 2).state).toBe("failed");
    expect(judgeDisk(GIB).state).toBe("warning");
    expect(judgeDisk(10 * GIB).state).toBe("ok");
    expect(judgeClock(0, 1_000, 1_000).state).toBe("ok");
    expect(judgeClock(60_000, 0, 1_000).state).toBe("warning");
    expect(judgeClock(0, 100_000, 1_000).state).toBe("failed");
  });

  it("looks at the folder and the port", () => {
    const folder = { path: "x", exists: true, isWritable: true, exposed: [] };
    expect(judgeFolder(folder).state).toBe("ok");
    expect(judgeFolder({ ...folder, isWritable: false }).state).toBe("failed");
    expect(judgeFolder({ ...folder, exposed: ["admin-secret"] }).message).toContain("admin-secret");
    expect(judgeFolder({ ...folder, exists: false }).message).toContain("will be made");
    expect(judgePort(8080, "taken").state).toBe("failed");
    expect(judgePort(8080, "ours").state).toBe("ok");
    expect(judgePort("off", "off").state).toBe("ok");
  });
});
