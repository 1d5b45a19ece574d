import { type CordonError, errorOf } from "../errors.ts";
import type { Rule } from "../policy.ts";
import { isInRange, parseAddress, parseRange } from "./address.ts";
import {
  connect,
  type Dialled,
  type Failure,
  guardOf,
  isLiteral,
  openTls,
  type Target,
  type Verdict,
} from "./dialler.ts";
import { isProblem, parsePattern } from "./pattern.ts";
import { type Resolve, resolveHost } from "./resolver.ts";
import { decide, type Rules } from "./rules.ts";
import { attach, detach, type Wire } from "./wire.ts";

/** One proxy of the host's own network. User and password are as sent, percent-decoded; never for a log. */
export type UpstreamProxy = {
  protocol: "http" | "https" | "socks5h";
  host: string;
  port: number;
  login: { user: string; password: string } | undefined;
  /** Files of certificates that the environment adds, for a proxy that is spoken to by TLS. */
  certificates: string[];
};

/** What the host's environment says about proxies: for port 80, for all else, and what needs none. */
export type Upstream = { http: UpstreamProxy | undefined; https: UpstreamProxy | undefined; bypass: string[] };

const defaultPorts = { http: 80, https: 443, socks5h: 1080 };
const timeoutMs = 10_000;
const maxHead = 16 * 1024;

/**
 * Reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY; lower case wins, as with curl.
 * Throws E_OPTION_INVALID, with the name of the variable and never its value, when one cannot be used.
 */
export const upstreamOf = (env: Record<string, string | undefined>): Upstream | undefined => {
  const read = (name: string) => env[name.toLowerCase()] || env[name];
  const certificates = [env["SSL_CERT_FILE"], env["NODE_EXTRA_CA_CERTS"]].filter((file) => file !== undefined);
  const proxyOf = (name: string): UpstreamProxy | undefined => {
    const value = read(name);
    return value ? { ...parseProxy(name, value), certificates } : undefined;
  };
  const all = proxyOf("ALL_PROXY");
  const http = proxyOf("HTTP_PROXY") ?? all;
  const https = proxyOf("HTTPS_PROXY") ?? all;
  if (!http && !https) return undefined;
  const bypass = (read("NO_PROXY") ?? "").toLowerCase().split(/[\s,]+/);
  return { http, https, bypass: bypass.filter((entry) => entry !== "") };
};

const parseProxy = (name: string, value: string): Omit<UpstreamProxy, "certificates"> => {
  const text = value.includes("://") ? value : `http://${value}`;
  const url = URL.parse(text.replace(/^socks(5|5h)?:/i, "socks5h:"));
  const protocol = url?.protocol.slice(0, -1);
  if (!url || url.hostname === "" || url.port === "0" || !isProtocol(protocol)) {
    throw unusable(name, "is not the address of an HTTP or SOCKS5 proxy");
  }
  return {
    protocol,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? defaultPorts[protocol] : Number(url.port),
    login: url.username === "" && url.password === "" ? undefined : loginOf(name, url),
  };
};

const isProtocol = (name: string | undefined): name is UpstreamProxy["protocol"] =>
  name !== undefined && name in defaultPorts;

/** Without the value, in which a password may stand. */
const unusable = (name: string, problem: string): CordonError =>
  errorOf("E_OPTION_INVALID", name, problem, "write it as http://HOST:PORT; special characters of a password as %XX");

const loginOf = (name: string, { username, password }: URL): UpstreamProxy["login"] => {
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw unusable(name, "holds a user or password that is not percent-encoded");
  }
};

/**
 * The proxy for a target; undefined when it is to be dialled directly. NO_PROXY is a list of `*`, names (each also
 * stands for its sub-domains, with or without a leading dot or `*.`), addresses and ranges, all but ranges with an
 * optional port. Addresses and ranges only fit targets that are addresses: names are not resolved for this.
 */
export const proxyFor = (upstream: Upstream | undefined, target: Target): UpstreamProxy | undefined => {
  if (upstream?.bypass.some((entry) => isBypassed(entry, target))) return undefined;
  return target.port === 80 ? upstream?.http : upstream?.https;
};

const isBypassed = (entry: string, { name, port }: Target): boolean => {
  const address = parseAddress(name);
  const range = parseRange(entry);
  if (range) return address !== undefined && isInRange(address, range);
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [undefined, entry];
  if (digits !== undefined && Number(digits) !== port) return false;
  const pattern = (bracketed ?? plain ?? "").replace(/^\*?\./, "");
  return pattern === "*" || pattern === name || (!address && name.endsWith(`.${pattern}`));
};

/** Names that mean something only near the host: a proxy would look for them in its own network. */
const localName = /^[^.]+$|\.(local|localhost|localdomain|internal|intranet|lan|home|corp|home\.arpa)$/;

/**
 * The check that stands in for that of the address, which only the proxy learns: addresses are judged as ever, and local
 * names need a rule that names them, which `*` does not.
 */
export const checkName = (rules: Rules, target: Target): Verdict => {
  const { name, port } = target;
  if (isLiteral(name)) return guardOf(rules, target)(name);
  const { rule } = decide(rules, name, port);
  if (!localName.test(name) || (rule && !isForAny(rule))) return { ok: true };
  const hint = `allow it with: cordon allow ${name}`;
  return { ok: false, reason: `${name}:${port} is a local name that the upstream proxy is not asked for; ${hint}` };
};

const isForAny = ({ value }: Rule): boolean => {
  const pattern = parsePattern(value);
  return !isProblem(pattern) && pattern.kind === "any";
};

