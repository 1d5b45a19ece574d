import path from "node:path";

/** cordon's own directories. No sandbox may ever write them; see `exposedPlaces`. */
export type Places = {
  config: string;
  state: string;
  cache: string;
  /** Sockets and the registry of running sandboxes; short, because `sun_path` holds 108 bytes. */
  runtime: string;
};

/** What is left of `sun_path` (unix(7)) for this directory before `/runs/ID/control`. */
const maxRuntimeLength = 80;

/** The XDG directories, each with its fallback. Relative values are ignored, as the XDG specification says. */
export const placesOf = (env: Record<string, string>, home: string, uid: number): Places => {
  const base = (name: string, fallback: string) => {
    const value = env[name];
    return path.join(value && path.isAbsolute(value) ? value : fallback, "cordon");
  };
  const runtime = path.join(env["XDG_RUNTIME_DIR"] ?? "", "cordon");
  const fits = path.isAbsolute(runtime) && runtime.length <= maxRuntimeLength;
  return {
    config: base("XDG_CONFIG_HOME", path.join(home, ".config")),
    state: base("XDG_STATE_HOME", path.join(home, ".local/state")),
    cache: base("XDG_CACHE_HOME", path.join(home, ".cache")),
    runtime: fits ? runtime : `/tmp/cordon-${uid}`,
  };
};

/** Tells texts apart in names of files: 16 hex digits of SHA-256. */
export const shortDigest = (text: string): string =>
  new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);

/** Name of a project's own directory below state and cache: readable, and unique by the whole path. */
export const projectKey = (workdir: string): string => {
  const slug = path
    .basename(workdir)
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .slice(0, 32);
  return `${slug || "project"}-${shortDigest(workdir)}`;
};

/** True when `inner` is `outer` or lies below it. Both absolute and normalised. */
export const isWithin = (inner: string, outer: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith("/") ? outer : `${outer}/`);
