"""The other side of the network measurements. Says "ready" when all ports listen, and ends with its standard input."""

import socket
import ssl
import sys
import threading

BLOCK = bytes(1 << 20)


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            return b""
        line += piece
    return line


def serve_bytes(connection):
    """`down N`: N bytes go out. `up N`: N bytes come in, and one byte says so. `echo`: every byte comes back."""
    verb, _, count = read_line(connection).decode().strip().partition(" ")
    left = int(count or 0)
    if verb == "down":
        give(connection, left)
        # The client hangs up first: on a busy machine the peer's relay loses what is still on its way when the server does.
        connection.recv(1)
    elif verb == "up":
        take(connection, left)
        connection.sendall(b".")
    else:
        while piece := connection.recv(64):
            connection.sendall(piece)


def serve_http(connection):
    """The path is the number of bytes of the answer. Over TLS, without the credential there is none."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(65536)
        if not piece:
            return
        request += piece
    head, _, begun = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    if isinstance(connection, ssl.SSLSocket) and fields.get(b"authorization") != b"Bearer %s" % token.encode():
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    take(connection, int(fields.get(b"content-length", 0)) - len(begun))
    left = int(lines[0].split(b" ")[1].removeprefix(b"/"))
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % left)
    give(connection, left)


def give(connection, left):
    while left > 0:
        connection.sendall(BLOCK[: min(left, len(BLOCK))])
        left -= min(left, len(BLOCK))


def take(connection, left):
    buffer = bytearray(len(BLOCK))
    while left > 0:
        got = connection.recv_into(buffer)
        if got == 0:
            raise EOFError(f"{left} bytes are missing")
        left -= got


def attend(connection, serve, wrap):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with wrap(connection) as wrapped:
                serve(wrapped)
        except (OSError, EOFError):
            pass


def accept(listener, serve, wrap):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=attend, args=(connection, serve, wrap), daemon=True).start()


address, bytes_port, http_port, tls_port, certificate, key, token = sys.argv[1:]
TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
TLS.load_cert_chain(certificate, key)
for port, serve, wrap in (
    (bytes_port, serve_bytes, lambda connection: connection),
    (http_port, serve_http, lambda connection: connection),
    (tls_port, serve_http, lambda connection: TLS.wrap_socket(connection, server_side=True)),
):
    listener = socket.create_server((address, int(port)), backlog=128)
    threading.Thread(target=accept, args=(listener, serve, wrap), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
