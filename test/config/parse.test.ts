import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../src/config/parse.ts";
import type { CordonError } from "../../src/errors.ts";

const parse = (text: string) => parseConfig(new TextEncoder().encode(text), "the file");

const problem = async (text: string | Uint8Array): Promise<CordonError> => {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  try {
    await parseConfig(bytes, "the file");
  } catch (error) {
    return error as CordonError;
  }
  throw new Error("the file was accepted");
};

const whole = `
agent = "codex"
backend = "native"
preset = "strict"
credentials = "none"
timeout = "30m"
[filesystem]
read = ["~/notes"]
write = ["../sibling"]
hide = ["secrets"]
[network]
mode = "filtered"
allow = ["example.com", "*.example.org", "a.example:8443"]
deny = ["bad.example", "10.0.0.0/8"]
presets = ["registries"]
host-ports = [5432]
publish = ["5173", "3000:8080", "auto"]
[env]
pass = ["HTTP_PROXY"]
set = { A = "1", B = "" }
dotenv = ["API_KEY"]
[resources]
cpus = 1.5
memory = "4g"
pids = 512
disk = "2GiB"
[widen]
userns = true
browser = false
[agents.mine]
command = "my-agent"
args = ["--auto"]
state = [".mine"]
env = { MINE = "1" }
[services.tickets]
hosts = ["tickets.example", "*.tickets.example:8443"]
header = "X-Token"
scheme = "none"
command = ["vault", "read"]
ttl = "30m"
variable-inside = "TICKETS_TOKEN"
`;

test("every key, and the same with a byte order mark and CRLF", async () => {
  const values = await parse(whole);
  expect(Object.keys(values).length).toBe(12);
  expect(values.agents?.["mine"]).toEqual({
    command: "my-agent",
    args: ["--auto"],
    state: [".mine"],
    env: { MINE: "1" },
  });
  expect(await parse(`\ufeff${whole.replaceAll("\n", "\r\n")}`)).toEqual(values);
  expect(await parse("")).toEqual({});
});

