/**
 * The one catalogue of everything that can go wrong before or around a run. Each entry says what happened and
 * the next thing to type. The exit status is part of the contract: 125 cordon failed (the default), 126 cannot
 * execute, 127 not found.
 */
type Failure = { message: string; hint?: string; exit?: number };

const catalogue = {
  E_OPTION_UNKNOWN: (option: string, near: string | undefined, otherwise: string): Failure => ({
    message: `unknown option \`${option}\``,
    hint: near ? `did you mean cordon's \`${near}\`? ${otherwise}` : otherwise,
  }),
  E_VARIABLE_UNKNOWN: (name: string, near: string): Failure => ({
    message: `the variable ${name} means nothing to cordon`,
    hint: `did you mean ${near}? else unset ${name}`,
  }),
  E_OPTION_INVALID: (option: string, problem: string, hint = "`cordon --help` lists every option"): Failure => ({
    message: `\`${option}\`: ${problem}`,
    hint,
  }),
  E_COMMAND_UNKNOWN: (word: string, near?: string): Failure => ({
    message: `\`${word}\` is neither a command, an agent nor a prompt`,
    hint: near
      ? `did you mean \`cordon ${near}\`? (a prompt has a space in it)`
      : `to run a program: \`cordon run -- ${word}\``,
  }),
  E_USAGE: (problem: string, hint: string): Failure => ({ message: problem, hint }),
  E_FEATURE_UNBUILT: (feature: string, instead = "`cordon --help` lists what is"): Failure => ({
    message: `\`${feature}\` is not available in this version of cordon`,
    hint: instead,
  }),
  E_CONFIG_INVALID: (file: string, problem: string, hint = "`cordon config schema` prints every key"): Failure => ({
    message: `${file}: ${problem}`,
    hint,
  }),
  E_CONFIG_UNREADABLE: (file: string, problem: string): Failure => ({ message: `cannot read ${file}: ${problem}` }),
  E_CONFIG_UNWRITABLE: (file: string, problem: string): Failure => ({ message: `cannot write ${file}: ${problem}` }),
  E_CONFIG_WIDENS: (file: string, keys: string): Failure => ({
    message: `${file} asks for more than your own settings allow: ${keys}`,
    hint: "`cordon trust` shows the file and trusts exactly these bytes; or remove the keys",
  }),
  E_UNENFORCED: (feature: string, backend: string, ways: string): Failure => ({
    message: `the ${backend} backend cannot enforce ${feature}`,
    hint: ways,
  }),
  E_STATE_EXPOSED: (target: string, what: string): Failure => ({
    message: `${what} would be within reach of the sandbox, because it may write ${target}`,
    hint: "start in a project directory of its own, or choose a narrower `--add-dir`",
  }),
  E_WORKDIR_INVALID: (path: string, problem: string): Failure => ({
    message: `cannot use ${path} as the project: ${problem}`,
    hint: "change into a project directory first",
  }),
  E_REPOSITORY_UNREADABLE: (path: string, problem: string): Failure => ({
    message: `cannot guard the git repository of ${path}: ${problem}`,
    hint: "`git -C PATH status` says whether git can read it; or start in a directory that belongs to no repository",
  }),
  E_SESSION_NAME: (name: string): Failure => ({
    message: `\`${name}\` is no name for a session`,
    hint: "up to 63 letters, digits, `.`, `_` and `-`, the first one a letter or a digit",
  }),
  E_SESSION_EXISTS: (name: string): Failure => ({
    message: `there is a session \`${name}\` of this project already`,
    hint: `\`cordon resume ${name}\` goes on with it; \`cordon sessions\` lists all of them`,
  }),
  E_SESSION_UNKNOWN: (name: string): Failure => ({
    message: `this project has no session \`${name}\``,
    hint: "`cordon sessions` lists those that it has",
  }),
  E_SESSION_BUSY: (name: string, user?: string): Failure => ({
    message: `the session \`${name}\` is in use${user ? ` by ${user}` : ""}`,
    hint: "`cordon ps` lists the running sandboxes; another `--session NAME` works beside it",
  }),
  E_SESSION_UNMERGED: (name: string, work: string): Failure => ({
    message: `the session \`${name}\` holds ${work} that are not merged`,
    hint: `\`cordon diff ${name}\` shows them; \`cordon discard --force ${name}\` removes them all the same`,
  }),
  E_SESSION_CHANGED: (name: string, tip: string): Failure => ({
    message: `the session \`${name}\` is no longer what you have seen: it is ${tip} now`,
    hint: `\`cordon diff ${name}\` shows it; \`--tip ${tip}\` merges exactly that`,
  }),
  E_SESSION_FAILED: (name: string, problem: string, hint = "`cordon doctor` finds what is missing"): Failure => ({
    message: `the session \`${name}\` cannot be used: ${problem}`,
    hint,
  }),
  E_COPY_FAILED: (what: string, problem: string): Failure => ({
    message: `cannot copy ${what}: ${problem}`,
    hint: "`cordon exec ID ls PATH` shows what is inside",
  }),
  E_PATH_INVALID: (option: string, path: string, problem: string, hint = "give an existing path"): Failure => ({
    message: `${option} ${path}: ${problem}`,
    hint,
  }),
  E_COMMAND_MISSING: (command: string, how: string): Failure => ({
    message: `\`${command}\` is not on PATH`,
    hint: how,
    exit: 127,
  }),
  E_COMMAND_UNEXECUTABLE: (command: string, problem: string): Failure => ({
    message: `cannot execute \`${command}\`: ${problem}`,
    exit: 126,
  }),
  E_BACKEND_MISSING: (problem: string, how: string): Failure => ({ message: problem, hint: how }),
  E_SANDBOX_NESTED: (): Failure => ({
    message: "this is already the inside of a cordon sandbox",
    hint: "run the command directly: it is confined already",
  }),
  E_RUN_UNKNOWN: (id: string): Failure => ({
    message: `no running sandbox is called \`${id}\``,
    hint: "`cordon ps` lists the running ones",
  }),
  E_RUN_AMBIGUOUS: (id: string, found: string): Failure => ({
    message: `\`${id}\` fits more than one running sandbox: ${found}`,
    hint: "give more of the id",
  }),
  E_RUN_NONE: (hint: string): Failure => ({ message: "no sandbox of this project is running", hint }),
  E_RUN_REFUSES: (id: string, problem: string): Failure => ({
    message: `sandbox ${id}: ${problem}`,
    hint: "`cordon ps` lists the running sandboxes, `cordon log` what they were denied",
  }),
  E_SSH_AGENT_MISSING: (problem: string): Failure => ({
    message: `there is no ssh-agent to take a key from: ${problem}`,
    hint: 'start one with `eval "$(ssh-agent)"` and `ssh-add`; or leave `--ssh-agent` out',
  }),
  E_SSH_KEY_UNKNOWN: (origin: string, key: string, known?: string): Failure => ({
    message: `${origin}: the ssh-agent holds no key \`${key}\``,
    hint: known ? `it holds ${known}; \`ssh-add FILE\` adds another` : "it holds none: `ssh-add FILE` adds one",
  }),
  E_CLIPBOARD_MISSING: (problem: string): Failure => ({
    message: `there is no clipboard to paste images from: ${problem}`,
    hint: "install wl-clipboard (Wayland) or xclip (X11); or leave it out: `CORDON_PASTE_IMAGES=0`",
  }),
  E_CREDENTIAL_EXPIRED: (what: string, problem: string, hint: string): Failure => ({
    message: `${what} has expired: ${problem}`,
    hint,
  }),
  E_CREDENTIAL_MISSING: (what: string, hint: string): Failure => ({
    message: `there is no credential of ${what}`,
    hint,
  }),
  E_CREDENTIAL_CHANGED: (what: string): Failure => ({
    message: `not restored, because a login stands there that the backup does not know: ${what}`,
    hint: "`--force` replaces it all the same, and backs it up first",
  }),
  E_BACKUP_INVALID: (file: string, problem: string): Failure => ({
    message: `${file}: ${problem}`,
    hint: "`cordon creds backup` makes one; give the file of another",
  }),
  E_LOGIN_UNSUPPORTED: (agent: string, hint: string): Failure => ({
    message: `cordon cannot sign in to ${agent}`,
    hint,
  }),
  E_LOGIN_FAILED: (agent: string, problem: string, hint: string): Failure => ({
    message: `nobody has signed in to ${agent}: ${problem}`,
    hint,
  }),
  E_LOGIN_OUTSIDE: (words: string, agent: string): Failure => ({
    message: `\`${words}\` would leave a token inside`,
    hint: `\`cordon login ${agent}\` signs in and keeps the token outside; \`--credentials none\` leaves it to the agent`,
  }),
  E_UPDATE_OUTSIDE: (words: string): Failure => ({
    message: `\`${words}\` cannot update anything from inside`,
    hint: `type \`${words}\` without cordon; the next run uses the new version`,
  }),
  E_TOKEN_INVALID: (problem: string, hint: string): Failure => ({
    message: `what came on the input is no token: ${problem}`,
    hint,
  }),
  E_SETUP_FAILED: (command: string, ending: string, origin: string): Failure => ({
    message: `the setup \`${command}\` ${ending}, so nothing was started`,
    hint: `correct it (${origin}), or start without it: \`--no-setup\``,
  }),
  E_SECRETS_UNHIDDEN: (problem: string, origin: string): Failure => ({
    message: `the secrets of this project cannot all be hidden: ${problem}`,
    hint: `correct that, or do without (${origin})`,
  }),
  E_LAUNCH_FAILED: (what: string, problem: string): Failure => ({
    message: `${what}: ${problem}`,
    hint: "`cordon doctor` finds what is missing",
  }),
};

export type ErrorCode = keyof typeof catalogue;

/** What every refusal is: a code that scripts can match, one sentence, the next thing to type, the exit status. */
export class CordonError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly exit: number;

  constructor(code: ErrorCode, failure: Failure) {
    super(failure.message);
    this.code = code;
    this.hint = failure.hint;
    this.exit = failure.exit ?? 125;
  }
}

/** The whole catalogue for the reference page, with `…` where a message names something. */
export const describeErrors = (): (Failure & { code: string; exit: number })[] =>
  Object.entries(catalogue).map(([code, describe]) => {
    const blanks = Array.from({ length: describe.length }, () => "…");
    const failure = (describe as (...details: string[]) => Failure)(...blanks);
    return { code, ...failure, exit: failure.exit ?? 125 };
  });

/** Builds an error of the catalogue; the caller throws it. */
export const errorOf = <Code extends ErrorCode>(
  code: Code,
  ...details: Parameters<(typeof catalogue)[Code]>
): CordonError => {
  const describe = catalogue[code] as (...details: unknown[]) => Failure;
  return new CordonError(code, describe(...details));
};
