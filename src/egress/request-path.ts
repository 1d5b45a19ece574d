/**
 * A path taken apart. A segment is the bytes that it stands for, one character a byte, so that `%7E` and `~` are the
 * same and an encoded slash is no border. In a rule `anything` stands for each `*`.
 */
export type RequestPath = {
  /** The one spelling, which a shell leaves as it is between double quotes. */
  text: string;
  /** The segments in every way that servers read them, in the same order for each path: the literal one first. */
  readings: string[][];
};

/** Why a path is not taken, for a sentence that begins with what it is about. */
export type PathProblem = { problem: string };

/** No byte is this character. */
const anything = "\uffff";

/** Takes the target of a request apart; the query does not count. Nothing that two servers could take for two paths. */
export const readPath = (target: string): RequestPath | PathProblem =>
  target.includes("#") ? { problem: "it has a fragment" } : read(target.split("?", 1)[0]!, "*");

/** The same for the path of a rule, in which `*` stands for anything within a segment. */
export const readRulePath = (path: string): RequestPath | PathProblem =>
  /[?#]/.test(path) ? { problem: "a rule is about a path without query and fragment" } : read(path, anything);

/** Whether an allowance holds for a request: however the server reads the path. */
export const allowsPath = (rule: RequestPath, request: RequestPath): boolean =>
  rule.readings.every((reading, at) => covers(reading, request.readings[at]!));

/** Whether a denial holds for a request: as soon as a server could read it so. Many disregard the case of letters. */
export const deniesPath = (rule: RequestPath, request: RequestPath): boolean =>
  rule.readings.some((reading, at) => covers(reading.map(fold), request.readings[at]!.map(fold)));

const fold = (segment: string): string => segment.toLowerCase();

const read = (path: string, star: string): RequestPath | PathProblem => {
  if (!/^\/[!-~]*$/.test(path)) return { problem: "its path does not begin with a slash, or is not ASCII" };
  if (!isUtf8(path)) return { problem: "its path has a percent sign that encodes nothing" };
  const segments = path.slice(1).replaceAll("*", star).split("/").map(decode);
  if (segments.some((segment) => /[\\\x00-\x1f\x7f]/.test(segment)))
    return { problem: "its path has a backslash or a control character" };
  if (segments.some((segment) => /%u?[0-9a-f]{2}/i.test(segment))) return { problem: "its path is encoded twice" };
  const readings = readingsOf(segments);
  const isUnclear = readings.flat().some((segment) => ["", ".", ".."].includes(segment));
  if (isUnclear) return { problem: "its path has empty segments or dot segments" };
  return { text: `/${readings[0]!.map(encode).join("/")}`, readings };
};

/** Also false for encodings that are longer than they may be: some servers decode `%C0%AF` to a slash. */
const isUtf8 = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

const decode = (segment: string): string =>
  segment.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/** What a shell would act on between double quotes is encoded, and so is what means something in a rule. */
const encode = (segment: string): string =>
  segment.replace(/[^A-Za-z0-9._~@:+,=&();-]/g, (character) =>
    character === anything ? "*" : `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );

/** What servers do, or leave, with segments: each may be done or not, whatever is done besides. */
const liberties: ((segments: string[]) => string[])[] = [
  // An encoded slash is a border: gateways decode before they route, npm's registry takes it for the one in a scope.
  (segments) => segments.flatMap((segment) => segment.split("/")),
  // Parameters of a segment are dropped (RFC 3986, 3.3; servlet containers).
  (segments) => segments.map((segment) => segment.split(";", 1)[0]!),
  // The query begins at an encoded question mark: proxies that decode before they pass on.
  (segments) => {
    const at = segments.findIndex((segment) => /[?#]/.test(segment));
    return at < 0 ? segments : [...segments.slice(0, at), segments[at]!.split(/[?#]/, 1)[0]!];
  },
];

const readingsOf = (segments: string[]): string[][] =>
  liberties.reduce((readings, take) => readings.flatMap((reading) => [reading, take(reading)]), [segments]).map(trim);

/** A slash at the end makes no difference. */
const trim = (segments: string[]): string[] => (segments.at(-1) === "" ? segments.slice(0, -1) : segments);

const covers = (rule: readonly string[], request: readonly string[]): boolean =>
  rule.length <= request.length && rule.every((segment, at) => fits(segment, request[at]!));

/** Without regular expressions: these take exponential time for some patterns. */
const fits = (rule: string, segment: string): boolean => {
  const [head = "", ...pieces] = rule.split(anything);
  const tail = pieces.pop();
  if (tail === undefined) return rule === segment;
  if (!segment.startsWith(head) || !segment.endsWith(tail)) return false;
  let at = head.length;
  for (const piece of pieces) {
    const found = segment.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at + tail.length <= segment.length;
};
