/**
 * Where things stand on a Unix system: what every program needs, what people install below their home, and what
 * nobody but its owner should ever read. Paths below home are relative.
 */

/** System directories that make a root: programs, libraries, configuration. Read-only inside. */
export const platformDirectories = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/etc",
  "/opt",
  "/nix",
  "/gnu",
  "/snap",
  "/home/linuxbrew",
  "/var/lib/dpkg",
  "/var/lib/alternatives",
  "/var/cache/fontconfig",
];

/** Files of /etc that only root can read outside; hidden, because cordon may run as root. */
export const systemSecrets = [
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/security/opasswd",
  "/etc/sudoers",
  "/etc/sudoers.d",
  "/etc/ssl/private",
  "/etc/krb5.keytab",
  "/etc/wireguard",
  "/etc/openvpn",
  "/etc/NetworkManager/system-connections",
  "/etc/letsencrypt",
  "/etc/docker/key.json",
  "/etc/rancher",
  "/etc/kubernetes",
];

/** Tool chains and programs that people install below home: no secrets in them, never written from inside. */
export const toolchains = [
  ".nvm",
  ".n",
  ".nodenv",
  ".nodebrew",
  ".fnm",
  ".volta",
  ".asdf",
  ".pyenv",
  ".rbenv",
  ".rvm",
  ".goenv",
  ".jenv",
  ".phpenv",
  ".sdkman",
  ".rustup",
  ".cargo/bin",
  ".cargo/env",
  ".bun/bin",
  ".deno/bin",
  ".juliaup",
  ".ghcup/bin",
  ".opam",
  ".nix-profile",
  ".npm-global",
  ".npm-packages",
  ".linuxbrew",
  ".local/bin",
  ".local/lib",
  ".local/pipx",
  ".local/share/pipx",
  ".local/share/uv",
  ".local/share/mise",
  ".local/share/rtx",
  ".local/share/fnm",
  ".local/share/pnpm",
  ".local/share/npm",
  ".local/share/nvm",
  ".local/share/claude",
  ".local/share/cursor-agent",
  ".local/share/devbox",
  ".config/mise",
  ".tool-versions",
  ".terminfo",
  "go/bin",
  "sdk",
  "bin",
];

/** Places whose whole point is a secret. A run never starts in one of them. */
export const secretPlaces = [
  ".ssh",
  ".gnupg",
  ".aws",
  ".azure",
  ".kube",
  ".docker",
  ".config/gcloud",
  ".config/gh",
  ".config/op",
  ".password-store",
  ".local/share/keyrings",
  ".mozilla",
  ".config/google-chrome",
  ".config/chromium",
  ".claude",
  ".codex",
  ".gemini",
];

/** Directories below home that stay composable when the whole home is shown: their entries are bound one by one. */
export const homeForks = ["", ".config", ".local", ".local/share", ".local/state", ".cache"];

/** Devices and pseudo file systems, and the private directories that replace the host's. */
export const pseudoDirectories = ["/dev", "/proc", "/sys", "/run", "/tmp", "/var/run", "/var/lock", "/var/tmp"];
