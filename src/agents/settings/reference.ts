/**
 * How settings refer to a variable. The name is the first group that took part; what stands for a variable that is not
 * set is the group `otherwise`.
 */
const patterns = {
  /** `${NAME}`, `${NAME:-default}` (Claude Code's own pattern). */
  braces: /\$\{(?<name>[A-Za-z_]\w*)(?::-(?<otherwise>[^}]*))?\}/g,
  /** The same and `$NAME` (Gemini CLI's own pattern). */
  dollar: /\$(?:(?<bare>\w+)|\{(?<name>[^}]+?)(?::-(?<otherwise>[^}]*))?\})/g,
  /** `{env:NAME}` */
  env: /\{env:(?<name>[^}]+)\}/g,
  /** `${env:NAME}` */
  bracesEnv: /\$\{env:(?<name>[^}]+)\}/g,
};

export type ReferenceStyle = keyof typeof patterns;
export type Variables = Record<string, string | undefined>;

/** A text with its references filled in, and their names. What is set nowhere and has no default stays as it stands. */
export const fillReferences = (
  text: string,
  style: ReferenceStyle | undefined,
  env: Variables,
): { text: string; names: string[] } => {
  if (style === undefined) return { text, names: [] };
  const names: string[] = [];
  const filled = text.replaceAll(patterns[style], (whole, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>;
    const name = (groups["bare"] ?? groups["name"])!;
    names.push(name);
    return (Object.hasOwn(env, name) ? env[name] : undefined) ?? groups["otherwise"] ?? whole;
  });
  return { text: filled, names };
};
