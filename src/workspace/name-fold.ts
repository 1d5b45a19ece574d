/**
 * What a name may be taken for by a file system that ignores case, marks, invisible characters (HFS+), final dots
 * and spaces, or what follows a colon (NTFS): the more names that are the same, the more is looked at.
 */
export const foldName = (name: string): string => {
  if (/^[\x21-\x39\x3b-\x5b\x5d-\x7d]*[\x21-\x2d\x2f-\x39\x3b-\x5b\x5d-\x7d]$/.test(name)) return name.toLowerCase();
  const plain = name.normalize("NFKC").replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "");
  const short = plain
    .toLowerCase()
    .replace(/(?<=.):.*$/s, "")
    .replace(/(?<=[^. ])[. ]+$/, "");
  return /^git~\d+$/.test(short) ? ".git" : short;
};
