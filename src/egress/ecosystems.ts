/** One package ecosystem: where its users say which registry they use, and the public one. Data and line patterns. */
export type Ecosystem = {
  name: string;
  /** Variables that hold URLs. A main one takes the public registry's place, others stand beside it. */
  variables: { name: RegExp; isMain: boolean }[];
  files: { files: string[]; read(text: string): Found[] }[];
  /** The variable by which its tools are told of a registry inside, where the user's own files are not. */
  toldBy?: string;
  /** Rules for the public registry, when nothing takes its place. */
  hosts: string[];
};

export type Found = { url: string; isMain: boolean };

/** Every match of one pattern: the URL in its first group. */
const each = (text: string, pattern: RegExp, isMain: boolean): Found[] =>
  [...text.matchAll(pattern)].map(([, url]) => ({ url: url!, isMain }));

const onTls = (...hosts: string[]): string[] => hosts.map((host) => `${host}:443`);
const onBoth = (...hosts: string[]): string[] => hosts.flatMap((host) => [`${host}:80`, `${host}:443`]);

const readNpmrc = (text: string): Found[] => [
  ...each(text, /^\s*registry\s*=\s*"?([^\s"]+)/gm, true),
  ...each(text, /^\s*@[\w.-]+:registry\s*=\s*"?([^\s"]+)/gm, false),
];

