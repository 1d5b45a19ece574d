import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { createLab, type Lab, users } from "./lab.ts";

describe.each(users)("package caches, as $name", ({ uid }) => {
  let lab: Lab;
  beforeEach(() => {
    lab = createLab(uid);
  });
  afterEach(() => lab.close());

  const plant = (file: string, text = "from-the-host"): string => {
    const target = path.join(lab.at("home"), file);
    const steps = file.split("/");
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, text);
    for (const index of steps.keys()) fs.chownSync(path.join(lab.at("home"), ...steps.slice(0, index + 1)), uid, uid);
    return target;
  };
  const inside = (mode: string, script: string) =>
    lab.cordon(["run", "--net", "none", "--caches", mode, "--", "sh", "-c", `cd; ${script}`]);

  const places: [tool: string, host: string, inside: string][] = [
    ["npm", ".npm/_cacache", "$npm_config_cache/_cacache"],
    ["pip", ".cache/pip", "$PIP_CACHE_DIR"],
    ["uv", ".cache/uv", "$UV_CACHE_DIR"],
    ["cargo", ".cargo/registry", ".cargo/registry"],
    ["go", "go/pkg/mod", "go/pkg/mod"],
    ["maven", ".m2/repository", ".m2/repository"],
    ["bun", ".bun/install/cache", ".bun/install/cache"],
  ];

  test.each(places)("%s's is read inside, and what is written stays with the project", (_, host, place) => {
    const file = plant(`${host}/a/b`);
    const script = `cat ${place}/a/b; echo changed > ${place}/a/b; echo new > ${place}/new; rm -rf ${place}/a/c`;
    plant(`${host}/a/c/d`);
    expect(inside("shared", script).stdout).toBe("from-the-host");
    expect(fs.readFileSync(file, "utf8")).toBe("from-the-host");
    expect(fs.readdirSync(path.dirname(file)).sort()).toEqual(["b", "c"]);
    expect(fs.readdirSync(path.join(lab.at("home"), host))).toEqual(["a"]);
    expect(inside("shared", `cat ${place}/a/b ${place}/new; ls ${place}/a`).stdout).toBe("changed\nnew\nb\n");
  });

  test("private ones show nothing of the host's and are kept", () => {
    plant(".cargo/registry/a");
    plant(".m2/repository/a");
    expect(inside("private", "ls .cargo/registry/ .m2/repository/; echo x > .m2/repository/mine").stdout).toBe(
      ".cargo/registry/:\n\n.m2/repository/:\n",
    );
    expect(inside("private", "cat .m2/repository/mine").stdout).toBe("x\n");
    expect(fs.readdirSync(path.join(lab.at("home"), ".m2/repository"))).toEqual(["a"]);
  });

  test("files beside them stay outside", () => {
    const secrets = [".npmrc", ".cargo/credentials.toml", ".m2/settings.xml", ".gradle/gradle.properties", ".netrc"];
    for (const file of secrets) plant(file, "planted-content");
    for (const [, host] of places) plant(`${host}/a`);
    const done = inside("shared", `cat ${secrets.join(" ")} $npm_config_cache/.npmrc; ls -A .cargo .m2`);
    expect(done.stdout).not.toContain("planted-content");
    expect(done.stdout).not.toContain("settings.xml");
  });

  test("two runs at once do not share what they write", async () => {
    plant(".cargo/registry/a");
    const first = await lab.start("echo 1 > $HOME/.cargo/registry/mine; while [ ! -e stop ]; do sleep 0.1; done", [
      ...["--net", "none", "--caches", "shared"],
    ]);
    const done = inside("shared", "cat .cargo/registry/a; cat .cargo/registry/mine; true");
    fs.writeFileSync(path.join(lab.at("project"), "stop"), "");
    expect(await first.ended).toBe(0);
    expect(done.stdout).toBe("from-the-host");
    expect(inside("shared", "cat .cargo/registry/mine").stdout).toBe("1\n");
  });

  test("an agent's link in a cache leads no later run astray", () => {
    plant(".cargo/registry/a");
    const target = plant("precious/file", "planted-content");
    const place = path.dirname(target);
    inside(
      "private",
      `cd /run/cordon/packages; rm -rf cargo maven; ln -s ${place} cargo; ln -s ${place} maven/x; true`,
    );
    expect(inside("private", "touch .cargo/registry/new; cat .cargo/registry/file").stdout).toBe("");
    inside("shared", `ln -s ${place} $HOME/.cache/pip; ln -s ${place} $npm_config_cache/_cacache/x; true`);
    const done = inside("shared", "cat .cargo/registry/a .m2/repository/x/file .cache/pip/file");
    expect(done.stdout).toBe("from-the-host");
    expect(fs.readdirSync(place)).toEqual(["file"]);
  });

  test("npm installs from the host's without a network", async () => {
    const registry = await openRegistry(lab.directory);
    const options = `--registry=${registry.url} --no-audit --no-fund --no-update-notifier`;
    const warm = path.join(lab.directory, "warm");
    fs.mkdirSync(warm);
    fs.chownSync(warm, uid, uid);
    const env = { ...lab.env, HOME: lab.at("home") };
    const npm = Bun.spawn(
      [
        "setpriv",
        `--reuid=${uid}`,
        `--regid=${uid}`,
        "--clear-groups",
        "sh",
        "-c",
        `npm install ${options} sample@1.0.0`,
      ],
      { cwd: warm, env, stdio: ["ignore", "ignore", "inherit"] },
    );
    expect(await npm.exited).toBe(0);
    registry.close();
    const install = `cd ${lab.at("project")}; npm install --offline ${options} sample@1.0.0 >&2`;
    expect(inside("private", install).code).not.toBe(0);
    expect(inside("shared", install).code).toBe(0);
    expect(fs.existsSync(path.join(lab.at("project"), "node_modules/sample/package.json"))).toBe(true);
  });
});

/** A registry with one package, on this machine's loopback. */
const openRegistry = async (directory: string): Promise<{ url: string; close(): void }> => {
  const root = path.join(directory, "packed");
  fs.mkdirSync(path.join(root, "package"), { recursive: true });
  fs.writeFileSync(path.join(root, "package/package.json"), JSON.stringify({ name: "sample", version: "1.0.0" }));
  spawnSync("tar", ["czf", "sample.tgz", "package"], { cwd: root });
  const bytes = fs.readFileSync(path.join(root, "sample.tgz"));
  const server = http.createServer((request, response) => {
    if (request.url?.endsWith(".tgz")) return response.end(bytes);
    const dist = {
      tarball: `http://${request.headers.host}/sample.tgz`,
      integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
    };
    const versions = { "1.0.0": { name: "sample", version: "1.0.0", dist } };
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ name: "sample", "dist-tags": { latest: "1.0.0" }, versions }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
};
