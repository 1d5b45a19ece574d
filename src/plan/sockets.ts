import path from "node:path";
import { programs, programsPlace, socketPlace } from "../clipboard/clipboard.ts";
import type { ClipboardService } from "../clipboard/serve.ts";
import type { ToolName } from "../clipboard/tool.ts";
import { errorOf } from "../errors.ts";
import { findProgram } from "../exec.ts";
import { type Host, inspectPath } from "../host.ts";
import type { ServedSocket } from "../launch.ts";
import type { Policy } from "../policy.ts";
import { runDirectory } from "../run/registry.ts";
import type { SshAccess } from "../ssh-agent/choice.ts";
import { searchPath, type Variable } from "./environment.ts";
import type { Mount } from "./plan.ts";

/** What a run gets by way of sockets that cordon serves: the sockets, and what leads programs inside to them. */
export type Served = { sockets: ServedSocket[]; mounts: Mount[]; variables: Variable[] };

type Given = { id: string; host: Host; policy: Policy };

/**
 * Looks for what the run's sockets need of this machine. Throws E_SSH_AGENT_MISSING, E_SSH_KEY_UNKNOWN and
 * E_CLIPBOARD_MISSING.
 */
export const findServed = async (given: Given): Promise<Served> => {
  const { host, policy } = given;
  const parts: Served[] = [];
  if (policy.sshKeys.length > 0) {
    const { chooseKeys } = await import("../ssh-agent/choice.ts");
    parts.push(agentSocket(given, await chooseKeys(host, policy.sshKeys)));
  }
  if (policy.widen.has("paste-images")) parts.push(clipboardSocket(given));
  return {
    sockets: parts.flatMap(({ sockets }) => sockets),
    mounts: parts.flatMap(({ mounts }) => mounts),
    variables: parts.flatMap(({ variables }) => variables),
  };
};

const agentPlace = "/run/cordon/ssh-agent.sock";

const agentSocket = ({ id, host }: Given, { agent, keys, config }: SshAccess): Served => {
  const origin = "--ssh-agent";
  const knownHosts = inspectPath(path.join(host.home, ".ssh/known_hosts"));
  const bytes = (target: string, text: string): Mount => ({
    kind: "bytes",
    target,
    bytes: Buffer.from(text),
    permissions: 0o644,
    origin,
  });
  const name = "ssh-agent";
  return {
    sockets: [{ name, service: { kind: "ssh-agent", agent, keys: keys.map(({ blob }) => blob) } }],
    mounts: [
      socketMount(host, id, name, agentPlace, origin),
      ...keys.map(({ place, line }) => bytes(place, line)),
      ...(config === undefined ? [] : [bytes(path.join(host.realHome, ".ssh/config"), config)]),
      ...(knownHosts.kind === "file"
        ? [bind(knownHosts.real, path.join(host.realHome, ".ssh/known_hosts"), origin)]
        : []),
    ],
    variables: [{ name: "SSH_AUTH_SOCK", value: agentPlace, origin }],
  };
};

const clipboardSocket = ({ id, host }: Given): Served => {
  const origin = "--paste-images";
  const name = "clipboard";
  return {
    sockets: [{ name, service: findClipboard(host) }],
    mounts: [
      socketMount(host, id, name, socketPlace, origin),
      ...programs.map((program) => bind(host.executable, path.join(programsPlace, program), origin)),
    ],
    variables: [
      { name: "PATH", value: `${programsPlace}:${searchPath(host)}`, origin },
      // By it Gemini CLI chooses one of the two programs; without it, none.
      { name: "XDG_SESSION_TYPE", value: "wayland", origin },
    ],
  };
};

/** By the variable that says that there is a display of its kind. */
const displays: { variable: string; tool: ToolName }[] = [
  { variable: "WAYLAND_DISPLAY", tool: "wl-paste" },
  { variable: "DISPLAY", tool: "xclip" },
];
const displayVariables = ["WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DISPLAY", "XAUTHORITY", "HOME"];

const findClipboard = (host: Host): ClipboardService => {
  const isThere = ({ variable }: { variable: string }) => Boolean(host.env[variable]);
  const candidates: ToolName[] =
    host.platform === "darwin" ? ["osascript"] : displays.filter(isThere).map(({ tool }) => tool);
  for (const tool of candidates) {
    const program = findProgram(tool, host.env["PATH"], host.project);
    if (program === undefined) continue;
    const variables = displayVariables.filter((name) => host.env[name] !== undefined);
    return {
      kind: "clipboard",
      tool,
      program,
      env: Object.fromEntries(variables.map((name) => [name, host.env[name]!])),
    };
  }
  throw errorOf(
    "E_CLIPBOARD_MISSING",
    candidates.length === 0 ? "there is no display" : `${candidates.join(" and ")} are missing`,
  );
};

/** One socket and not the directory, which also holds the control socket. */
const socketMount = (host: Host, id: string, name: string, target: string, origin: string): Mount =>
  bind(path.join(runDirectory(host.places, id), name), target, origin);

const bind = (source: string, target: string, origin: string): Mount => ({
  kind: "bind",
  source,
  target,
  mode: "ro",
  origin,
});
