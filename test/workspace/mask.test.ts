import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describeGap, describeSecrets, findSecrets } from "../../src/workspace/mask.ts";
import { isSecretName } from "../../src/workspace/secret-name.ts";

describe("names of secrets", () => {
  const secret =
    ".env .env.local .env.production .ENV .env-dev .env_old prod.env .envrc .dev.vars server.pem Server.KEY tls.key a.p12 a.pfx a.jks a.keystore id_rsa id_ed25519 .netrc .pgpass .pypirc kubeconfig credentials.json service-account-prod.json my-serviceaccount.json client_secret_123.json secrets.yml terraform.tfstate terraform.tfstate.backup prod.tfvars local.settings.json .git-credentials vault.kdbx putty.ppk x.ovpn .env.example2";
  test.each(secret.split(" "))("%s is one", (name) => expect(isSecretName(name)).toBe(true));

  const open =
    ".env.example .env.sample .env.template .env.dist .env.example.local .env.production.example example.env sample.env .env.defaults .env.schema id_rsa.pub id_ed25519.pub server.pub.pem public.pem public_key.pem cacert.pem ca-bundle.pem .env.d.ts env.ts environment.ts env .environment keyboard.ts key.ts package.json monkey.json credentials.json.example secrets.example.yml terraform.tfvars.example README.env.md server.crt";
  test.each(open.split(" "))("%s is none", (name) => expect(isSecretName(name)).toBe(false));
});

describe("a project", () => {
  const root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "cordon-mask-"));
  const put = (name: string | Buffer) => fs.writeFileSync(name, "TOKEN=planted");
  beforeAll(() => {
    for (const directory of ["config/tls", "node_modules/x", ".venv/lib", ".git", "deep/".repeat(30), ".env.d"])
      fs.mkdirSync(path.join(root, directory), { recursive: true });
    const names = [".env", ".env.example", "config/tls/server.pem", "node_modules/x/.env", ".venv/lib/cacert.pem"];
    for (const name of [...names, ".git/x.pem", `${"deep/".repeat(30)}.env`, ".env.d/x", "-rf.pem", "a\nb.pem"])
      put(path.join(root, name));
    put(path.join(root, `${"k".repeat(240)}.pem`));
    fs.symlinkSync("/nowhere/else", path.join(root, "config/.env"));
    fs.mkdirSync(path.join(root, "id_rsa"));
  });
  afterAll(() => fs.rmSync(root, { recursive: true }));

  const long = `${"k".repeat(240)}.pem`;
  const expected = [
    "-rf.pem",
    ".env",
    "a\nb.pem",
    "config/.env",
    "config/tls/server.pem",
    `${"deep/".repeat(30)}.env`,
    long,
  ];

  test("files by their names, at every depth, links too, and nothing that was installed", () => {
    const found = findSecrets(root);
    expect(found.paths).toEqual(expected.sort());
    expect(found.unseen).toEqual({ beyond: 0, unreadable: [] });
    expect(describeGap(found)).toBeUndefined();
  });

  test("the note names some, escaped and short", () => {
    const note = describeSecrets(findSecrets(root))!;
    expect(note).toStartWith("hidden from the agent: -rf.pem, .env, a\\nb.pem");
    expect(note).toEndWith("and 2 more");
    expect(note).not.toMatch(/\p{Cc}/u);
    expect(describeSecrets({ paths: [] })).toBeUndefined();
  });

  test("what was not looked into is a gap", () => {
    const found = findSecrets(root, { mostLooks: 20 });
    expect(found.unseen.beyond).toBeGreaterThan(0);
    expect(describeGap(found)).toContain("too large");
  });

  test("a name that no mount can spell is a gap, not forgotten", () => {
    const hostile = Buffer.concat([Buffer.from(`${root}/.env.`), Buffer.from([0xff, 0x0a])]);
    const directory = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xe9])]);
    put(hostile);
    fs.mkdirSync(directory);
    put(Buffer.concat([directory, Buffer.from("/.env")]));
    try {
      const found = findSecrets(root);
      expect(found.unmaskable).toEqual([".env.\udcff\n", "\udce9/.env"]);
      expect(describeGap(found)).toBe(".env.\\xff\\n cannot be hidden: its path is not UTF-8");
      expect(found.paths).toEqual(expected.sort());
    } finally {
      fs.rmSync(hostile);
      fs.rmSync(Buffer.concat([directory, Buffer.from("/.env")]));
      fs.rmdirSync(directory);
    }
  });
});
