/** How a program reaches its server when cordon's proxy variables are set. */
export type Proxied = "HTTP CONNECT" | "HTTP proxy" | "SOCKS5" | "not used";

/** A program, one protocol that it speaks, and what is typed to make it do so. */
export type Client = {
  client: string;
  protocol: string;
  /** Who turns the name into an address, when no proxy does. */
  resolver: string;
  proxied: Proxied;
  /**
   * For the shell: prints the word that only the server knows. `$HOST` is the server's name, `$TOOLS` holds what is not
   * installed on the machine, `$CA` is the certificate authority of this world. The home is empty.
   */
  script: string;
  /** The part of it that points to the authority of this world, where a variable of the host's does not. */
  pointing?: string;
  /** Programs and files without which this cannot be tried. */
  needs: string[];
  /** Stands for its family: it also tries to reach a name that is not allowed. */
  reverse?: boolean;
};

/** What is known to be of interest and is tried nowhere. */
export type Untried = { client: string; protocol: string; reason: string };

const python = "/usr/bin/python3";
const printBody = "for await (const chunk of body) process.stdout.write(chunk)";
// A machine's own npmrc may name the authorities, and then Node's variable does not count.
const npmPointing = "export npm_config_cafile=$CA;";
const npmProject = `echo '{}' > package.json; ${npmPointing}`;
const javaPointing = "-Djavax.net.ssl.trustStore=$TOOLS/trust.p12 -Djavax.net.ssl.trustStorePassword=made-up";
const printTiny = "cat node_modules/tiny/index.js";
const ownHttp = 'c.sendall(f"GET /word HTTP/1.1\\r\\nHost: {h}\\r\\nConnection: close\\r\\n\\r\\n".encode())';

