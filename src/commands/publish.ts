import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import type { PublishRequest } from "../run/control.ts";
import { findRun, listRuns, type Run } from "../run/registry.ts";
import { escapeControls } from "../terminal/escape.ts";
import { findProject, tellRun } from "./allow.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon publish PORT[:OUTSIDE] [ID]`: offers a port inside on this machine's loopback, and prints its address. */
export const runPublish: CommandFunction = async ({ host, invocation, out }) => {
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const [ports = "", id] = invocation.words;
  const request = readPorts(ports);
  const run = id === undefined ? onlyRun(host) : findRun(host.places, id);
  const answer = await tellRun(run, host, request);
  if (!answer.ok) throw errorOf("E_RUN_REFUSES", run.id, answer.problem ?? "it refuses");
  if (answer.message) out.note(escapeControls(`cordon: ${answer.message}`));
  out.line(escapeControls(answer.address ?? `127.0.0.1:${request.outside ?? request.inside}`));
  return 0;
};

const readPorts = (word: string): PublishRequest => {
  const [, inside, outside] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(word) ?? [];
  const ports = [inside, outside].flatMap((text) => (text === undefined ? [] : [Number(text)]));
  if (ports.length === 0 || ports.some((port) => port < 1 || port > 65535))
    throw errorOf(
      "E_OPTION_INVALID",
      word,
      "is not PORT or PORT:OUTSIDE with ports from 1 to 65535",
      "such as 3000:8080",
    );
  return { verb: "publish", inside: ports[0]!, ...(ports[1] !== undefined && { outside: ports[1] }) };
};

const onlyRun = (host: Host): Run => {
  const project = findProject(host);
  const [run, ...others] = listRuns(host.places).filter((found) => found.project === project);
  if (!run) throw errorOf("E_RUN_NONE", "`cordon ps` lists the running ones; name one: `cordon publish PORT ID`");
  if (others.length > 0) throw errorOf("E_RUN_AMBIGUOUS", project, [run, ...others].map(({ id }) => id).join(", "));
  return run;
};
