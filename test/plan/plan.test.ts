import { describe, expect, test } from "bun:test";
import { createPlan, exposedPlaces, nestedSources } from "../../src/plan/create.ts";
import { explainHost, explainPath, explainVariable } from "../../src/plan/explain.ts";
import { featuresOf, type Mount, mountAt } from "../../src/plan/plan.ts";
import { checkWorkdir } from "../../src/plan/workdir.ts";
import type { Policy } from "../../src/policy.ts";
import { sampleHost, sampleInput, samplePolicy } from "./sample.ts";

const plan = createPlan(sampleInput());
const withRules = (filesystem: Partial<Policy["filesystem"]>): Policy => ({
  ...samplePolicy,
  filesystem: { ...samplePolicy.filesystem, hide: [], read: [], ...filesystem },
});
const rule = (value: string) => [{ value, origin: "test" }];
const codeOf = (action: () => void): string | undefined => {
  try {
    action();
  } catch (cause) {
    return (cause as { code: string }).code;
  }
  return undefined;
};

describe("mounts", () => {
  test("no target stands twice, and parents come before their children", () => {
    const targets = plan.mounts.map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
    for (const [at, target] of targets.entries()) {
      expect(targets.slice(0, at).filter((other) => other.startsWith(`${target}/`))).toEqual([]);
    }
  });

  test("hiding beats showing at the same path, whichever is said first", () => {
    for (const kind of ["read", "write"] as const) {
      const { mounts } = createPlan(sampleInput(withRules({ [kind]: rule("/srv/data"), hide: rule("/srv/data") })));
      expect(mountAt(mounts, "/srv/data/file")?.kind).toBe("mask");
    }
  });

  test("only what is named is writable", () => {
    const writable = plan.mounts.filter((mount) => "mode" in mount && mount.mode === "rw").map(({ target }) => target);
    expect(writable.sort()).toEqual(["/home/ada/.cache", "/home/ada/code/app"]);
  });

  test("a rule about a link works by either of its names", () => {
    const input = sampleInput(withRules({ write: rule("/link") }));
    input.facts["/link"] = { kind: "directory", real: "/srv/target", link: "/srv/target" };
    const { mounts } = createPlan(input);
    for (const target of ["/link", "/srv/target"]) {
      expect(mountAt(mounts, target)).toMatchObject({ kind: "bind", source: "/srv/target", mode: "rw" });
    }
  });

  test("what the whole host shows may vanish before it is mounted, what was named may not", () => {
    const host: Policy = { ...samplePolicy, preset: "open", filesystem: { ...samplePolicy.filesystem, base: "host" } };
    const input = { ...sampleInput(host), listings: { "/": ["usr", "srv"], "/home": ["ada", "eve"] } };
    input.facts["/srv"] = { kind: "directory", real: "/srv" };
    input.facts["/home/eve"] = { kind: "directory", real: "/home/eve" };
    const { mounts } = createPlan(input);
    const optional = mounts.filter((mount) => mount.kind === "bind" && mount.optional).map(({ target }) => target);
    expect(optional.sort()).toEqual(["/home/eve", "/srv", "/usr"]);
  });

  test.each(["/home/ada/code/app", "/home/ada", "/usr", "/"])(
    "a denied path that leads to %s hides nothing",
    (real) => {
      const input = sampleInput(withRules({ hide: rule("/home/ada/code/app/private") }));
      input.facts["/home/ada/code/app/private"] = { kind: "directory", real, link: real };
      const masked = createPlan(input).mounts.filter(({ kind, origin }) => kind === "mask" && origin === "test");
      expect(masked).toEqual([]);
    },
  );

  test("a denied path that leads to another of the project hides that one", () => {
    const input = sampleInput(withRules({ hide: rule("/home/ada/code/app/.env") }));
    input.facts["/home/ada/code/app/.env"] = { kind: "file", real: "/home/ada/code/app/conf/env", link: "conf/env" };
    const masked = createPlan(input).mounts.filter(({ kind, origin }) => kind === "mask" && origin === "test");
    expect(masked.map(({ target }) => target)).toEqual(["/home/ada/code/app/conf/env"]);
  });

  test("a git directory that is reached through a link gets no guard, since it would land somewhere else", () => {
    const input = sampleInput();
    input.facts["/home/ada/code/app/.git/hooks"] = { kind: "directory", real: "/home/ada", link: "/home/ada" };
    expect(createPlan(input).mounts.map(({ target }) => target)).not.toContain("/home/ada/code/app/.git/hooks");
  });
});

