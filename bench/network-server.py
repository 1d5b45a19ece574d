"""The other side of the network measurements. Says "ready" when all ports listen, and ends with its standard input."""

import socket
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
        while left > 0:
            connection.sendall(BLOCK[: min(left, len(BLOCK))])
            left -= min(left, len(BLOCK))
        # The client hangs up first: on a busy machine the peer's relay loses what is still on its way when the server does.
        connection.recv(1)
    elif verb == "up":
        buffer = bytearray(len(BLOCK))
        while left > 0:
            got = connection.recv_into(buffer)
            if got == 0:
                return
            left -= got
        connection.sendall(b".")
    else:
        while piece := connection.recv(64):
            connection.sendall(piece)


def serve_http(connection):
    """The path is the number of bytes of the answer."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536)
    left = int(request.split(b" ")[1].removeprefix(b"/"))
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % left)
    while left > 0:
        connection.sendall(BLOCK[: min(left, len(BLOCK))])
        left -= min(left, len(BLOCK))


def attend(connection, serve):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            serve(connection)
        except OSError:
            pass


def accept(listener, serve):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=attend, args=(connection, serve), daemon=True).start()


address, bytes_port, http_port = sys.argv[1:]
for port, serve in ((bytes_port, serve_bytes), (http_port, serve_http)):
    listener = socket.create_server((address, int(port)), backlog=128)
    threading.Thread(target=accept, args=(listener, serve), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
