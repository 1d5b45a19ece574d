/**
 * Options of ssh_config(5) that say where a host is and how to talk to it. What runs a command, reads another file,
 * forwards something or names another agent is not among them.
 */
const keptOptions = new Set(
  [
    ...["HostName", "HostKeyAlias", "User", "Port", "AddressFamily", "ProxyJump"],
    ...["IdentitiesOnly", "PreferredAuthentications", "PubkeyAuthentication", "BatchMode"],
    ...["ConnectTimeout", "ConnectionAttempts", "ServerAliveInterval", "ServerAliveCountMax", "TCPKeepAlive"],
    ...["Compression", "LogLevel", "StrictHostKeyChecking", "CheckHostIP", "VisualHostKey"],
    ...["HostKeyAlgorithms", "KexAlgorithms", "Ciphers", "MACs", "PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes"],
  ].map((name) => name.toLowerCase()),
);

/** Criteria of `Match` that run nothing; the first ones take no argument. */
const bareCriteria = ["all", "canonical", "final"];
const patternCriteria = ["host", "originalhost", "user", "localuser"];

/**
 * The user's ssh configuration as it stands inside. `placeOf` gives the place inside of an identity file's public part,
 * or nothing when its key was not chosen. A `Match` block that cannot be kept goes as a whole.
 */
export const filterSshConfig = (text: string, placeOf: (identityFile: string) => string | undefined): string => {
  const kept: string[] = [];
  let isKept = true;
  for (const line of text.split(/\r?\n/)) {
    const [, keyword, rest] = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)([^\p{Cc}]*[^\p{Cc}\s])\s*$/u.exec(line) ?? [];
    if (keyword === undefined || rest === undefined) continue;
    const name = keyword.toLowerCase();
    if (name === "host" || name === "match") {
      isKept = name === "host" || isHarmless(rest);
      if (isKept) kept.push("", `${keyword} ${rest}`);
    } else if (isKept) kept.push(...optionOf(name, keyword, rest, placeOf));
  }
  return `${kept.join("\n").trim()}\n`;
};

const optionOf = (
  name: string,
  keyword: string,
  rest: string,
  placeOf: (identityFile: string) => string | undefined,
): string[] => {
  if (keptOptions.has(name)) return [`  ${keyword} ${rest}`];
  const place = name === "identityfile" ? placeOf(rest.replace(/^"(.*)"$/, "$1")) : undefined;
  return place === undefined ? [] : [`  IdentityFile ${place}`];
};

const isHarmless = (criteria: string): boolean => {
  const words = criteria.match(/"[^"]*"|[^\s"=]+/g) ?? [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!.toLowerCase().replace(/^!/, "");
    if (bareCriteria.includes(word)) continue;
    if (!patternCriteria.includes(word)) return false;
    at++;
  }
  return words.length > 0;
};
