"""Looks for texts in everything that is visible: files, and of every process environment, command line and memory.

Usage: search.py NEEDLES RESULT. NEEDLES holds one text a line as hexadecimal digits of its complement, so that neither
that file nor this program's arguments are finds. RESULT becomes JSON: where each was found, and how much was looked at.
"""
import json
import os
import re
import stat
import sys

needles_file, result_file = sys.argv[1:]
with open(needles_file) as lines:
    needles = [bytes(255 - byte for byte in bytes.fromhex(line)) for line in lines if line.strip()]
longest = max(map(len, needles))
piece = 4 * 1024 * 1024
page = os.sysconf("SC_PAGE_SIZE")
seen = {"files": 0, "bytes": 0, "processes": 0, "memories": 0}
hits = set()


def look(data, place):
    for index, needle in enumerate(needles):
        if needle in data:
            hits.add((index, place))


def read_through(source, place, remaining=None):
    rest = b""
    while remaining is None or remaining > 0:
        data = source.read(piece if remaining is None else min(piece, remaining))
        if not data:
            return
        seen["bytes"] += len(data)
        if remaining is not None:
            remaining -= len(data)
        look(rest + data, place)
        rest = (rest + data)[-longest:]


def is_system(directory):
    """Programs of the machine, which nobody inside can write to: nothing of this user's is there."""
    return re.match(r"/(usr|opt|bin|sbin|lib\w*|proc|sys)(/|$)", directory)


def mounts_in_system():
    """Single places below them may be somebody else's."""
    with open("/proc/self/mountinfo") as lines:
        points = [line.split()[4] for line in lines]
    return [point for point in points if point.count("/") > 1 and is_system(point) and not point.startswith(("/proc", "/sys"))]


def search_files():
    for root in ["/"] + mounts_in_system():
        search_tree(root)


def search_tree(root):
    if os.path.isfile(root):
        with open(root, "rb", buffering=0) as source:
            read_through(source, "file " + root)
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if not is_system(os.path.join(directory, name))]
        for name in files + [name for name in names if os.path.islink(os.path.join(directory, name))]:
            file = os.path.join(directory, name)
            look(os.fsencode(file), "name " + file)
            try:
                status = os.lstat(file)
                if stat.S_ISLNK(status.st_mode):
                    look(os.fsencode(os.readlink(file)), "link " + file)
                if not stat.S_ISREG(status.st_mode):
                    continue
                with open(file, "rb", buffering=0) as source:
                    seen["files"] += 1
                    read_through(source, "file " + file)
            except OSError:
                pass


def is_there(pages, start, length):
    """Whether any page of a span is in memory or swapped out (proc_pid_pagemap(5)): runtimes reserve much more."""
    pages.seek(start // page * 8)
    entries = pages.read(length // page * 8)
    return max(entries[7::8], default=0) >= 0x40


def search_memory(process):
    place = f"memory {process}"
    with open(f"/proc/{process}/maps") as lines, open(f"/proc/{process}/mem", "rb", buffering=0) as memory, open(
        f"/proc/{process}/pagemap", "rb", buffering=0
    ) as pages:
        seen["memories"] += 1
        for line in lines:
            span, mode, rest = line.split(None, 2)
            # What is only mapped from a program's file says nothing; what can be written to does.
            if not mode.startswith("rw") or "[vvar" in rest:
                continue
            start, end = (int(word, 16) for word in span.split("-"))
            for at in range(start, end, piece):
                try:
                    length = min(piece, end - at)
                    if is_there(pages, at, length):
                        memory.seek(at)
                        read_through(memory, place, length)
                        # Nothing hides at a border.
                        if at > start:
                            memory.seek(at - longest)
                            look(memory.read(2 * longest), place)
                except (OSError, ValueError, OverflowError):
                    pass


def search_processes():
    for process in filter(str.isdigit, os.listdir("/proc")):
        if process == str(os.getpid()):
            continue
        seen["processes"] += 1
        for kind in ("environ", "cmdline"):
            try:
                with open(f"/proc/{process}/{kind}", "rb") as source:
                    look(source.read(), f"{kind} {process}")
            except OSError:
                pass
        try:
            search_memory(process)
        except OSError:
            pass


search_files()
search_processes()
look(b"\0".join(key + b"=" + value for key, value in os.environb.items()), "environ self")
with open(result_file, "w") as result:
    json.dump({**seen, "hits": sorted(hits)}, result)
print("searched", seen["files"], "files and", seen["processes"], "processes")
