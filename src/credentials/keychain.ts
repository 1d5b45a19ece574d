import { capture } from "../exec.ts";
import { type Lock, withLocks } from "./lock.ts";
import type { Store } from "./store.ts";

/** One generic password in the user's default Keychain. */
export type KeychainItem = { service: string; account: string };

const program = "/usr/bin/security";
const timeoutMs = 10_000;
/** Beyond this `security -i` cuts a line in two. */
const longestLine = 4032;

/**
 * Where Claude Code keeps its login on macOS (read out of Claude Code 2.1): a moved configuration directory has an item
 * of its own, and a user name with unusual characters is replaced.
 */
export const claudeItem = (user: string | undefined, moved: string | undefined): KeychainItem => {
  const suffix =
    moved === undefined
      ? ""
      : `-${new Bun.CryptoHasher("sha256").update(moved.normalize("NFC")).digest("hex").slice(0, 8)}`;
  const account = user !== undefined && /^[a-zA-Z0-9._-]+$/.test(user) ? user : "claude-code-user";
  return { service: `Claude Code-credentials${suffix}`, account };
};

export const readCommand = ({ service, account }: KeychainItem): string[] => [
  ...["find-generic-password", "-a", account, "-w", "-s", service],
];

/** A line for `security -i`; the secret stands on its input, never in an argument. Undefined when it is too long for it. */
export const writeLine = ({ service, account }: KeychainItem, text: string): string | undefined => {
  const secret = Buffer.from(text).toString("hex");
  const line = `add-generic-password -U -a "${account}" -s "${service}" -X "${secret}"\n`;
  return line.length > longestLine ? undefined : line;
};

/** The Keychain as a store; it has no time of change, so only reading tells. */
export const keychainStore = (item: KeychainItem, locks: readonly Lock[]): Store => ({
  label: `the Keychain item \`${item.service}\``,
  stamp: () => undefined,
  read: async () => {
    const { code, stdout } = await capture(program, readCommand(item), { timeoutMs });
    return code === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
  },
  exclude: (work) => withLocks(locks, work),
  prepare: async () => ({
    commit: async (text) => {
      const line = writeLine(item, text);
      if (line === undefined) throw new Error("the login is too long for the Keychain's program");
      const { code } = await capture(program, ["-i"], { timeoutMs, input: line });
      if (code !== 0) throw new Error("the Keychain did not take the renewed login");
    },
    discard: () => {},
  }),
});
