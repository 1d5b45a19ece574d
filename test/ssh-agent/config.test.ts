import { expect, test } from "bun:test";
import { filterSshConfig } from "../../src/ssh-agent/config.ts";

const placeOf = (file: string) => (file === "~/.ssh/id_work" ? "/run/cordon/ssh-keys/1.pub" : undefined);
const filtered = (text: string): string => filterSshConfig(text, placeOf);

test("aliases come in, and the public part of a chosen key", () => {
  const text = `# my hosts
ServerAliveInterval=30
Host forge *.forge.test !old.forge.test
    HostName git.forge.test
    User git
    Port = 2222
    IdentitiesOnly yes
    IdentityFile "~/.ssh/id_work"
    IdentityFile ~/.ssh/id_private
`;
  expect(filtered(text)).toBe(`ServerAliveInterval 30

Host forge *.forge.test !old.forge.test
  HostName git.forge.test
  User git
  Port 2222
  IdentitiesOnly yes
  IdentityFile /run/cordon/ssh-keys/1.pub
`);
});

test("what runs something, reads something or leads elsewhere stays outside", () => {
  const lines = [
    ...["ProxyCommand nc %h %p", "LocalCommand touch x", "PermitLocalCommand yes", "KnownHostsCommand /bin/x"],
    ...["Include ~/.ssh/secret", "ControlPath ~/.ssh/c", "ControlMaster auto", "IdentityAgent ~/other.sock"],
    ...["UserKnownHostsFile /dev/null", "PKCS11Provider x.so", "SecurityKeyProvider x.so", "CertificateFile ~/c"],
    ...["ForwardAgent yes", "LocalForward 1 h:2", "RemoteForward 1 h:2", "SendEnv *", "SetEnv A=secret"],
    ...["RemoteCommand x", "XAuthLocation /x", "IdentityFile none", "proxycommand=x", "\tPrOxYcOmMaNd\tx"],
  ];
  expect(filtered(`Host a\n${lines.join("\n")}\n`)).toBe("Host a\n");
});

test("a block goes as a whole when its condition runs something", () => {
  const text = `Match host a exec "touch x"
  User evil
Match host "a b" !user root
  User good
Match exec x
  User evil
Match tagged x
  User evil
Host b
  User kept
Match final all
  Port 1`;
  expect(filtered(text)).toBe(
    'Match host "a b" !user root\n  User good\n\nHost b\n  User kept\n\nMatch final all\n  Port 1\n',
  );
});

test("control characters end a line's life", () => {
  expect(filtered("Host a\n  User \u001b[2Jx\n  Port 1\u0000\n  HostName h\r\n")).toBe("Host a\n  HostName h\n");
});
