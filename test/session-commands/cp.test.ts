import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type Desk, type Going, isRoot, openDesk, until, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** `cordon cp`: out of a sandbox that is hostile, and into it. */

/** What stands in the place of tar inside: whatever is asked, it gives this archive. */
const fakeTar = "#!/bin/sh\n: > ASKED\ncat HOSTILE\n";

for (const { name: userName, uid } of users) {
  describe(`copies, as ${userName}`, () => {
    let desk: Desk;
    let run: Going;
    let id: string;
    beforeAll(async () => {
      desk = openDesk(uid);
      desk.create("p");
      for (const name of ["out", "data"]) desk.host(".", `mkdir ${name}`);
      run = desk.start(
        "p",
        "s",
        `mkdir -p /tmp/d/sub; echo x > "/tmp/d/a b"; echo s > /tmp/d/sub/s; ln -s /etc/passwd /tmp/d/link; chmod 750 /tmp/d/sub
        echo '#!' > /tmp/prog; chmod 755 /tmp/prog; echo one > -rf; echo c > 'a:b'; ln -s /etc/passwd /tmp/pw; pause here; pause again`,
      );
      await run.reached("here");
      id = desk.json("p", "ps")[0].id;
    });
    afterAll(() => desk.close());
    const cp = (...args: string[]) => desk.say("out", "cp", ...args);
    const refuse = (...args: string[]) => {
      const before = fs.readdirSync(desk.at(), { recursive: true }).sort();
      const done = desk.cordon("out", ["cp", ...args]);
      expect([done.code, done.stdout]).toEqual([125, ""]);
      expect(fs.readdirSync(desk.at(), { recursive: true }).sort()).toEqual(before);
      return done.stderr;
    };
    const isGone = (pid: number) => !fs.existsSync(`/proc/${pid}`);

    test("out: files, directories with all that is in them, links as links", () => {
      cp(`${id}:/tmp/d`, ".");
      expect(desk.host("out", "find d -printf '%p %y %m %l\\n' | sort; cat 'd/a b'")).toBe(
        "d d 755 \nd/a b f 644 \nd/link l 777 /etc/passwd\nd/sub d 750 \nd/sub/s f 644 \nx",
      );
      cp(`${id}:-rf`, "again");
      expect(fs.readFileSync(desk.at("out/again"), "utf8")).toBe("one\n");
      cp(`${id}:a:b`, "again");
      expect(fs.readFileSync(desk.at("out/again"), "utf8")).toBe("c\n");
      expect(desk.json("out", "cp", `${id}:/tmp/prog`, ".")).toMatchObject({ to: desk.at("out/prog") });
      expect(fs.statSync(desk.at("out/prog")).mode & 0o7777).toBe(0o755);
      expect(fs.statSync(desk.at("out/prog")).uid).toBe(uid);
      cp(`${id}:/tmp/pw`, ".");
      expect(fs.readlinkSync(desk.at("out/pw"))).toBe("/etc/passwd");
    });

    test("what is there already stays, and a link that is there is not followed", () => {
      desk.put("data/victim", "victim\n");
      desk.host("out", "mkdir -p full/d there; echo keep > full/d/keep; ln -s ../data/victim onto; echo old > old");
      expect(refuse(`${id}:/tmp/d`, "full")).toContain("something is there already");
      expect(refuse(`${id}:/tmp/d`, "old")).toContain("something is there already");
      expect(refuse(`${id}:/tmp/nothing`, ".")).toContain("error: ");
      expect(refuse(`${id}:/tmp/prog`, "no/such/place")).toContain("there is no such directory");
      expect(refuse(`${id}:/`, ".")).toContain("it is everything");
      expect(refuse("old", "new")).toContain("one of the two is a path inside");
      expect(refuse("nobody:/x", "new")).toContain("error: ");
      cp(`${id}:/tmp/prog`, "onto");
      expect(fs.lstatSync(desk.at("out/onto")).isFile()).toBe(true);
      expect(fs.readFileSync(desk.at("data/victim"), "utf8")).toBe("victim\n");
    });

    test("into it: to a directory, to a name, over a file", () => {
      desk.host("data", "mkdir -p tree/below; echo in > tree/below/file; ln -s /nowhere tree/link; echo new > -file");
      for (const args of [
        ["../data/tree", `${id}:/tmp`],
        ["../data/tree", `${id}:/tmp/named`],
        ["../data/-file", `${id}:/tmp/prog`],
      ])
        cp(...args);
      const look = [
        "exec",
        id,
        "--",
        "sh",
        "-c",
        "cat /tmp/tree/below/file /tmp/named/below/file /tmp/prog; readlink /tmp/tree/link; ls -A /tmp | grep -v ^cr-",
      ];
      expect(desk.say("p", ...look)).toBe("in\nin\nnew\n/nowhere\nd\nnamed\nprog\npw\ntree\n");
      expect(refuse("../data/nothing", `${id}:/tmp`)).toContain("there is no such file");
      expect(refuse("../data/tree", `${id}:/no/such/place`)).toContain("error: ");
    });

    test("ended by a signal it leaves nothing behind", async () => {
      desk.say("p", "exec", id, "--", "sh", "-c", "truncate -s 40G /tmp/endless");
      const long = desk.spawnCordon("out", ["cp", `${id}:/tmp/endless`, "."]);
      const scratch = desk.at("home/.local/state/cordon/scratch");
      await until(() => fs.existsSync(scratch) && fs.readdirSync(scratch).length > 0);
      long.kill("SIGTERM");
      expect(await long.ended).toBe(143);
      expect(fs.readdirSync(scratch)).toEqual([]);
      await until(() => isGone(long.pid));
      expect(fs.existsSync(desk.at("out/endless"))).toBe(false);
      desk.say("p", "exec", id, "--", "rm", "/tmp/endless");
    });

    test.if(isRoot)("onto another file system", () => {
      desk.host(".", "mkdir other");
      spawnSync("mount", ["-t", "tmpfs", "-o", `uid=${uid},gid=${uid}`, "none", desk.at("other")]);
      try {
        cp(`${id}:/tmp/d`, "../other");
        cp(`${id}:-rf`, "../other/file");
        expect(desk.host("other", "find . -mindepth 1 -printf '%p %y %m %l\\n' | sort; cat file")).toBe(
          "./d d 755 \n./d/a b f 644 \n./d/link l 777 /etc/passwd\n./d/sub d 750 \n./d/sub/s f 644 \n./file f 644 \none",
        );
      } finally {
        spawnSync("umount", ["-l", desk.at("other")]);
      }
    });
  });

  describe(`copies out of a sandbox that lies, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
      desk.create("p");
    });
    afterAll(() => desk.close());

    /** An archive in which everything leads out of where it is unpacked. */
    const archive = (top: string): void => {
      const script = `import io, sys, tarfile
t = tarfile.open(sys.argv[1], "w")
def add(name, kind=tarfile.REGTYPE, link="", mode=0o6777):
    i = tarfile.TarInfo(name); i.type = kind; i.linkname = link; i.mode = mode; b = b"" if kind != tarfile.REGTYPE else b"evil\\n"; i.size = len(b); i.uid = 0
    t.addfile(i, io.BytesIO(b))
add("x", tarfile.DIRTYPE); add("x/in")
add("../up"); add("../../up"); add(sys.argv[2] + "/absolute")
add("l", tarfile.SYMTYPE, sys.argv[2]); add("l/through")
add("x/l", tarfile.SYMTYPE, "../.."); add("x/l/through")
add("hard", tarfile.LNKTYPE, sys.argv[2] + "/victim"); add("x/hard", tarfile.LNKTYPE, "../../../../../../../" + sys.argv[2] + "/victim")
t.close()`;
      const done = spawnSync("python3", ["-c", script, path.join(top, "hostile.tar"), path.join(top, "victims")]);
      expect(done.stderr.toString()).toBe("");
    };

    test("nothing is written outside of the place that was named, and no link of the project leads there", async () => {
      for (const name of ["victims", "tools", "p/sub"]) desk.host(".", `mkdir -p ${name}`);
      desk.put("victims/victim", "victim\n");
      archive(desk.at());
      desk.put(
        "tools/tar",
        fakeTar.replace("ASKED", desk.at("p/asked")).replace("HOSTILE", desk.at("p/hostile.tar")),
        0o755,
      );
      fs.copyFileSync(desk.at("hostile.tar"), desk.at("p/hostile.tar"));
      const own = `${desk.at("tools")}:${desk.env["PATH"]}`;
      desk.env["PATH"] = own;
      const run = desk.spawnCordon("p", [
        ...["run", "--net", "none", "--allow-readonly", desk.at("tools"), "--", "sh", "-ec"],
        `rm -r sub; ln -s ${desk.at("victims")} sub; mkdir out; echo at here; read -r _`,
      ]);
      await run.reached("here");
      const [{ id }] = desk.json("p", "ps");
      const before = fs.readdirSync(desk.at("victims"));
      const done = desk.cordon("p", ["cp", `${id}:x`, "out"]);
      expect([done.code, done.stdout]).toEqual([125, ""]);
      expect(done.stderr).toContain("tar: ");
      expect(fs.existsSync(desk.at("p/asked"))).toBe(true);
      for (const target of ["sub", "sub/y"])
        expect(desk.cordon("p", ["cp", `${id}:a.txt`, target])).toMatchObject({
          ...{ code: 125, stderr: expect.stringContaining("a link in the project leads out of it") },
        });
      expect(desk.cordon("p", ["cp", "sub/victim", `${id}:/tmp`])).toMatchObject({ code: 125 });
      expect(fs.readdirSync(desk.at("victims"))).toEqual(before);
      expect(fs.readFileSync(desk.at("victims/victim"), "utf8")).toBe("victim\n");
      for (const up of ["up", "home/up", "p/up"]) expect(fs.existsSync(desk.at(up))).toBe(false);
      const came = fs.existsSync(desk.at("p/out/x")) ? fs.readdirSync(desk.at("p/out/x"), { recursive: true }) : [];
      expect(came).not.toContain("through");
      run.resume();
      expect(await run.ended).toBe(0);
    });

    test("the same archive, unpacked by hand without that boundary, writes through its links", () => {
      const place = desk.at("naive");
      fs.mkdirSync(place);
      const naive =
        "import sys, tarfile; t = tarfile.open(sys.argv[1]); [t.extract(m, sys.argv[2]) for m in t if m.name in ('l', 'l/through')]";
      spawnSync("python3", ["-c", naive, desk.at("hostile.tar"), place]);
      expect(fs.existsSync(desk.at("victims/through"))).toBe(true);
    });
  });
}
