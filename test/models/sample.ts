type Schema = { [key: string]: unknown };

/**
 * The smallest value that fits a JSON schema: agents ask side questions (titles, routing, who speaks next) with one.
 * Of an enumeration, `user` is preferred: "the user speaks next" is what lets an agent come to rest.
 */
export function sampleOf(schema: unknown): unknown {
  const { type, properties, items, enum: values, const: only, anyOf, minimum } = (schema ?? {}) as Schema;
  if (only !== undefined) return only;
  if (Array.isArray(values)) return values.includes("user") ? "user" : values[0];
  if (Array.isArray(anyOf)) return sampleOf(anyOf[0]);
  const kind = String(Array.isArray(type) ? type[0] : type).toLowerCase();
  if (properties || kind === "object") {
    return Object.fromEntries(Object.entries((properties ?? {}) as Schema).map(([key, part]) => [key, sampleOf(part)]));
  }
  if (kind === "array") return items ? [sampleOf(items)] : [];
  if (kind === "boolean") return false;
  if (kind === "number" || kind === "integer") return minimum ?? 1;
  return "ok";
}
