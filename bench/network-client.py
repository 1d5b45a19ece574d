"""Runs inside and outside alike. A line on stdin asks for one turn of work, and a line with a number is the answer: so
starting does not count, and the sides can take turns. Connections go directly, or with `proxy` by HTTP CONNECT through
the proxy that the environment names. Those to port 443 carry TLS, and the credential that the environment holds."""

import base64
import os
import socket
import ssl
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


def ask(connection, host, line, count, body_length=0):
    """A request, to the last of the `count` bytes of its answer, which must be a good one."""
    is_tls = isinstance(connection, ssl.SSLSocket)
    head = f"{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {body_length}\r\nConnection: close\r\n"
    if is_tls:
        head += f"Authorization: Bearer {os.environ['BENCH_TOKEN']}\r\n"
    connection.sendall(f"{head}\r\n".encode())
    for at in range(0, body_length, len(BLOCK)):
        connection.sendall(BLOCK[: min(len(BLOCK), body_length - at)])
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65536)
        if not piece:
            raise EOFError("there is no whole answer")
        answer += piece
    head, _, begun = answer.partition(b"\r\n\r\n")
    if head.split(b" ")[1] != b"200":
        raise ConnectionError((head + begun).decode(errors="replace"))
    receive(connection, count - len(begun))


def http(connection, host, count):
    """Megabytes per second."""
    start = time.perf_counter()
    ask(connection, host, f"GET /{count}", count)
    return count / 1e6 / (time.perf_counter() - start)


def post(connection, host, count):
    """Megabytes per second, until the other side has it all."""
    start = time.perf_counter()
    ask(connection, host, "POST /2", 2, count)
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
        with connect(host, port) as connection:
            ask(connection, host, "GET /2", 2)
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000


def issuer(connection):
    """Who has signed the certificate that the client sees."""
    names = dict(pair for part in connection.getpeercert()["issuer"] for pair in part)
    return names["commonName"]


def connect(host, port):
    connection = opener(host, port)
    return TLS.wrap_socket(connection, server_hostname=host) if port == 443 else connection


def take_turn(work, host, port, count):
    if work == "get":
        return get(host, port)
    with connect(host, port) as connection:
        if work == "issuer":
            return issuer(connection)
        if work in ("http", "post"):
            return {"http": http, "post": post}[work](connection, host, count)
        return {"down": down, "up": up, "echo": echo}[work](connection, count)


opener = open_through_proxy if sys.argv[1:] == ["proxy"] else open_plain
TLS = ssl.create_default_context()
for line in sys.stdin:
    work, host, port, count = line.split()
    print(take_turn(work, host, int(port), int(count)), flush=True)