describe("what is refused", () => {
  const table: [string, RegExp, RegExp?][] = [
    ["netwrok = {}", /unknown key `netwrok`/, /did you mean `network`/],
    ["[network]\nallowedDomain = ['x']", /unknown key `network.allowedDomain`/, /mode, allow, deny/],
    ["[network]\nmodee = 'none'", /unknown key `network.modee`/, /did you mean `mode`/],
    ["[agents.mine]\ncomand = 'x'", /unknown key `agents.mine.comand`/, /did you mean `command`/],
    ["[services.x]\nhosts = ['https://x.example']", /`services.x.hosts.0` must be a name/],
    ["[services.x]\nhosts = ['GET x.example/a']", /`services.x.hosts.0` must be a name/],
    ["[services.x]\nhosts = ['*']", /`services.x.hosts.0` must be a name/],
    ["[services.x]\nscheme = 'digest'", /`services.x.scheme` expected/],
    ["[services.x]\nheader = 'a: b'", /`services.x.header` must be the name of a header/],
    ["[services.x]\nuser = 'a; id'", /`services.x.user` must be letters/],
    ["[services.x]\ncommand = []", /`services.x.command` must/],
    ["image = 'x'", /unknown key `image`/],
    ["mounts = ['/:/host']", /unknown key `mounts`/],
    ["ssh_agent = true", /unknown key `ssh_agent`/],
    ["[widen]\ndocker = true", /unknown key `widen.docker`/, /userns, browser/],
    ["[widen]\nuserns = 'false'", /`widen.userns` expected boolean, found "false"/],
    ["preset = 'none'", /`preset` expected "open", "standard", "strict"/],
    ["preset = ['open']", /`preset` expected/],
    ["preset = true\n[network]\nmode = 1", /`preset` expected.*; `network.mode` expected/],
    ["backend = 'none'", /`backend` expected "auto", "native"/],
    ["network = 'allow-all'", /`network` expected a table, found "allow-all"/],
    ["[filesystem]\nread = 'x'", /`filesystem.read` expected a list/],
    ["[filesystem]\nread = ['']", /`filesystem.read.0` must be non-empty/],
    ['[filesystem]\nhide = ["a\\u0000b"]', /`filesystem.hide.0`/],
    ['[filesystem]\nhide = ["a\\nb"]', /`filesystem.hide.0`/],
    ["[resources]\ncpus = nan", /`resources.cpus` expected number, found NaN/],
    ["[resources]\ncpus = inf", /`resources.cpus` must be at most/],
    ["[resources]\ncpus = 0", /`resources.cpus` must be at least/],
    ["[resources]\npids = -1", /`resources.pids` must be at least 1/],
    ["[resources]\npids = 1.5", /`resources.pids` must be a whole number/],
    ["[resources]\npids = 99999999999999999999", /integer value cannot/],
    ["[resources]\nmemory = '-4g'", /`resources.memory` must be a size/],
    ["[resources]\nmemory = '4'", /`resources.memory` must be a size/],
    ["[resources]\nmemory = '1k'", /`resources.memory` must be at least 1m/],
    ["[resources]\nmemory = '999999999t'", /`resources.memory` must be/],
    ["timeout = '25d'", /`timeout` must be at most 24 days/],
    ["timeout = 30", /`timeout` expected string/],
    ["timeout = 2020-01-01", /`timeout` expected string/],
    ["agent = '../../x'", /`agent` must be a name/],
    ["agent = '--help'", /`agent` must be a name/],
    ["[agents.run]\ncommand = 'x'", /`run` is a command of cordon/],
    ["[agents.'a b']\ncommand = 'x'", /`agents."a b"` must be a name/],
    ["[env.set]\n'A B' = 'x'", /`env.set."A B"` must be the name/],
    ["[env]\nset = { A = 1 }", /`env.set.A` expected string/],
    ["[env]\npass = ['*']", /`env.pass.0` must be the name/],
    ["[network]\nallow = ['localhost:80']", /`network.allow.0` .*loopback \(`--host-port 80`/],
    ["[network]\npresets = ['all']", /`network.presets.0` expected "registries", "git-hosts"/],
    ["[network]\nhost-ports = [0]", /`network.host-ports.0` must be at least 1/],
    ["[network]\nhost-ports = ['80']", /`network.host-ports.0` expected number/],
    ["[network]\npublish = ['80:0']", /`network.publish.0` must be such as/],
    ["[network]\npublish = ['70000']", /`network.publish.0` must name ports/],
    ["[network]\nallow = ['a b']", /`network.allow.0` must be a host/],
    ['[network]\nallow = ["a.example\\u0000.b"]', /`network.allow.0` must be a host/],
    ["[network]\nallow = ['http://a.example/']", /`network.allow.0` must be a host/],
    ["a = 1\na = 2", /redefine/],
    ["preset = ", /the file:1:|value/],
    ["__proto__ = 1", /`__proto__` cannot be a key/],
    ["[__proto__]\nx = 1", /`__proto__` cannot be a key/],
    ["[env.set.__proto__]\nx = 'y'", /`__proto__` cannot be a key/],
    ["[constructor.prototype]\nx = 1", /`(constructor|prototype)` cannot be a key/],
    ["[agents.constructor]\ncommand = 'x'", /`constructor` cannot be a key/],
    [`${"a.".repeat(60_000)}b = 1`, /nested too deeply/],
    [`a = ${"[".repeat(100_000)}`, /nested|the file/],
    [`a = ${"{a=".repeat(50_000)}`, /nested|the file/],
  ];
  for (const [text, message, hint] of table)
    test(JSON.stringify(text).slice(0, 60), async () => {
      const error = await problem(text);
      expect(error.code).toBe("E_CONFIG_INVALID");
      expect(error.message).toStartWith("the file");
      expect(error.message).toMatch(message);
      if (hint) expect(error.hint).toMatch(hint);
    });

  test("bytes that are not UTF-8", async () => {
    expect((await problem(new Uint8Array([0x61, 0xff, 0xfe]))).message).toContain("UTF-8");
  });

  test("no control character of the file reaches the message", async () => {
    for (const text of ['preset = "\\u001b[31m"', '"a\\u001b[2J" = 1', 'preset = "\\u202e"', '[agents."\\u009b"]\nx=1'])
      expect((await problem(text)).message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test("nothing that a file says reaches the prototypes", async () => {
    await problem("[__proto__]\npreset = 'open'");
    expect(({} as { preset?: string }).preset).toBeUndefined();
  });
});
