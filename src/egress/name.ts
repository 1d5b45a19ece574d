const longestName = 253;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What resolvers read as a part of an IPv4 address: decimal or hexadecimal digits (inet_aton(3)). */
const number = /^([0-9]+|0x[0-9a-f]*)$/;

/**
 * The one spelling of a host name: lower case, without the trailing dot. Undefined for everything that is not a plain
 * name of letters, digits and hyphens (RFC 1123 §2.1), also for what a resolver would read as an address. Only this
 * spelling is ever matched, routed or logged.
 */
export const canonicalName = (text: string): string | undefined => {
  // Before anything else: `toLowerCase` turns the Kelvin sign into a plain k.
  if (text.length > longestName + 1 || !/^[A-Za-z0-9.-]+$/.test(text)) return undefined;
  const lower = text.toLowerCase();
  const name = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  if (name.length > longestName) return undefined;
  const labels = name.split(".");
  return labels.every((part) => label.test(part)) && !number.test(labels.at(-1)!) ? name : undefined;
};

/**
 * The same for a rule that a person wrote, where other scripts are spelt as they look (UTS 46). Enforcement never
 * converts: there a name that is not ASCII is no name.
 */
export const nameOfRule = (text: string): string | undefined => {
  const name = canonicalName(text);
  if (name !== undefined || !/[^\u0000-\u007f]/.test(text) || /[\u0000-\u0020/\\?#@:[\]%]/.test(text)) return name;
  try {
    return canonicalName(new URL(`http://${text}`).hostname);
  } catch {
    return undefined;
  }
};

/** True for names that always mean the machine itself (RFC 6761 §6.3). */
export const isLocalhost = (name: string): boolean => name === "localhost" || name.endsWith(".localhost");
