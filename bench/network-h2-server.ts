import fs from "node:fs";
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

// HTTP/2 over TLS: the path is the number of bytes of the answer. Without the credential there is none.

const [address, port, cert, key, token] = process.argv.slice(2) as [string, string, string, string, string];
const block = Buffer.alloc(1024 * 1024);

const give = (stream: ServerHttp2Stream, count: number): void => {
  let left = count;
  const more = (): void => {
    while (left > 0) {
      const piece = block.subarray(0, left);
      left -= piece.length;
      if (!stream.write(piece)) return void stream.once("drain", more);
    }
    stream.end();
  };
  more();
};

const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
server.on("stream", (stream: ServerHttp2Stream, fields: IncomingHttpHeaders) => {
  stream.on("error", () => {});
  if (fields.authorization !== `Bearer ${token}`) return stream.respond({ ":status": 401 }, { endStream: true });
  const count = Number(fields[":path"]?.slice(1));
  stream.respond({ ":status": 200, "content-length": count });
  give(stream, count);
});
server.on("sessionError", () => {});
server.listen(Number(port), address, () => fs.writeSync(1, "ready\n"));
