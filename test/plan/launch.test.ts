import { afterEach, expect, spyOn, test } from "bun:test";
import fs from "node:fs";
import { bubblewrap, type Observed } from "../../src/backends/bubblewrap.ts";
import type { Host } from "../../src/host.ts";
import { describeLaunch } from "../../src/launch-json.ts";
import { createPlan, type PlanInput } from "../../src/plan/create.ts";
import { sampleHost, sampleInput, samplePolicy } from "./sample.ts";

const observed: Observed = {
  bwrap: "/usr/bin/bwrap",
  isOwn: false,
  isSetuid: false,
  version: [0, 8, 0],
  cgroups: { kind: "v2", parent: "/sys/fs/cgroup/user.slice", controllers: ["cpu", "memory", "pids"] },
  arch: "x64",
  leakyProc: ["/proc/kcore", "/proc/keys"],
};

const launchOf = (input: PlanInput, seen = observed) => bubblewrap.compile(createPlan(input), seen);

/** The filter's size is left out: its bytes have tests of their own. */
const render = (input: PlanInput, seen = observed): string =>
  JSON.stringify(
    describeLaunch(launchOf(input, seen)),
    (_key, value) => (value?.name === "seccomp" ? { ...value, size: undefined } : value),
    1,
  );

const terminalHost: Host = { ...sampleHost, uid: 0, gid: 0, tty: { stdin: true, stdout: true, stderr: false } };

const freeze = <T>(value: T): T => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
};

afterEach(() => {
  for (const undo of undos.splice(0)) undo();
});
const undos: (() => void)[] = [];

/** From now to the end of the test, whoever looks at the machine, the clock or chance throws. */
const forbidLooks = () => {
  const refuse = (name: string) => () => {
    throw new Error(`not pure: ${name}`);
  };
  const forbid = (owner: object, label: string, names: string[]) => {
    for (const name of names) {
      const spy = spyOn(owner as Record<string, () => void>, name).mockImplementation(refuse(`${label}.${name}`));
      undos.push(() => spy.mockRestore());
    }
  };
  const callable = Object.keys(fs).filter(
    (name) => /^[a-z]/.test(name) && typeof fs[name as "openSync"] === "function",
  );
  forbid(fs, "fs", callable);
  forbid(Date, "Date", ["now"]);
  forbid(Math, "Math", ["random"]);
  forbid(crypto, "crypto", ["getRandomValues", "randomUUID"]);
  forbid(performance, "performance", ["now"]);
  forbid(Bun, "Bun", ["spawn", "spawnSync"]);
  forbid(process, "process", ["cwd"]);
  const env = process.env;
  process.env = new Proxy({}, { get: refuse("process.env"), has: refuse("process.env") });
  undos.push(() => {
    process.env = env;
  });
};

test("the launch of a restricted run", () => {
  expect(render(sampleInput())).toMatchSnapshot();
});

test("the launch of an open run on a terminal, as root, with nested sandboxes and without control groups", () => {
  const policy = {
    ...samplePolicy,
    network: { ...samplePolicy.network, mode: "open" as const },
    resources: {},
    widen: new Set(["userns"] as const),
  };
  expect(render(sampleInput(policy, terminalHost), { ...observed, cgroups: undefined, isOwn: true })).toMatchSnapshot();
});

test("planning and compiling change nothing that they get, and give the same twice", () => {
  const input = freeze(sampleInput());
  const plan = freeze(createPlan(input));
  const first = bubblewrap.compile(plan, freeze(structuredClone(observed)));
  expect(bubblewrap.compile(createPlan(sampleInput()), observed)).toEqual(first);
});

test("planning and compiling look at nothing: no file, no environment, no clock, no chance", () => {
  const input = sampleInput();
  forbidLooks();
  const launch = launchOf(input);
  for (const undo of undos.splice(0)) undo();
  expect(launch.main.file).toBeString();
});

test("the forbidding notices a look", () => {
  forbidLooks();
  const looks = [() => fs.existsSync("/"), () => Date.now(), () => Math.random(), () => process.env["HOME"]];
  const caught = looks.map((look) => {
    try {
      look();
      return "nothing";
    } catch (cause) {
      return (cause as Error).message;
    }
  });
  for (const undo of undos.splice(0)) undo();
  expect(caught).toEqual([
    "not pure: fs.existsSync",
    "not pure: Date.now",
    "not pure: Math.random",
    "not pure: process.env",
  ]);
});

test("the program and its arguments stand at the end, one word each", () => {
  const { main } = launchOf(sampleInput());
  expect([main.file, ...main.args].slice(-6)).toEqual(["--", "/usr/bin/printf", "%s", "a b", "$(id)", ""]);
});

test("no path of the host and no secret stands in the arguments that every user can read", () => {
  const { main } = launchOf({ ...sampleInput(), command: ["/usr/bin/true"] });
  const visible = [main.file, ...main.args].join("\n");
  for (const hidden of ["/home/ada", "/srv/data", "sample-secret"]) expect(visible).not.toContain(hidden);
});

test("the environment that bubblewrap itself is started with is the one inside", () => {
  const { main } = launchOf(sampleInput());
  expect(main.env).toMatchObject({ HOME: "/home/ada", EXTRA: "asked for", GIVEN: "a=b c", TERM: "xterm-256color" });
  for (const name of ["LD_PRELOAD", "NODE_OPTIONS", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"])
    expect(main.env[name]).toBeUndefined();
  expect(main.env["PATH"]).toBe("/home/ada/.local/bin:/usr/bin:/bin");
});
