/** What one test file came to. `skipped` holds names: by this project's custom a skipped test's name ends with the reason. */
export type Tally = { passed: number; failed: number; skipped: string[] };

/** Counts the cases of a JUnit report as `bun test --reporter=junit` writes it. */
export const readJunit = (xml: string): Tally => {
  const tally: Tally = { passed: 0, failed: 0, skipped: [] };
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)) {
    if (body.includes("<skipped")) tally.skipped.push(nameOf(attributes));
    else if (/<(failure|error)\b/.test(body)) tally.failed++;
    else tally.passed++;
  }
  return tally;
};

const nameOf = (attributes: string): string => {
  const [group, name] = ["classname", "name"].map((key) => new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1]);
  return decode(group ? `${group}: ${name}` : `${name}`);
};

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

const decode = (text: string): string =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (entities[name] ?? whole),
  );
