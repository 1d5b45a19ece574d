import { describe, expect, test } from "bun:test";
import type { Facts } from "../../src/host.ts";
import { type CacheInput, composeCaches, pathsOfCaches } from "../../src/plan/caches.ts";
import type { Policy } from "../../src/policy.ts";
import { sampleHost, samplePolicy } from "./sample.ts";

const shared: Policy = { ...samplePolicy, caches: { value: "shared", origin: "--caches" } };

/** The tools' own directories, of a user who has used them. */
const homes = [".bun", ".cargo", ".gradle", ".m2", ".nuget", ".yarn", "go"].map((name) => `/home/ada/${name}`);

const compose = (policy: Policy, existing: string[], changes: Partial<CacheInput> = {}) => {
  const host = changes.host ?? sampleHost;
  const facts: Facts = Object.fromEntries(
    pathsOfCaches({ host, policy }).map((place) => [
      place,
      [...existing, ...homes].includes(place) ? { kind: "directory", real: place } : { kind: "missing", real: place },
    ]),
  );
  return composeCaches({ host, policy, facts, own: "/own", rooms: "/rooms", ...changes });
};
const everything = pathsOfCaches({ host: sampleHost, policy: shared });

describe("private", () => {
  test("nothing of the host's, each at its tool's place, from a directory of its own", () => {
    const { mounts, variables } = compose(samplePolicy, everything);
    expect(variables).toEqual([]);
    expect(mounts.length).toBeGreaterThan(8);
    for (const mount of mounts) {
      const place = mount.kind === "bind" ? mount.source : mount.kind === "symlink" ? mount.link : "";
      expect(place).toMatch(/^(\/own\/linked|\/own\/bound\/pnpm|\/run\/cordon\/packages\/[a-z-]+)$/);
      // What lies there an agent could have turned into a link.
      expect(mount.target).not.toStartWith("/home/ada/.cache");
    }
    const targets = mounts.map(({ target }) => target);
    expect(new Set(targets).size).toBe(targets.length);
    expect(targets).toContain("/home/ada/.cargo/registry");
  });
});

describe("shared", () => {
  test("the host's lies below, or is read by the tool itself; nothing of the host's is writable", () => {
    const { mounts, variables } = compose(shared, everything);
    const sources = mounts.flatMap((mount) => (mount.kind === "bind" && mount.mode === "rw" ? [mount.source] : []));
    expect(sources.every((source) => source.startsWith("/own/"))).toBe(true);
    const lowers = mounts.flatMap((mount) => (mount.kind === "overlay" ? [mount.lower] : []));
    expect(lowers).toContain("/home/ada/.npm/_cacache");
    expect(lowers).toContain("/home/ada/go/pkg/mod");
    const rooms = mounts.flatMap((mount) => (mount.kind === "overlay" ? [mount.room] : []));
    expect(new Set(rooms).size).toBe(rooms.length);
    expect(mounts.find(({ target }) => target === "/run/cordon/caches/gradle/modules-2")).toMatchObject({
      kind: "bind",
      mode: "ro",
      source: "/home/ada/.gradle/caches/modules-2",
    });
    expect(Object.fromEntries(variables.map(({ name, value }) => [name, value]))).toEqual({
      npm_config_cache: "/run/cordon/caches/npm",
      PIP_CACHE_DIR: "/run/cordon/caches/pip",
      UV_CACHE_DIR: "/run/cordon/caches/uv",
      GRADLE_RO_DEP_CACHE: "/run/cordon/caches/gradle",
    });
  });

  test("no file beside a cache comes along", () => {
    const secrets = [
      ".npmrc",
      ".cargo/credentials.toml",
      ".cargo/credentials",
      ".m2/settings.xml",
      ".m2/settings-security.xml",
    ];
    const more = [".gradle/gradle.properties", ".nuget/NuGet/NuGet.Config", ".yarnrc.yml", ".bunfig.toml", ".netrc"];
    const shown = compose(shared, everything).mounts.flatMap((mount) =>
      mount.kind === "overlay" ? [mount.lower] : mount.kind === "bind" ? [mount.source] : [],
    );
    for (const secret of [...secrets, ...more])
      for (const source of shown) expect(`/home/ada/${secret}/`.startsWith(`${source}/`)).toBe(false);
  });

  test("what does not exist outside, and everything without overlays, is the project's own", () => {
    expect(compose(shared, []).mounts).toEqual(compose(samplePolicy, []).mounts);
    const { mounts, variables } = compose(shared, everything, { rooms: undefined });
    expect(mounts.filter(({ kind }) => kind === "overlay")).toEqual([]);
    expect(variables.map(({ name }) => name)).toEqual(["GRADLE_RO_DEP_CACHE"]);
  });

  test("the user's variables say where the host's lie", () => {
    const host = {
      ...sampleHost,
      env: { CARGO_HOME: "/srv/cargo", npm_config_cache: "relative", GOMODCACHE: "/srv/go" },
    };
    const lowers = compose(shared, ["/srv/cargo/registry", "/srv/go", "/home/ada/.npm/_cacache"], {
      host,
    }).mounts.flatMap((mount) => (mount.kind === "overlay" ? [[mount.target, mount.lower]] : []));
    expect(lowers).toEqual([
      ["/run/cordon/caches/npm/_cacache", "/home/ada/.npm/_cacache"],
      ["/home/ada/.cargo/registry", "/srv/cargo/registry"],
      ["/home/ada/go/pkg/mod", "/srv/go"],
    ]);
  });
});

test("who has never used a tool has no place for it", () => {
  const input = { host: sampleHost, policy: samplePolicy, facts: {}, own: "/own", rooms: undefined };
  expect(composeCaches(input)).toEqual({ mounts: [], variables: [] });
});

describe("places that are not free", () => {
  const targets = (policy: Policy, existing: string[]) => compose(policy, existing).mounts.map(({ target }) => target);

  test.each(["/home/ada/.cargo", "/home/ada/.cargo/registry", "/home/ada/.cargo/registry/src"])(
    "the user's own rule about %s decides",
    (value) => {
      const rule = [{ value, origin: "test" }];
      const policy = { ...samplePolicy, filesystem: { ...samplePolicy.filesystem, write: rule } };
      expect(targets(policy, [])).not.toContain("/home/ada/.cargo/registry");
      expect(targets(policy, [])).toContain("/home/ada/.m2/repository");
    },
  );

  test("in what the host shows read-only a mount needs a directory that is there", () => {
    const store = "/home/ada/.local/share/pnpm/store";
    expect(targets(samplePolicy, ["/home/ada/.local/share/pnpm"])).not.toContain(store);
    expect(targets(samplePolicy, ["/home/ada/.local/share/pnpm", store])).toContain(store);
    const open: Policy = { ...samplePolicy, filesystem: { ...samplePolicy.filesystem, base: "host" } };
    const registry = "/home/ada/.cargo/registry";
    expect(targets(open, [])).not.toContain(registry);
    expect(targets(open, [registry])).toContain(registry);
    expect(targets(samplePolicy, [])).toContain(registry);
  });
});