const readPip = (text: string): Found[] => [
  ...each(text, /^\s*index[-_]url\s*=\s*"?([^\s"]+)/gm, true),
  ...[...text.matchAll(/^\s*(?:extra[-_]index[-_]url|find[-_]links)\s*=((?:[^\n]*\n?(?=[ \t]))*[^\n]*)/gm)].flatMap(
    ([, list]) => each(list!, /(https?:\/\/[^\s"',\]]+)/g, false),
  ),
];

/** uv: a `[[index]]` table with `default = true` takes the public one's place. */
const readUv = (text: string): Found[] => [
  ...readPip(text),
  ...text
    .split(/^\s*\[\[(?:tool\.uv\.)?index\]\]/m)
    .slice(1)
    .flatMap((table) => each(table, /^\s*url\s*=\s*"([^"]+)"/gm, /^\s*default\s*=\s*true/m.test(table)).slice(0, 1)),
];

const readCargo = (text: string): Found[] => [
  ...each(text, /^\s*(?:registry|index)\s*=\s*"([^"]+)"/gm, /^\s*replace-with\s*=/m.test(text)),
];

const readSources = (text: string): Found[] => [
  ...each(text, /^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(?:mirror\+)?(https?:\/\/\S+)/gm, true),
  ...[...text.matchAll(/^URIs:([^\n]*(?:\n[ \t][^\n]*)*)/gim)].flatMap(([, list]) =>
    each(list!, /(https?:\/\/\S+)/g, true),
  ),
];

const readMaven = (text: string): Found[] => {
  const bare = text.replace(/<!--[\s\S]*?-->/g, "");
  const mirrors = [...bare.matchAll(/<mirror>([\s\S]*?)<\/mirror>/g)].flatMap(([, block]) =>
    each(block!, /<url>\s*([^<\s]+)/g, /<mirrorOf>[^<]*(\*|central)/.test(block!)),
  );
  return [...mirrors, ...each(bare, /<url>\s*([^<\s]+)/g, false)];
};

const readGems = (text: string): Found[] => [
  ...each(text, /^\s*-\s*["']?(https?:\/\/[^\s"']+)/gm, true),
  ...each(text, /^BUNDLE_MIRROR__[^:]*:\s*["']?(https?:\/\/[^\s"']+)/gm, true),
];

/** In the order in which `cordon policy` would list them. Only public domains, and wildcards where there are several hosts. */
export const ecosystems: readonly Ecosystem[] = [
  {
    name: "npm",
    variables: [
      { name: /^npm_config_registry$/i, isMain: true },
      { name: /^YARN_NPM_REGISTRY_SERVER$|^YARN_REGISTRY$/, isMain: true },
    ],
    files: [
      { files: ["~/.npmrc", "$NPM_CONFIG_USERCONFIG", "~/.config/pnpm/rc"], read: readNpmrc },
      {
        files: ["~/.yarnrc.yml"],
        read: (text) => [
          ...each(text, /^npmRegistryServer:\s*["']?([^\s"']+)/gm, true),
          ...each(text, /^\s+npmRegistryServer:\s*["']?([^\s"']+)/gm, false),
        ],
      },
      { files: ["~/.yarnrc"], read: (text) => each(text, /^registry\s+"?([^\s"]+)/gm, true) },
      { files: ["~/.bunfig.toml"], read: (text) => each(text, /^\s*registry\s*=\s*"([^"]+)"/gm, true) },
    ],
    toldBy: "npm_config_registry",
    // Building native modules needs the headers of Node.
    hosts: onTls("*.npmjs.org", "*.yarnpkg.com", "nodejs.org"),
  },
  { name: "jsr", variables: [], files: [], hosts: onTls("jsr.io", "*.jsr.io", "deno.land") },
  {
    name: "python",
    variables: [
      { name: /^(PIP_INDEX_URL|UV_INDEX_URL|UV_DEFAULT_INDEX)$/, isMain: true },
      { name: /^(PIP_EXTRA_INDEX_URL|PIP_FIND_LINKS|UV_EXTRA_INDEX_URL|UV_INDEX)$/, isMain: false },
    ],
    files: [
      { files: ["/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", "$PIP_CONFIG_FILE"], read: readPip },
      { files: ["~/.config/uv/uv.toml", "$UV_CONFIG_FILE"], read: readUv },
    ],
    toldBy: "PIP_INDEX_URL",
    hosts: onTls("pypi.org", "*.pypi.org", "*.pythonhosted.org"),
  },
  {
    name: "cargo",
    variables: [{ name: /^CARGO_REGISTRIES_\w+_INDEX$/, isMain: false }],
    files: [{ files: ["~/.cargo/config.toml", "~/.cargo/config", "$CARGO_HOME/config.toml"], read: readCargo }],
    hosts: onTls("crates.io", "*.crates.io"),
  },
  {
    name: "rustup",
    variables: [{ name: /^RUSTUP_DIST_SERVER$/, isMain: true }],
    files: [],
    hosts: onTls("static.rust-lang.org"),
  },
  {
    name: "go",
    variables: [{ name: /^GOPROXY$/, isMain: true }],
    files: [{ files: ["~/.config/go/env", "$GOENV"], read: (text) => goProxies(text) }],
    toldBy: "GOPROXY",
    hosts: onTls("proxy.golang.org"),
  },
  // A module proxy of one's own does not always carry the checksum database.
  { name: "gosum", variables: [], files: [], hosts: onTls("sum.golang.org") },
  {
    name: "apt",
    variables: [],
    files: [
      {
        files: ["/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"],
        read: readSources,
      },
    ],
    hosts: onBoth("*.debian.org", "*.ubuntu.com"),
  },
  {
    name: "maven",
    variables: [],
    files: [{ files: ["~/.m2/settings.xml"], read: readMaven }],
    hosts: onTls("*.maven.org", "repo.maven.apache.org", "*.gradle.org"),
  },
  {
    name: "ruby",
    variables: [{ name: /^BUNDLE_MIRROR__/, isMain: true }],
    files: [{ files: ["~/.gemrc", "~/.bundle/config"], read: readGems }],
    hosts: onTls("rubygems.org", "*.rubygems.org"),
  },
  { name: "nuget", variables: [], files: [], hosts: onTls("*.nuget.org") },
  { name: "composer", variables: [], files: [], hosts: onTls("packagist.org", "*.packagist.org") },
  { name: "hex", variables: [], files: [], hosts: onTls("hex.pm", "*.hex.pm") },
];

const goProxies = (text: string): Found[] =>
  [...text.matchAll(/^GOPROXY=(.*)$/gm)].flatMap(([, list]) =>
    list!.split(/[,|]/).flatMap((url): Found[] => (/:\/\//.test(url) ? [{ url, isMain: true }] : [])),
  );
