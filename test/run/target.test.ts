import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Lab, type Started } from "./lab.ts";

setDefaultTimeout(60_000);
let lab: Lab;
let run: Started;
beforeEach(async () => {
  lab = createLab(process.getuid?.() ?? 0);
  run = await lab.start("sleep 600");
});
afterEach(() => lab.close());

/** Makes the run's status name another process, as if the sandbox's pid had been used again. */
const pretend = (pid: number): void => {
  const file = path.join(lab.runs, run.id, "status.json");
  const text = fs.readFileSync(file, "utf8");
  fs.writeFileSync(file, text.replace(/"child-pid": \d+/, `"child-pid": ${pid}`));
};

const refused = () => {
  const done = lab.cordon(["exec", run.id, "sh", "-c", "touch done"]);
  expect(done.code).toBe(125);
  expect(done.stderr).toContain("cannot be joined");
  expect(fs.existsSync(path.join(lab.at("project"), "done"))).toBe(false);
};

test("a process of the host is not taken for the sandbox", () => {
  const child = spawn("sh", ["-c", "sleep 600 & wait"], { stdio: "ignore" });
  pretend(child.pid!);
  refused();
  child.kill("SIGKILL");
});

test("nor is another run's sandbox", async () => {
  const other = await lab.start("sleep 600");
  pretend(lab.firstProcess(other.id));
  refused();
});

test("limits that cannot be joined are not left out", () => {
  const file = path.join(lab.runs, run.id, "run.json");
  const record = JSON.parse(fs.readFileSync(file, "utf8"));
  const groups = [path.join(lab.directory, "no-such-group")];
  fs.writeFileSync(file, JSON.stringify({ ...record, join: { ...record.join, groups } }));
  const done = lab.cordon(["exec", run.id, "true"]);
  expect(done.code).toBe(125);
  expect(done.stderr).toContain("limits");
});

test("a filter that the kernel does not take is not left out", () => {
  const file = path.join(lab.runs, run.id, "run.json");
  const record = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const filter of ["", Buffer.alloc(8, 0xff).toString("base64")]) {
    fs.writeFileSync(file, JSON.stringify({ ...record, join: { ...record.join, filter } }));
    const done = lab.cordon(["exec", run.id, "true"]);
    expect(done.code).toBe(125);
    expect(done.stderr).toContain("system call filter");
  }
});
