/** Telling by its name or its looks that a value is a secret. Where in doubt it is one: it can be named by hand. */

const words = new Set([
  ...["apikey", "auth", "authorization", "bearer", "cookie", "credential", "credentials", "dsn", "headers", "jwt"],
  ...["key", "pass"],
  ...["passphrase", "passwd", "password", "pat", "pwd", "secret", "secrets", "token"],
]);

/** How the tokens of well-known issuers begin. */
const issued =
  /\b(sk-[\w-]{16}|sk_(live|test)_|gh[opsu]_\w{16}|github_pat_|glpat-|xox[abeprs]-|xapp-|AKIA[A-Z0-9]{12}|AIza[\w-]{16}|ya29\.|eyJ[\w-]{10,}\.|ntn_|lin_api_|figd_|hf_\w{16}|npm_\w{16}|pypi-|dop_v1_|shpat_|tvly-|BSA[\w-]{16})|-----BEGIN /;

const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

/** For variables, headers, options and parts of a query: any word of the name counts. */
export const isSecretName = (name: string): boolean => wordsOf(name).some((word) => words.has(word));

/** For keys of settings, where the last word is the thing: `apiKey` is a secret, `apiKeyHelper` and `env_key` are not. */
export const isSecretKey = (key: string): boolean => {
  const found = wordsOf(key);
  return words.has(found.at(-1)!) && !found.includes("env");
};

export const isSecretValue = (value: string): boolean => issued.test(value) || hasPassword(value);

/** A name of a variable, a switch or a number is no secret, whatever it is called. */
export const isPlain = (value: string): boolean =>
  /^(|true|false|\d{1,8}|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+)$/.test(value) || /^\$?\{[\w:]+\}$/.test(value);

/** `scheme://user:password@host` */
const hasPassword = (value: string): boolean => /\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]*:[^\s/?#@]+@/i.test(value);