/**
 * Connects to a target through a proxy, which is told the name. Of what the proxy itself answers nothing but the status
 * goes any further. Never rejects.
 */
export const dialThrough = async (
  proxy: UpstreamProxy,
  target: Target,
  rules: Rules,
  resolve: Resolve = resolveHost,
): Promise<Dialled> => {
  const verdict = checkName(rules, target);
  if (!verdict.ok) return failed({ kind: "refused-address", reason: verdict.reason, address: target.name });
  const addresses = isLiteral(proxy.host) ? [proxy.host] : await resolve(proxy.host);
  if (addresses.length === 0)
    return failed({ kind: "unreachable", detail: "the name of the upstream proxy is unknown" });
  const dialled = await connect(
    addresses,
    proxy.port,
    proxy.protocol === "https" ? await openTls(proxy.host, proxy.certificates) : undefined,
  );
  if (!dialled.ok) return proxyFailed(dialled.failure);
  const { wire } = dialled;
  const deadline = setTimeout(() => wire.terminate(), timeoutMs);
  const handshake = proxy.protocol === "socks5h" ? askSocks : askConnect;
  const failure = await handshake(wire, proxy, target).catch(
    (): Failure => ({ kind: "unreachable", detail: "the upstream proxy gave no proper answer" }),
  );
  clearTimeout(deadline);
  if (!failure) return dialled;
  wire.terminate();
  return failed(failure);
};

const failed = (failure: Failure): Dialled => ({ ok: false, failure });

const proxyFailed = (failure: Failure): Dialled =>
  failed(failure.kind === "unreachable" ? { ...failure, detail: `upstream proxy: ${failure.detail}` } : failure);

/** Resolves to why the proxy refuses, or to nothing; rejects when the proxy makes no sense or goes away. */
type Handshake = (wire: Wire, proxy: UpstreamProxy, target: Target) => Promise<Failure | undefined>;

const askConnect: Handshake = async (wire, { login }, { name, port }) => {
  const authority = `${name.includes(":") ? `[${name}]` : name}:${port}`;
  const secret = login && Buffer.from(`${login.user}:${login.password}`).toString("base64");
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  wire.write([...lines, ...(secret ? [`Proxy-Authorization: Basic ${secret}`] : []), "", ""].join("\r\n"));
  const status = await receive(wire, parseStatus);
  return status >= 200 && status < 300 ? undefined : { kind: "proxy-refused", status };
};

/** The status of an answer and where its head ends; undefined while more is to come. */
const parseStatus: Parse<number> = (bytes) => {
  const head = bytes.subarray(0, maxHead).toString("latin1");
  if (!"HTTP/1.".startsWith(head.slice(0, 7))) throw new Error("no HTTP");
  const end = head.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [, status] = /^HTTP\/1\.[01] ([1-9]\d\d)[ \r]/.exec(head) ?? [];
  if (!status) throw new Error("no status");
  return { value: Number(status), length: end + 4 };
};

/** RFC 1928, with the password of RFC 1929; the name goes as a name. */
const askSocks: Handshake = async (wire, { login }, { name, port }) => {
  wire.write(Buffer.from(login ? [5, 2, 0, 2] : [5, 1, 0]));
  const [version, method] = await receive(wire, take(2));
  if (version !== 5) throw new Error("no SOCKS5");
  if (method === 2 && login) {
    const [user, password] = [Buffer.from(login.user), Buffer.from(login.password)];
    wire.write(Buffer.from([1, user.length, ...user, password.length, ...password]));
    const [, refused] = await receive(wire, take(2));
    if (refused !== 0) return { kind: "proxy-refused", status: 407 };
  } else if (method !== 0) return { kind: "proxy-refused", status: 407 };
  const address = parseAddress(name);
  const host = address ? [address.length === 4 ? 1 : 4, ...address] : [3, name.length, ...Buffer.from(name)];
  wire.write(Buffer.from([5, 1, 0, ...host, port >> 8, port & 0xff]));
  const reply = (await receive(wire, parseReply))[1]!;
  return reply === 0 ? undefined : { kind: "unreachable", detail: `upstream proxy: SOCKS reply ${reply}` };
};

const take =
  (length: number): Parse<Buffer> =>
  (bytes) =>
    bytes.length < length ? undefined : { value: bytes, length };

const parseReply: Parse<Buffer> = (bytes) => {
  const sizes: Record<number, number> = { 1: 4, 3: 1 + (bytes[4] ?? 0), 4: 16 };
  if (bytes.length < 5) return undefined;
  const size = sizes[bytes[3]!];
  if (bytes[0] !== 5 || size === undefined) throw new Error("no SOCKS5");
  return take(4 + size + 2)(bytes);
};

type Parse<Value> = (bytes: Buffer) => { value: Value; length: number } | undefined;

/** Reads until `parse` is content; what follows stays for whoever takes the connection over. */
const receive = <Value>(wire: Wire, parse: Parse<Value>): Promise<Value> => {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  let bytes = Buffer.alloc(0);
  const stop = (): void => reject(new Error("the connection ended"));
  const read = (chunk: Uint8Array): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const parsed = parse(bytes);
    if (parsed) {
      detach(wire, bytes.subarray(parsed.length));
      resolve(parsed.value);
    } else if (bytes.length >= maxHead) throw new Error("too long");
  };
  const data = (chunk: Uint8Array): void => {
    try {
      read(chunk);
    } catch (error) {
      detach(wire);
      reject(error);
    }
  };
  attach(wire, { data, end: stop, close: stop });
  return promise;
};