const tools: Client[] = [
  {
    ...{ client: "curl", protocol: "HTTP", resolver: "glibc", proxied: "HTTP proxy" },
    ...{ script: "curl -fsS http://$HOST/word", needs: ["curl"], reverse: true },
  },
  {
    ...{ client: "curl", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT" },
    ...{ script: "curl -fsS --http1.1 https://$HOST/word", needs: ["curl"] },
  },
  {
    ...{ client: "curl", protocol: "HTTP/2", resolver: "glibc", proxied: "HTTP CONNECT", needs: ["curl"] },
    script: `test "$(curl -fsS --http2 -o word -w '%{http_version}' https://$HOST/word)" = 2 && cat word`,
  },
  {
    ...{ client: "curl", protocol: "HTTPS, SOCKS5", resolver: "glibc", proxied: "SOCKS5", needs: ["curl"] },
    script: 'test -z "$ALL_PROXY" || proxy="--proxy $ALL_PROXY"; curl -fsS $proxy https://$HOST/word',
  },
  {
    ...{ client: "GNU wget", protocol: "HTTP", resolver: "glibc", proxied: "HTTP proxy" },
    ...{ script: "wget -q -t 1 -O - http://$HOST/word", needs: ["wget"] },
  },
  {
    ...{ client: "GNU wget", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT" },
    ...{ script: "wget -q -t 1 -O - --ca-certificate=$CA https://$HOST/word", needs: ["wget"], reverse: true },
    pointing: "--ca-certificate=$CA",
  },
  {
    ...{ client: "busybox wget", protocol: "HTTP", resolver: "glibc", proxied: "HTTP proxy" },
    ...{ script: "busybox wget -q -O - http://$HOST/word", needs: ["busybox"] },
  },
  {
    ...{ client: "C, static with musl", protocol: "HTTP", resolver: "musl", proxied: "not used" },
    ...{ script: "$TOOLS/fetch $HOST /word", needs: ["$TOOLS/fetch"], reverse: true },
  },
  {
    ...{ client: "git", protocol: "HTTPS: clone, push", resolver: "glibc", proxied: "HTTP CONNECT", needs: ["git"] },
    script:
      "git clone -q https://$HOST/git/web.git work && cd work && cat word.txt && git push -q origin HEAD:refs/heads/$BRANCH",
    reverse: true,
  },
  {
    ...{ client: "git", protocol: "ssh: clone, push", resolver: "glibc", proxied: "not used" },
    ...{ needs: ["git", "ssh", "$TOOLS/sshd"], reverse: true },
    script:
      'export GIT_SSH_COMMAND="ssh -i $TOOLS/sshd/user-key -o UserKnownHostsFile=$TOOLS/sshd/known -o BatchMode=yes"; ' +
      "git clone -q git@$HOST:$REPOSITORIES/ssh.git work && cd work && cat word.txt && git push -q origin HEAD:refs/heads/$BRANCH",
  },
  {
    ...{ client: "gh", protocol: "HTTPS", resolver: "Go's own", proxied: "HTTP CONNECT", needs: ["$TOOLS/gh"] },
    script: "GODEBUG=netdns=go GH_HOST=$HOST GH_ENTERPRISE_TOKEN=made-up $TOOLS/gh api word",
    reverse: true,
  },
  {
    ...{ client: "gh", protocol: "HTTPS", resolver: "glibc, from Go", proxied: "HTTP CONNECT", needs: ["$TOOLS/gh"] },
    script: "GODEBUG=netdns=cgo GH_HOST=$HOST GH_ENTERPRISE_TOKEN=made-up $TOOLS/gh api word",
  },
  {
    ...{ client: "psql", protocol: "PostgreSQL with TLS", resolver: "glibc", proxied: "not used" },
    ...{ needs: ["psql", "$TOOLS/postgres"], reverse: true },
    script: `psql -AtX "host=$HOST user=postgres sslmode=verify-full sslrootcert=$CA" -c "select replace('$HALVES', ' ', '')"`,
  },
];

const packageManagers: Client[] = [
  {
    ...{ client: "npm", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT", needs: ["npm"], reverse: true },
    script: `${npmProject} npm install --fetch-retries=0 --no-audit --no-fund --loglevel=error --registry=https://$HOST/npm/ tiny && ${printTiny}`,
    pointing: npmPointing,
  },
  {
    ...{ client: "pnpm", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT", needs: ["$TOOLS/pnpm"] },
    script: `${npmProject} $TOOLS/pnpm add --registry=https://$HOST/npm/ tiny && ${printTiny}`,
    pointing: npmPointing,
  },
  {
    ...{
      client: "yarn 1",
      protocol: "HTTPS",
      resolver: "glibc",
      proxied: "HTTP CONNECT",
      needs: ["node", "$TOOLS/yarn"],
    },
    script: `${npmProject} node $TOOLS/yarn/bin/yarn.js add --silent --registry=https://$HOST/npm/ tiny && ${printTiny}`,
    pointing: npmPointing,
  },
  {
    ...{ client: "bun install", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT", needs: ["$TOOLS/bun"] },
    ...{ script: `${npmProject} $TOOLS/bun add --registry=https://$HOST/npm/ tiny && ${printTiny}`, reverse: true },
    pointing: npmPointing,
  },
  {
    ...{ client: "pip", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT", reverse: true },
    needs: [python, "/usr/lib/python3/dist-packages/pip"],
    script: `${python} -m pip install -q --retries 0 --no-cache-dir --disable-pip-version-check --index-url https://$HOST/pip/simple/ --target t tiny && cat t/tiny.py`,
  },
  {
    ...{ client: "go", protocol: "HTTPS", resolver: "Go's own", proxied: "HTTP CONNECT", needs: ["$TOOLS/go"] },
    script:
      "GODEBUG=netdns=go GOROOT=$TOOLS GOPATH=$PWD GOSUMDB=off GOPROXY=https://$HOST/go " +
      "$TOOLS/go mod download tiny.test/tiny@v1.0.0 && cat pkg/mod/tiny.test/tiny@v1.0.0/tiny.go",
    reverse: true,
  },
];

const languages: Client[] = [
  {
    ...{ client: "Node.js, fetch", protocol: "HTTPS", resolver: "glibc", proxied: "not used", needs: ["node"] },
    script: `node --input-type=module -e 'const { body } = await fetch("https://" + process.env.HOST + "/word"); ${printBody}'`,
    reverse: true,
  },
  {
    ...{ client: "Node.js, https", protocol: "HTTPS", resolver: "glibc", proxied: "not used", needs: ["node"] },
    script: `node -e 'require("https").get("https://" + process.env.HOST + "/word", (answer) => answer.pipe(process.stdout))'`,
  },
  {
    ...{ client: "Node.js, dns.resolve4", protocol: "HTTP", resolver: "c-ares", proxied: "not used", needs: ["node"] },
    script:
      `node -e 'const host = process.env.HOST; require("dns").resolve4(host, (problem, [address] = []) => { if (problem) throw problem; ` +
      `require("http").get({ host: address, path: "/word", headers: { host } }, (answer) => answer.pipe(process.stdout)) })'`,
  },
  {
    ...{ client: "Bun, fetch", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT", needs: ["$TOOLS/bun"] },
    script: `$TOOLS/bun -e 'console.log(await (await fetch("https://" + process.env.HOST + "/word")).text())'`,
  },
  {
    ...{ client: "Python, urllib", protocol: "HTTPS", resolver: "glibc", proxied: "HTTP CONNECT", needs: [python] },
    script: `${python} -c 'import os, urllib.request as r; print(r.urlopen("https://" + os.environ["HOST"] + "/word").read().decode())'`,
    reverse: true,
  },
  {
    ...{ client: "Python, http.client", protocol: "HTTPS", resolver: "glibc", proxied: "not used", needs: [python] },
    script: `${python} -c 'import os, http.client as h; c = h.HTTPSConnection(os.environ["HOST"]); c.request("GET", "/word"); print(c.getresponse().read().decode())'`,
  },
  {
    ...{ client: "Python, AI_ADDRCONFIG", protocol: "HTTP", resolver: "glibc", proxied: "not used", needs: [python] },
    script:
      `${python} -c 'import os, socket as s; h = os.environ["HOST"]; a = s.getaddrinfo(h, 80, s.AF_UNSPEC, s.SOCK_STREAM, 0, s.AI_ADDRCONFIG); ` +
      `c = s.socket(a[0][0]); c.connect(a[0][4]); ${ownHttp}; print(c.makefile().read())'`,
  },
  {
    ...{ client: "Perl, HTTP::Tiny", protocol: "HTTP", resolver: "glibc", proxied: "HTTP proxy" },
    needs: ["perl", "/usr/share/perl/5*/HTTP/Tiny.pm"],
    script: `perl -MHTTP::Tiny -e '$a = HTTP::Tiny->new->get("http://$ENV{HOST}/word"); print $a->{content}; exit !$a->{success}'`,
    reverse: true,
  },
  {
    ...{ client: "Java, HttpClient", protocol: "HTTPS", resolver: "glibc", proxied: "not used", reverse: true },
    needs: ["java", "$TOOLS/Fetch.class", "$TOOLS/trust.p12"],
    script: `java -XX:TieredStopAtLevel=1 ${javaPointing} -cp $TOOLS Fetch https://$HOST/word`,
    pointing: javaPointing,
  },
];

export const clients: Client[] = [...tools, ...packageManagers, ...languages];

export const untried: Untried[] = [
  {
    client: "cargo",
    protocol: "HTTPS",
    reason: "the registries that it reads over HTTPS are newer than Debian's cargo",
  },
  { client: "Deno, Ruby, PHP, .NET", protocol: "HTTPS", reason: "not looked at yet" },
];
