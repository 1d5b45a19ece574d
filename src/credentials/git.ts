/** A sign-in that git uses for a server, in placeholders. */
export type GitCredential = { url: string; user: string; password: string };

/** As a section of a git configuration file (gitcredentials(7)); no other helper is asked for this server. */
export const describeCredential = ({ url, user, password }: GitCredential): string => {
  const answer = `test $1 = get && echo username=${user} && echo password=${password}`;
  return `[credential "${url}"]\n\thelper =\n\thelper = "!f() { ${answer}; }; f"\n`;
};
