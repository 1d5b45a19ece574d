/** Programs of Python that run inside and say on the wire what no tidy client says. */

const connect = `import json, os, socket, ssl, sys
def connect(host, protocols=("http/1.1",)):
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(protocols))
    s = context.wrap_socket(socket.create_connection((host, 443), 20), server_hostname=host)
    s.settimeout(20)
    return s
`;

/**
 * A WebSocket to `intercepted.test` that says each word, and prints the status and what comes back. `$TOKEN` is the
 * variable of the test's service. With `extensions` it offers these.
 */
export const webSocket = (words: readonly string[], extensions = ""): string => `${connect}
import zlib
s = connect("intercepted.test")
head = "GET /socket HTTP/1.1\\r\\nHost: intercepted.test\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n"
token = os.environ.get("ECHO_TOKEN")
if token: head += "Authorization: Bearer " + token + "\\r\\n"
if "${extensions}": head += "Sec-WebSocket-Extensions: ${extensions}\\r\\n"
s.sendall((head + "\\r\\n").encode())
f = s.makefile("rb")
print(f.readline().split()[1].decode())
while f.readline().strip(): pass
def hear():
    first, length = f.read(2)
    if length == 126: length = int.from_bytes(f.read(2), "big")
    text = f.read(length)
    if first & 0x40: text = zlib.decompressobj(-15).decompress(text + bytes([0, 0, 255, 255]))
    print(text.decode())
hear()
for word in ${JSON.stringify(words)}:
    word = word.replace("$TOKEN", token or "")
    s.sendall(bytes([0x81, 0x80 | len(word), 0, 0, 0, 0]) + word.encode())
    hear()
`;

/**
 * Says each text on a connection of its own, all at once, and prints, as JSON, what came back to each until the other end
 * closed it or had nothing more to say for a while. What is never answered is an answer too.
 */
export const sayRaw = (host: string, texts: readonly string[], quietSeconds = 0.5): string => `${connect}
from concurrent.futures import ThreadPoolExecutor
def say(text):
    heard = b""
    try:
        s = connect(${JSON.stringify(host)})
        s.sendall(text.encode("latin1"))
        s.settimeout(5)
        while True:
            piece = s.recv(65536)
            if not piece: break
            heard += piece
            s.settimeout(${quietSeconds})
    except OSError: pass
    return heard.decode("latin1")
with ThreadPoolExecutor(40) as pool:
    print(json.dumps(list(pool.map(say, json.loads(${JSON.stringify(JSON.stringify(texts))})))))
`;

/**
 * Says the same piece again and again behind a start, on one connection: prints how many bytes were taken and the
 * beginning of the answer.
 */
export const drip = (host: string, start: string, piece: string, mostBytes: number): string => `${connect}
s = connect(${JSON.stringify(host)})
said = 0
heard = b""
try:
    s.sendall(${JSON.stringify(start)}.encode("latin1"))
    piece = ${JSON.stringify(piece)}.encode("latin1")
    while said < ${mostBytes}:
        s.sendall(piece)
        said += len(piece)
    s.sendall(b"\\r\\n\\r\\n")
except OSError: pass
try: heard = s.recv(4096)
except OSError: pass
print(said, heard[:40].decode("latin1"))
`;
