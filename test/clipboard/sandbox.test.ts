import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Done, type Lab, users } from "../run/lab.ts";

const png = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"),
  Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 31) & 0xff)),
]);
const mebibyte = 1024 * 1024;

/** What the programs of the host have in their clipboard: a file for each type. */
const script = (place: string): string => `#!/bin/sh
echo "$0 $*" >> ${place}/calls
echo "$DISPLAY|$WAYLAND_DISPLAY|$PLANTED_SECRET" > ${place}/env
case "$*" in
  *TARGETS*|*-l*) exec cat ${place}/types ;;
esac
for word; do [ -f "${place}/data/$word" ] && exec cat "${place}/data/$word"; done
exit 1
`;

/** As Claude Code asks (its own words, with a file of ours). */
const claude =
  'xclip -selection clipboard -t TARGETS -o 2>/dev/null | grep -E "image/(png|jpeg|jpg|gif|webp|bmp)" || wl-paste -l 2>/dev/null | grep -E "image/(png|jpeg|jpg|gif|webp|bmp)"; ' +
  "xclip -selection clipboard -t image/png -o > got 2>/dev/null || wl-paste --type image/png > got 2>/dev/null || xclip -selection clipboard -t image/bmp -o > got 2>/dev/null || wl-paste --type image/bmp > got";

