import type { SecretFileSettings } from "../config/config.ts";
import { errorOf } from "../errors.ts";
import type { Mount } from "../plan/plan.ts";
import { askProgram, type CommandHost } from "./command.ts";
import { readCredentialFile } from "./store.ts";

type Asking = { host: CommandHost /** Nothing starts after this: no program is asked. */; isDry: boolean };

/**
 * The files that hold a real secret inside: bytes from memory, readable by the user alone, in no variable and no command
 * line. Throws E_CONFIG_INVALID for one whose content is not there.
 */
export const secretMounts = (files: Record<string, SecretFileSettings>, asking: Asking): Promise<Mount[]> =>
  Promise.all(
    Object.entries(files).map(async ([target, settings]): Promise<Mount> => {
      const bytes = await contentOf(settings, asking);
      if (bytes === undefined) throw errorOf("E_CONFIG_INVALID", settings.origin, problemOf(settings));
      return { kind: "bytes", target, bytes, permissions: 0o400, origin: settings.origin };
    }),
  );

const contentOf = async (
  { command, variable, file }: SecretFileSettings,
  { host, isDry }: Asking,
): Promise<Uint8Array | undefined> => {
  if (countOf({ command, variable, file }) !== 1) return undefined;
  if (command !== undefined) return isDry ? new Uint8Array() : await askProgram(command, host);
  const text = variable === undefined ? readCredentialFile(file!) : host.env[variable];
  return text ? Buffer.from(text) : undefined;
};

const countOf = (sources: object): number => Object.values(sources).filter((value) => value !== undefined).length;

const problemOf = ({ command, variable, file }: SecretFileSettings): string => {
  if (countOf({ command, variable, file }) !== 1) return "it needs one of `command`, `variable` and `file`";
  if (command !== undefined) return "its program fails or prints nothing";
  return variable === undefined ? `${file} cannot be read` : `${variable} is not set`;
};
