import { attach, type Wire } from "./wire.ts";

/** An answer of the gateway's own, after which the connection ends. The sentence is printable ASCII. */
export const refusalOf = (status: number, sentence: string): Uint8Array => {
  const body = `cordon: ${sentence}\n`;
  const head = [
    `HTTP/1.1 ${status} ${sentence}`,
    "Content-Type: text/plain",
    `Content-Length: ${body.length}`,
    "Connection: close",
    "X-Cordon: refused",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
};

/** Answers and closes. */
export const answerHttp = (client: Wire, status: number, sentence: string): void =>
  finishWith(client, refusalOf(status, sentence));

const lingerMs = 2_000;

/** Says the last words and closes when the client has read them: what it still sends must not turn into a reset. */
export const finishWith = (client: Wire, words: string | Uint8Array): void => {
  const timer = setTimeout(() => client.terminate(), lingerMs);
  client.write(words);
  client.shutdown();
  attach(client, { data() {}, end: () => client.end(), close: () => clearTimeout(timer) });
};
