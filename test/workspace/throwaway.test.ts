import { afterEach, expect, test } from "bun:test";
import fs from "node:fs";
import { runPipeline } from "../../src/exec.ts";
import { prepareThrowaway } from "../../src/workspace/throwaway.ts";
import { createLab, type Lab } from "./import-lab.ts";

const labs: Lab[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) lab.close();
});

/** What a script says inside; every line of it is one that somebody hostile could have run. */
const look = async (lab: Lab, script: string, memoryBytes = 256 * 1024 * 1024): Promise<string> => {
  const { host, repository, priv } = lab;
  const objects = repository.objects;
  const request = {
    host,
    id: "import-test",
    directory: priv,
    below: "",
    objects,
    git: "/usr/bin/git",
    memoryBytes,
    script,
    room: lab.at("home"),
  };
  const { program, release } = prepareThrowaway(request);
  try {
    const done = await runPipeline([program], { timeoutMs: 20_000, maxBytes: 1024 * 1024 });
    return `${Buffer.from(done.stdout)}${done.errors[0]}`;
  } finally {
    release();
  }
};
const open = (): Lab => {
  const lab = createLab();
  labs.push(lab);
  return lab;
};

test("git works inside, on the directory and the host's objects", async () => {
  const lab = open();
  const tip = lab.commit("file", "two\n");
  expect(await look(lab, '"$@" rev-parse main; "$@" cat-file -t main~1')).toBe(`${tip}\ncommit\n`);
});

test("nothing can be written but a small /tmp", async () => {
  const lab = open();
  const before = fs.readdirSync(lab.priv).sort();
  const said = await look(
    lab,
    "for at in /run/cordon/git /run/cordon/objects/0 /usr /etc / /run; do touch $at/x && echo written $at; done; touch /tmp/x && echo fine",
  );
  expect(said.match(/^written.*$/gm)).toBe(null);
  expect(said).toContain("fine");
  expect(fs.readdirSync(lab.priv).sort()).toEqual(before);
});

test("nothing of the host is there: no home, no secrets, no environment, no network, no processes", async () => {
  const lab = open();
  fs.writeFileSync(lab.at("home/secret"), "planted-secret");
  const said = await look(
    lab,
    `cat ${lab.at("home/secret")}; ls ${lab.directory}; echo etc: $(ls /etc); ls /home /srv /var; env; cat /proc/net/dev; ls -d /proc/[0-9]*; echo $HOME`,
  );
  expect(said).not.toContain("planted-secret");
  expect(
    said
      .match(/^etc: (.*)$/m)![1]!
      .split(" ")
      .filter((name) => !["alternatives", "ld.so.cache"].includes(name)),
  ).toEqual([]);
  expect(said.match(/^ *\w+: +\d/gm)?.map((line) => line.trim().split(":")[0])).toEqual(["lo"]);
  expect(said.match(/^\/proc\/\d+$/gm)!.length).toBeLessThan(6);
  const names = [...said.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(names).toContain("GIT_DIR");
  expect(names.filter((name) => !/^(GIT_|PATH$|LC_ALL$|HOME$|PWD$|OLDPWD$|SHLVL$|_$)/.test(name!))).toEqual([]);
});

test("memory is bounded", async () => {
  const lab = open();
  const grow = "head -c 200000000 /dev/zero | tail -c 199999999 | wc -c";
  expect(await look(lab, grow)).toContain("199999999");
  expect(await look(lab, grow, 64 * 1024 * 1024)).not.toContain("199999999");
});
