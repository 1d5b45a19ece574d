import path from "node:path";
import type { Given } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import { readDotenv } from "./dotenv.ts";
import { readSmallFile } from "./file.ts";
import type { Sources } from "./resolve.ts";

export const projectFileName = ".cordon.toml";

/** The part of the host that the configuration depends on. */
export type ConfigHost = Pick<Host, "home" | "cwd" | "project" | "places">;

export const userConfigPath = ({ places }: ConfigHost): string => path.join(places.config, "config.toml");
export const projectConfigPath = ({ project }: ConfigHost): string => path.join(project, projectFileName);

/**
 * Reads the user's and the project's file, each once, and the names of the project's `.env` that the user's file
 * lists. The project's directory is hostile: links and everything but regular files are refused there. Throws
 * E_CONFIG_UNREADABLE and E_CONFIG_INVALID.
 */
export const readSources = async (host: ConfigHost): Promise<Sources> => {
  const sources = await readUserSources(host);
  const project = await readProjectFile(host);
  if (!project) return sources;
  const { isTrusted } = await import("./trust.ts");
  const trusted = isTrusted({ state: host.places.state, project: host.project }, project.bytes);
  return { ...sources, projectFile: { values: project.values, label: project.label, trusted } };
};

/** The same without the project's file. */
export const readUserSources = async (host: ConfigHost): Promise<Sources> => {
  const sources: Sources = { home: host.home, project: host.project };
  const file = userConfigPath(host);
  const label = `user config ${shorten(file, host.home)}`;
  const bytes = readSmallFile(file, { label, followLinks: true });
  if (!bytes) return sources;
  const values = await parse(bytes, label);
  const names = values.env?.dotenv ?? [];
  const dotenv = names.length
    ? readSmallFile(path.join(host.project, ".env"), { label: ".env", followLinks: false })
    : undefined;
  return {
    ...sources,
    user: { values, label, directory: path.dirname(file) },
    ...(dotenv && { dotenv: readDotenv(dotenv, names).variables }),
  };
};

/** The project's file with the very bytes that its values came from. */
export const readProjectFile = async (host: ConfigHost) => {
  const label = `project config ${projectFileName}`;
  const bytes = readSmallFile(projectConfigPath(host), { label, followLinks: false });
  if (!bytes) return undefined;
  const values = await parse(bytes, label);
  const { services, notify, "ssh-agent": sshAgent, "secret-files": secretFiles } = values;
  const own = {
    "env.dotenv": values.env?.dotenv,
    ...{ notify, "ssh-agent": sshAgent, services, "secret-files": secretFiles },
  };
  const [misplaced] = Object.entries(own).find(([, value]) => value !== undefined) ?? [];
  if (misplaced)
    throw errorOf(
      "E_CONFIG_INVALID",
      label,
      `\`${misplaced}\` belongs in the user's own configuration`,
      "remove it here",
    );
  return { bytes, values, label };
};

/** What every `--env-file` holds, by its name as given. Throws E_OPTION_INVALID for a missing file or a line that means nothing. */
export const readEnvFiles = (given: readonly Given[], cwd: string): Record<string, Map<string, string>> =>
  Object.fromEntries(
    given
      .filter(({ flag }) => flag.long === "env-file")
      .map(({ value, origin }) => {
        const bytes = readSmallFile(path.resolve(cwd, value), { label: value, followLinks: true });
        if (!bytes) throw errorOf("E_OPTION_INVALID", origin, `${value} does not exist`, "give an existing file");
        const { variables, oddLines } = readDotenv(bytes);
        if (oddLines.length)
          throw errorOf("E_OPTION_INVALID", origin, `${value}:${oddLines[0]} is not NAME=VALUE`, "correct the line");
        return [value, variables];
      }),
  );

const parse = async (bytes: Uint8Array, label: string) => (await import("./parse.ts")).parseConfig(bytes, label);

const shorten = (target: string, home: string): string =>
  isWithin(target, home) && target !== home ? `~${target.slice(home.length)}` : target;
