import { expect, test } from "bun:test";
import { bubblewrap, type Observed } from "../../src/backends/bubblewrap.ts";
import { planProbe } from "../../src/doctor/sandbox.ts";
import { gatherHost } from "../../src/host.ts";
import { explainPath } from "../../src/plan/explain.ts";
import { featuresOf, type Mount, type Plan } from "../../src/plan/plan.ts";

/** What becomes of an overlay in a plan, without starting anything. */

const overlay = (name: string, mode: "ro" | "rw" = "rw"): Mount => ({
  ...{
    kind: "overlay",
    target: `/project/${name}`,
    lower: `/host/${name}`,
    room: `/rooms/${name}`,
    mode,
    origin: "test",
  },
});
const planWith = (...mounts: Mount[]): Plan => ({ ...planProbe(gatherHost(), "none"), workdir: "/project", mounts });
const observed: Observed = {
  ...{ bwrap: "/usr/bin/bwrap", isOwn: false, isSetuid: false, version: [0, 8, 0], cgroups: undefined, arch: "x64" },
  ...{ leakyProc: [], overlay: { unshare: "/usr/bin/unshare", mount: "/usr/bin/mount" } },
};
const compile = (plan: Plan, changes: Partial<Observed> = {}) => {
  const { main } = bubblewrap.compile(plan, { ...observed, ...changes });
  const bytes = main.fds.flatMap((fd) => (fd.kind === "bytes" && fd.name === "args" ? [fd.bytes] : []))[0]!;
  return { main, words: [main.file, ...main.args], args: Buffer.from(bytes).toString().split("\0") };
};

test("the mount is made in front of bubblewrap, which binds it", () => {
  const { words, args } = compile(planWith(overlay("a")));
  expect(words.slice(0, 9)).toEqual([
    ...["/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--"],
    ...["/bin/sh", "-c"],
  ]);
  const options = "userxattr,lowerdir=lower,upperdir=upper,workdir=work";
  expect(words.slice(10, words.indexOf("--args"))).toEqual([
    ...["sh", "/usr/bin/mount", "", options, "/rooms/a", "/host/a", "--", "/usr/bin/bwrap"],
  ]);
  expect(args.slice(args.indexOf("/rooms/a/merged") - 1).slice(0, 3)).toEqual([
    ...["--bind", "/rooms/a/merged", "/project/a"],
  ]);
});

test("read-only, several, and behind the limits", () => {
  const cgroups = { kind: "v2", parent: "/groups", controllers: ["pids"] } as const;
  const plan = { ...planWith(overlay("a"), overlay("b", "ro")), resources: { pids: 9 } };
  const { words, args } = compile(plan, { cgroups: { ...cgroups, controllers: ["pids"] } });
  expect(words.slice(0, 2)).toEqual(["/bin/sh", "-c"]);
  expect(words[words.indexOf("/usr/bin/unshare") - 1]).toBe("--");
  expect(words.join(" ")).toContain(
    "workdir=work /rooms/a /host/a userxattr,lowerdir=upper:lower /rooms/b /host/b -- ",
  );
  expect(args.join(" ")).toContain("--ro-bind /rooms/b/merged /project/b");
});

test("a program that the sandbox could write is guarded by the mount, since no sealed copy can be reached", () => {
  const { main, words } = compile(planWith(overlay("a")), { isOwn: true });
  expect([main.sealed, words[12]]).toEqual([undefined, "/usr/bin/bwrap"]);
  expect(compile(planWith(), { isOwn: true }).main.sealed).toBe(0);
});

test("it is a feature, which needs its tools and a bubblewrap that is not setuid", () => {
  const plan = planWith(overlay("a"));
  expect(featuresOf(plan)).toContain("overlay");
  expect(featuresOf(planWith())).not.toContain("overlay");
  const enforces = (changes: Partial<Observed>) => bubblewrap.enforces({ ...observed, ...changes }).has("overlay");
  const { overlay: _, ...without } = observed;
  expect([enforces({}), enforces({ isSetuid: true }), bubblewrap.enforces(without).has("overlay")]).toEqual([
    ...[true, false, false],
  ]);
  expect(() => bubblewrap.compile(plan, without)).toThrow("not installed");
  expect(() => compile(planWith(overlay("a"), overlay("a")))).toThrow("once");
});

test("the tools are looked for only when a plan asks, and never in the project", () => {
  const host = gatherHost();
  expect(bubblewrap.observe(host, planWith()).overlay).toBeUndefined();
  const found = bubblewrap.observe(host, planWith(overlay("a"))).overlay;
  expect(Object.values(found!).every((file) => file.startsWith("/"))).toBe(true);
  const none = { ...host, env: { ...host.env, PATH: "/nowhere" } };
  expect(() => bubblewrap.observe(none, planWith(overlay("a")))).toThrow("bwrap");
});

test("it is explained", () => {
  const verdict = (mode: "ro" | "rw") => explainPath(planWith(overlay("a", mode)), "/project/a/file").verdict;
  expect([verdict("rw"), verdict("ro")]).toEqual([
    ...["read and write, in the session only", "read only, as the session left it"],
  ]);
});
