import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { insulaContract } from "../client/insula.contract.ts";
import { open } from "./index.ts";

insulaContract("embedded, in memory", async () => {
  const insula = await open({ workerCount: 0 });
  return { insula, close: () => insula.close() };
});

insulaContract("embedded, on a folder", async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), "insula-open-"));
  const insula = await open({ dataDir });
  return {
    insula,
    close: async () => {
      await insula.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});
