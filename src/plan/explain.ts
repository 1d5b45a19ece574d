import type { Host } from "../host.ts";
import type { Policy } from "../policy.ts";
import { isSteering, type Variable } from "./environment.ts";
import { type Mount, mountAt, type Plan } from "./plan.ts";

/** What decides about one path, host or variable, and where that was said. */
export type Explanation = { subject: string; verdict: string; origin: string };

export const explainPath = ({ mounts }: Plan, target: string): Explanation => {
  const mount = mountAt(mounts, target);
  if (!mount) return { subject: target, verdict: "does not exist inside", origin: "nothing shows it" };
  return { subject: target, verdict: verdictOf(mount, target), origin: mount.origin };
};

const verdictOf = (mount: Mount, target: string): string => {
  switch (mount.kind) {
    case "workspace":
    case "bind":
      return mount.mode === "rw" ? "read and write" : "read only";
    case "tmpfs":
      return mount.target === target ? "private and empty at the start" : "does not exist inside; private space";
    case "mask":
      return "hidden";
    case "bytes":
      return "read only, made by cordon";
    case "symlink":
      return `link to ${mount.link}`;
    case "dev":
    case "proc":
      return "private";
  }
};

export const explainVariable = ({ variables }: { variables: Variable[] }, host: Host, name: string): Explanation => {
  const found = variables.find((variable) => variable.name === name);
  if (found) return { subject: name, verdict: "set inside", origin: found.origin };
  if (isSteering(name)) return { subject: name, verdict: "never passed", origin: "it steers the loader or a runtime" };
  const verdict = host.env[name] === undefined ? "not set outside either" : "not passed";
  return { subject: name, verdict, origin: `default; \`--env ${name}=…\` or env.pass brings it in` };
};

export const explainHost = ({ network }: Policy, name: string): Explanation => {
  const verdict = network.mode === "open" ? "reachable" : network.mode === "none" ? "unreachable" : "decided by rules";
  return { subject: name, verdict, origin: `network ${network.mode}, ${network.origin}` };
};
