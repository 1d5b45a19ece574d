"""Runs inside and outside alike. A line on stdin asks for one turn of work, and a line with a number is the answer: so
starting does not count, and the sides can take turns. Connections go directly, or with `proxy` by HTTP CONNECT through
the proxy that the environment names."""

import base64
import os
import socket
import sys
import time
from urllib.parse import unquote, urlsplit

BLOCK = bytes(1 << 20)
BUFFER = bytearray(1 << 20)


def open_plain(host, port):
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def open_through_proxy(host, port):
    proxy = urlsplit(os.environ["HTTPS_PROXY"])
    connection = open_plain(proxy.hostname, proxy.port)
    head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    if proxy.username is not None:
        words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        head += f"Proxy-Authorization: Basic {base64.b64encode(words.encode()).decode()}\r\n"
    connection.sendall(f"{head}\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            raise EOFError("the proxy hung up")
        answer += piece
    if answer.split(b" ")[1] != b"200":
        raise ConnectionError(answer.decode(errors="replace").split("\r\n")[0])
    return connection


def receive(connection, count):
    while count > 0:
        got = connection.recv_into(BUFFER)
        if got == 0:
            raise EOFError(f"{count} bytes are missing")
        count -= got


def down(connection, count):
    """Megabytes per second."""
    start = time.perf_counter()
    connection.sendall(b"down %d\n" % count)
    receive(connection, count)
    return count / 1e6 / (time.perf_counter() - start)


def up(connection, count):
    """Megabytes per second, until the other side has it all."""
    start = time.perf_counter()
    connection.sendall(b"up %d\n" % count)
    for at in range(0, count, len(BLOCK)):
        connection.sendall(BLOCK[: min(len(BLOCK), count - at)])
    receive(connection, 1)
    return count / 1e6 / (time.perf_counter() - start)


def http(connection, host, count):
    """Megabytes per second."""
    start = time.perf_counter()
    connection.sendall(f"GET /{count} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    while connection.recv_into(BUFFER):
        pass
    return count / 1e6 / (time.perf_counter() - start)


def echo(connection, count):
    """Milliseconds of one byte there and back: the median of a hundred."""
    connection.sendall(b"echo\n")
    times = []
    for _ in range(100):
        start = time.perf_counter()
        connection.sendall(b".")
        receive(connection, 1)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000


def get(host, port):
    """Milliseconds of a small request on a connection of its own, with the look-up of the name: the median of twenty."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        with opener(host, port) as connection:
            connection.sendall(f"GET /2 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            while connection.recv_into(BUFFER):
                pass
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000


def take_turn(work, host, port, count):
    if work == "get":
        return get(host, port)
    with opener(host, port) as connection:
        if work == "http":
            return http(connection, host, count)
        return {"down": down, "up": up, "echo": echo}[work](connection, count)


opener = open_through_proxy if sys.argv[1:] == ["proxy"] else open_plain
for line in sys.stdin:
    work, host, port, count = line.split()
    print(take_turn(work, host, int(port), int(count)), flush=True)