describe.each(users)("as $name", ({ uid }) => {
  let lab: Lab;
  let place: string;
  const inside = (text: string, options = ["--paste-images"]): Done =>
    lab.cordon(["run", "--net", "none", ...options, "--", "sh", "-c", text]);
  const got = () => fs.readFileSync(path.join(lab.at("project"), "got"));
  const copy = (content: Record<string, Uint8Array | string>, types = Object.keys(content)): void => {
    fs.rmSync(path.join(place, "data"), { recursive: true, force: true });
    for (const [type, data] of Object.entries(content)) {
      const file = path.join(place, "data", type);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, data);
    }
    fs.writeFileSync(path.join(place, "types"), types.map((type) => `${type}\n`).join(""));
    fs.writeFileSync(path.join(place, "calls"), "");
    execFileSync("chown", ["-R", `${uid}:${uid}`, place]);
  };
  const calls = () => fs.readFileSync(path.join(place, "calls"), "utf8");

  beforeAll(() => {
    lab = createLab(uid);
    place = path.join(lab.directory, "clipboard");
    fs.mkdirSync(path.join(place, "bin"), { recursive: true });
    for (const name of ["xclip", "wl-paste"])
      fs.writeFileSync(path.join(place, "bin", name), script(place), { mode: 0o755 });
    Object.assign(lab.env, { DISPLAY: ":99", PATH: `${place}/bin:${lab.env.PATH}` });
  });
  beforeEach(() => fs.rmSync(path.join(lab.at("project"), "got"), { force: true }));
  afterAll(() => lab.close());

  test("nothing of it is there unless it is asked for", () => {
    copy({ "image/png": png });
    expect(inside("command -v xclip; command -v wl-paste; ls /run", []).stdout).toBe("user\n");
    expect(calls()).toBe("");
  });

  test("an image comes in by what Claude Code types, and the person is told", () => {
    copy({ "image/png": png, "text/plain": "a password" }, ["TARGETS", "text/plain", "image/png"]);
    const { stdout, stderr } = inside(claude);
    expect(stdout).toBe("image/png\n");
    expect(got().equals(png)).toBe(true);
    expect(stderr).toBe("cordon: an image was handed over from the clipboard (image/png, 196 KiB)\n");
  });

  test("by what opencode and Gemini CLI start, and by the name that Gemini CLI looks at", () => {
    copy({ "image/png": png });
    expect(inside("wl-paste -t image/png > got").code).toBe(0);
    expect(got().equals(png)).toBe(true);
    const gemini = "[ $XDG_SESSION_TYPE = wayland ] && command -v wl-paste && wl-paste --list-types";
    expect(inside(gemini).stdout).toBe("/run/cordon/bin/wl-paste\nimage/png\n");
    expect(inside("wl-paste --no-newline --type image/png > got").code).toBe(0);
    expect(got().equals(png)).toBe(true);
  });

  test("of Wayland's and X11's programs the one of the display is asked, with nothing else of the environment", () => {
    copy({ "image/png": png });
    inside("wl-paste -l");
    expect(calls()).toBe(`${place}/bin/xclip -selection clipboard -t TARGETS -o\n`);
    expect(fs.readFileSync(path.join(place, "env"), "utf8")).toBe(":99||\n");
    copy({ "image/png": png });
    Object.assign(lab.env, { WAYLAND_DISPLAY: "wayland-9" });
    inside("xclip -selection clipboard -t image/png -o >/dev/null");
    Object.assign(lab.env, { WAYLAND_DISPLAY: "" });
    expect(calls()).toBe(`${place}/bin/wl-paste --type image/png\n`);
  });

  test("text is never handed out: the host is not even asked", () => {
    copy({ "text/plain": "a password" });
    const asks = [
      ...["wl-paste", "wl-paste --no-newline", "wl-paste -t text/plain", "xclip -o", "xclip -selection primary -o"],
      "xclip -selection clipboard -t text/plain -o",
    ];
    for (const ask of asks) {
      const { code, stdout } = inside(ask);
      expect([ask, code, stdout]).toEqual([ask, 1, ""]);
    }
    expect(calls()).toBe("");
    const { stdout } = inside("wl-paste -l || echo none");
    expect(stdout).toBe("none\n");
  });

  test("what only calls itself an image stays outside", () => {
    const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0]), Buffer.alloc(99)]);
    for (const lie of ["a password", "", jpeg, "GIF89a a password", Buffer.from("\0a password")]) {
      copy({ "image/png": lie, "image/gif": lie });
      const { code, stdout } = inside("wl-paste -t image/png || wl-paste -t image/gif");
      expect([code, stdout]).toEqual([1, ""]);
      expect(calls()).not.toBe("");
    }
  });

  test("a large image comes whole, a larger one not at all", () => {
    copy({ "image/png": Buffer.concat([png, Buffer.alloc(20 * mebibyte - png.length, 7)]) });
    inside("wl-paste -t image/png > got");
    expect(got().length).toBe(20 * mebibyte);
    copy({ "image/png": Buffer.concat([png, Buffer.alloc(20 * mebibyte - png.length + 1, 7)]) });
    const { code, stderr } = inside("wl-paste -t image/png > got");
    expect([code, got().length]).toEqual([1, 0]);
    expect(stderr).toContain("the image is larger than 20 MiB");
  });

  test("at most ten of them a minute", () => {
    copy({ "image/png": png });
    const { stdout } = inside("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do wl-paste -t image/png | wc -c; done");
    expect(stdout.trim().split("\n").map(Number)).toEqual([...Array(10).fill(png.length), 0, 0]);
  });

  test("noise on the socket does no harm", () => {
    copy({ "image/png": png });
    const python = `import socket, os
def say(data):
    s = socket.socket(socket.AF_UNIX); s.connect("/run/cordon/clipboard.sock"); s.settimeout(30)
    try:
        s.sendall(data); got = b""
        while True:
            part = s.recv(65536)
            if not part: return got
            got += part
    except ConnectionError: return b""
for data in [b"\\n", b"text/plain\\n", b"a" * 100000, b"image/png\\0\\n", b"types\\nimage/png\\n", os.urandom(500) + b"\\n"]: print(say(data))
held = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for s in held: s.connect("/run/cordon/clipboard.sock")
for s in held: s.close()
`;
    fs.writeFileSync(path.join(lab.at("project"), "say.py"), python);
    const { stdout } = inside("/usr/bin/python3 say.py; until wl-paste -l 2>/dev/null; do sleep 0.1; done");
    const no = "b'no only images are handed out\\n'";
    expect(stdout.split("\n")).toEqual([no, no, no, no, "b'ok 10\\nimage/png\\n'", no, "image/png", ""]);
  });

  test("what is missing is said before the start", () => {
    const refusal = (changes: Record<string, string>): string => {
      const before = { ...lab.env };
      Object.assign(lab.env, changes);
      const { code, stderr } = inside("touch started");
      Object.assign(lab.env, before);
      expect([code, fs.existsSync(path.join(lab.at("project"), "started"))]).toEqual([125, false]);
      return stderr;
    };
    expect(refusal({ DISPLAY: "" })).toContain("there is no display");
    expect(refusal({ PATH: lab.env.PATH.replace(`${place}/bin:`, "") })).toContain("xclip");
  });

  test("a project cannot ask for it", () => {
    const file = path.join(lab.at("project"), ".cordon.toml");
    fs.writeFileSync(file, "[widen]\npaste-images = true\n");
    const { code, stderr } = inside("true", []);
    fs.rmSync(file);
    expect([code, stderr]).toEqual([125, expect.stringContaining("widen.paste-images")]);
  });

  test("a program of the project is not taken for the host's", () => {
    copy({ "image/png": png });
    const planted = path.join(lab.at("project"), "bin");
    fs.mkdirSync(planted);
    fs.writeFileSync(path.join(planted, "xclip"), `#!/bin/sh\ntouch ${place}/planted\n`, { mode: 0o755 });
    const { PATH } = lab.env;
    Object.assign(lab.env, { PATH: `${planted}:${PATH}` });
    expect(inside("wl-paste -l").stdout).toBe("image/png\n");
    Object.assign(lab.env, { PATH });
    expect(fs.existsSync(path.join(place, "planted"))).toBe(false);
  });
});