describe("cordon's own places", () => {
  const exposed = (write: string) =>
    exposedPlaces(sampleHost, withRules({ write: rule(write) }), sampleHost.cwd, (target) => target);

  test.each([
    ["/home/ada/.config", "contains the configuration"],
    ["/home/ada/.local/state/cordon", "is the state"],
    ["/home/ada/.cache/cordon/projects", "lies in the cache"],
    ["/run/user/1000", "contains the sockets"],
    ["/home/ada/.local/bin", "contains the program"],
    ["/home/ada/.local/bin/cordon", "is the program"],
    ["/", "contains everything"],
  ])("%s %s", (target) => {
    expect(exposed(target).map((found) => found.target)).toContain(target);
  });

  test("a neighbour with a similar name is no exposure", () => {
    expect(exposed("/home/ada/.config/cordonbleu")).toEqual([]);
  });

  test("links are followed first", () => {
    const real = (target: string) => (target === "/link" ? "/home/ada/.config" : target);
    expect(exposedPlaces(sampleHost, withRules({ write: rule("/link") }), sampleHost.cwd, real)).toHaveLength(1);
  });
});

test("mounts below a writable directory are found by the path on the host that they cover", () => {
  const bind = (source: string, target: string, mode: "ro" | "rw"): Mount => ({
    kind: "bind",
    source,
    target,
    mode,
    origin: "",
  });
  const mounts = [
    bind("/host", "/in", "rw"),
    bind("/x", "/in/a/b", "ro"),
    bind("/y", "/ro", "ro"),
    bind("/z", "/ro/c", "rw"),
  ];
  expect(nestedSources(mounts)).toEqual(["/host/a/b"]);
});

describe("a project", () => {
  const refused = (workdir: string) => codeOf(() => checkWorkdir(workdir, sampleHost));

  test.each([
    "/",
    "/home",
    "/home/ada",
    "/usr/share/x",
    "/etc",
    "/tmp",
    "/var/tmp",
    "/proc/1",
    "/dev/shm",
    "/home/ada/.ssh",
    "/home/ada/.aws/x",
    "/home/ada/.claude",
  ])("%s is none", (workdir) => {
    expect(refused(workdir)).toBe("E_WORKDIR_INVALID");
  });

  test.each(["/home/ada/code", "/home/ada/.sshow", "/srv/x", "/tmp/x", "/home/adam", "/home/ada/a:b,c=d"])(
    "%s is one",
    (workdir) => {
      expect(refused(workdir)).toBeUndefined();
    },
  );

  test("a name that was not UTF-8 is refused", () => {
    expect(refused("/home/ada/\uFFFD")).toBe("E_WORKDIR_INVALID");
  });
});

test("what a plan asks of a backend", () => {
  expect(featuresOf(plan)).toEqual([
    ...(["private-filesystem", "private-processes", "private-environment", "syscall-filter", "network-none"] as const),
    ...(["limit-pids", "limit-memoryBytes", "limit-cpus"] as const),
  ]);
});

describe("explaining", () => {
  test.each([
    ["/home/ada/code/app/src", "read and write", "the project"],
    ["/home/ada/code/app/.env", "hidden", "user config"],
    ["/usr/bin/env", "read only", "system directory"],
    ["/home/ada/.ssh/id", "does not exist inside; private space", "private directory"],
    ["/srv/data/secret", "hidden", "--deny-path"],
    ["/srv/data/open/x", "read only", "--allow-readonly"],
    ["/mnt", "does not exist inside", "nothing shows it"],
  ])("%s: %s, by %s", (subject, verdict, origin) => {
    expect(explainPath(plan, subject)).toEqual({ subject, verdict, origin });
  });

  test("variables and hosts", () => {
    expect(explainVariable(plan, sampleHost, "EXTRA").origin).toBe("env.pass");
    expect(explainVariable(plan, sampleHost, "LD_PRELOAD").verdict).toBe("never passed");
    expect(explainVariable(plan, sampleHost, "AWS_SECRET_ACCESS_KEY").verdict).toBe("not passed");
    expect(explainHost(samplePolicy, "example.com")).toMatchObject({
      verdict: "unreachable",
      origin: "network none, --net",
    });
  });
});
