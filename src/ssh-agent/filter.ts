import { messageType, readFields, readIdentities, writeIdentities } from "./protocol.ts";

/** True for the public key of a chosen one, as it stands on the wire. */
export type IsChosen = (key: Uint8Array) => boolean;

/** What becomes of the host agent's answer on its way in; undefined where the request itself stays outside. */
export type Passage = ((answer: Uint8Array) => Uint8Array) | undefined;

export const failure: Uint8Array = Uint8Array.of(messageType.failure);

/**
 * Decides about one message from inside. Only three kinds go to the host's agent: the list of keys, of which the chosen
 * come back; a signature by a chosen key for a login of ssh; and the note that binds a connection to one server, because
 * keys that are limited to servers need it and it only ever narrows. Everything else could change the agent or sign what
 * nobody meant.
 */
export const passageOf = (message: Uint8Array, isChosen: IsChosen): Passage => {
  switch (message[0]) {
    case messageType.requestIdentities:
      return message.length === 1 ? (answer) => onlyChosen(answer, isChosen) : undefined;
    case messageType.signRequest:
      return isLogin(message, isChosen) ? only(messageType.signResponse) : undefined;
    case messageType.extension:
      return isSessionBind(message) ? only(messageType.success) : undefined;
    default:
      return undefined;
  }
};

const onlyChosen = (answer: Uint8Array, isChosen: IsChosen): Uint8Array => {
  const identities = readIdentities(answer);
  return identities ? writeIdentities(identities.filter(({ key }) => isChosen(key))) : failure;
};

const only =
  (type: number) =>
  (answer: Uint8Array): Uint8Array =>
    answer[0] === type ? answer : failure;

/** None, or the hash of an RSA signature: SHA-256 or SHA-512. */
const signFlags = [0, 2, 4];

const isLogin = (message: Uint8Array, isChosen: IsChosen): boolean => {
  const fields = readFields(message.subarray(1));
  const key = fields.string();
  const data = fields.string();
  const flags = fields.uint32();
  return fields.isDone() && signFlags.includes(flags) && isChosen(key) && isUserauth(data, key);
};

const userauthRequest = 50;
/** A session is named by a hash of the key exchange: SHA-1, -256, -384 or -512. */
const sessionLengths = [20, 32, 48, 64];
/** The second also names the server's key (OpenSSH's PROTOCOL). */
const methods = { plain: "publickey", hostBound: "publickey-hostbound-v00@openssh.com" };

/**
 * True for what a client signs to log in with this very key (RFC 4252 §7), and for nothing else: signatures of files and
 * commits begin with `SSHSIG`, which read here is the length of an impossible session.
 */
const isUserauth = (data: Uint8Array, key: Uint8Array): boolean => {
  const fields = readFields(data);
  const session = fields.string();
  if (!sessionLengths.includes(session.length) || fields.byte() !== userauthRequest) return false;
  fields.string(); // the user's name, any
  if (fields.text() !== "ssh-connection") return false;
  const method = fields.text();
  if (method !== methods.plain && method !== methods.hostBound) return false;
  if (fields.byte() !== 1 || !fitsKey(fields.text(), readFields(key).text())) return false;
  if (Buffer.compare(fields.string(), key) !== 0) return false;
  if (method === methods.hostBound) fields.string();
  return fields.isDone();
};

/** A signature algorithm bears the name of the key's type, but for RSA, where it says the hash (RFC 8332). */
const fitsKey = (algorithm: string, type: string): boolean =>
  algorithm === type ||
  (/^ssh-rsa(-cert-v01@openssh\.com)?$/.test(type) && /^rsa-sha2-(256|512)(-cert-v01@openssh\.com)?$/.test(algorithm));

const isSessionBind = (message: Uint8Array): boolean => {
  const fields = readFields(message.subarray(1));
  if (fields.text() !== "session-bind@openssh.com") return false;
  fields.string(); // the server's key
  const session = fields.string();
  fields.string(); // its signature
  return fields.byte() <= 1 && fields.isDone() && sessionLengths.includes(session.length);
};
