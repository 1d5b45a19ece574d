import { errorOf } from "../errors.ts";
import type { Backend } from "./backend.ts";

const load: Record<string, () => Promise<Backend>> = {
  native: async () => (await import("./bubblewrap.ts")).bubblewrap as Backend,
};

/** Names that a later version will know. Refused by name until then. */
const planned = ["docker", "podman", "microvm", "incus", "docker-sandbox", "kubernetes", "fly"];

export const backendNames = ["auto", ...Object.keys(load), ...planned];

/** Loads the backend of that name; `auto` is the native one on Linux. */
export const loadBackend = async (name: string): Promise<Backend> => {
  const loader = load[name === "auto" ? "native" : name];
  if (!loader) {
    throw planned.includes(name)
      ? errorOf("E_FEATURE_UNBUILT", `--backend ${name}`, "use `--backend native`")
      : errorOf(
          "E_OPTION_INVALID",
          "--backend",
          `there is no backend \`${name}\``,
          `one of ${backendNames.join(", ")}`,
        );
  }
  return await loader();
};
