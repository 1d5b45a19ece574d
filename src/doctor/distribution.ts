/** What os-release(5) says, as far as it matters for advice. */
export type Distribution = { title: string; ids: string[] };

export const parseRelease = (text: string): Distribution => {
  const fields = Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const match = /^([A-Z_]+)=(["']?)(.*)\2$/.exec(line.trim());
      return match ? [[match[1]!, match[3]!]] : [];
    }),
  );
  const ids = [fields["ID"] ?? "", ...(fields["ID_LIKE"] ?? "").split(" ")].filter(Boolean);
  return { title: fields["PRETTY_NAME"] ?? fields["NAME"] ?? "Linux", ids };
};

const installers: Record<string, string> = {
  debian: "apt-get install",
  ubuntu: "apt-get install",
  fedora: "dnf install",
  rhel: "dnf install",
  centos: "dnf install",
  arch: "pacman -S",
  suse: "zypper install",
  opensuse: "zypper install",
  alpine: "apk add",
  void: "xbps-install",
  gentoo: "emerge",
};

/** The command that installs a package here; a sentence where the distribution is not known. */
export const installCommand = ({ ids }: Distribution, name: string, uid: number): string => {
  if (ids.includes("nixos")) return `\`nix-env -iA nixos.${name}\``;
  const id = ids.find((candidate) => Object.hasOwn(installers, candidate));
  if (id === undefined) return `install the package \`${name}\` of your distribution`;
  return `\`${asRoot(uid, `${installers[id]} ${name}`)}\``;
};

/** A command that only root may run, as this user would type it. */
export const asRoot = (uid: number, command: string): string => (uid === 0 ? command : `sudo ${command}`);
