#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mig: what suites migrate-* ask in dom0; see tests/lab/migrate.sh

mig get NAME KEY...              of what the supervisor says; a.b for b in a
mig when NAME SECONDS TEST... [-- CMD...]
                                 until its migration meets each TEST, KEY=VALUE,
                                 KEY!=VALUE or KEY>=NUMBER; then run CMD, at once
mig checker NAME LINES SECONDS   until the memory checker in the guest has said
                                 so many lines from now on, and nothing wrong;
                                 prints the last
mig last NAME                    the checker's last line
mig levels [NAME]                what must be the same before and after, a word
                                 each; NAME: of its supervisor, too
mig settled SECONDS LEVELS...    until the levels are these again
mig pings HOST PORT              a datagram each 10 ms to who sends it back; on
                                 SIGTERM "sent N got N gap_ms N": the largest
                                 between two that came
"""
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

LIMIT_S = 60
POLL_S = 0.1  # nobody tells of lines in a file, nor of free memory
SLACK_PAGES = 64  # of Xen's own heap, from one domain to the next


class Supervisor:
    def __init__(self, name):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(LIMIT_S)
        self.s.connect("/run/freehold/%s/api" % name)
        self.rest = b""

    def line(self):
        while b"\n" not in self.rest:
            got = self.s.recv(65536)
            if not got:
                sys.exit("the supervisor went away")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def call(self, method):
        ask = {"jsonrpc": "2.0", "id": 1, "method": method}
        self.s.sendall(json.dumps(ask).encode() + b"\n")
        while True:
            answer = self.line()
            if answer.get("id") == 1:
                if "error" in answer:
                    sys.exit("%s: %s" % (method, answer["error"].get("message")))
                return answer["result"]


def get(name, *keys):
    info = Supervisor(name).call("info")
    found = []
    for key in keys:
        o = info
        for part in key.split("."):
            o = o.get(part) if isinstance(o, dict) else None
        found.append("-" if o is None else str(o).replace(" ", "_"))
    print(*found)


def meets(migration, test):
    key, op, want = re.match(r"(\w+)(>=|!=|=)(.*)", test).groups()
    got = (migration or {}).get(key)
    if op == ">=":
        return isinstance(got, int) and got >= int(want)
    return (str(got) == want) == (op == "=")


def when(name, seconds, *rest):
    cmd = rest[rest.index("--") + 1:] if "--" in rest else []
    tests = rest[:rest.index("--")] if "--" in rest else rest
    s = Supervisor(name)
    s.call("subscribe")
    end = time.monotonic() + float(seconds)
    seen = []
    migration = s.call("info").get("migration")
    while not all(meets(migration, t) for t in tests):
        s.s.settimeout(max(end - time.monotonic(), 0.01))
        try:
            e = s.line()
        except socket.timeout:
            sys.exit("%s: not %s in %s s; seen: %s" %
                     (name, " ".join(tests), seconds, seen[-12:]))
        p = e.get("params", {})
        if e.get("method") == "migration":
            migration = p
            seen.append((p.get("state"), p.get("epoch"), p.get("sent_pages")))
        elif e.get("method") == "migration-end":
            sys.exit("%s: not %s: it ended: %s: %s; seen: %s" %
                     (name, " ".join(tests), p.get("end"), p.get("why"),
                      seen[-12:]))
    print(json.dumps(migration), flush=True)
    if cmd:
        os.execvp(cmd[0], cmd)


def log_of(name):
    for path in ("/var/log/freehold/%s.log",
                 "/var/log/xen/console/guest-%s.log"):
        if os.path.exists(path % name):
            return path % name
    return "/var/log/freehold/%s.log" % name


def lines_of(name, at=0):
    try:
        with open(log_of(name), "rb") as f:
            if os.fstat(f.fileno()).st_size < at:
                at = 0  # another file by now
            f.seek(at)
            text = f.read()
    except FileNotFoundError:
        text = b""
    whole = text[:text.rfind(b"\n") + 1]
    return at + len(whole), [l.rstrip("\r") for l in
                             whole.decode(errors="replace").split("\n")[:-1]]


BAD = re.compile(r"MEM WRONG|MEM EXIT|wrong=[1-9]|Kernel panic|BUG:|Oops|"
                 r"soft lockup|rcu.*stall|hung_task")


def checker(name, lines, seconds):
    end = time.monotonic() + float(seconds)
    at = lines_of(name)[0]
    good = []
    while len(good) < int(lines):
        time.sleep(POLL_S)
        at, new = lines_of(name, at)
        bad = [l for l in new if BAD.search(l)]
        if bad:
            sys.exit("%s: %s" % (name, "\n".join(bad[:5])))
        good += [l for l in new if l.startswith("MEM ok ")]
        if time.monotonic() > end:
            sys.exit("%s: %d lines of the checker in %s s, want %s; the log's "
                     "end:\n%s" % (name, len(good), seconds, lines,
                                   "\n".join(lines_of(name)[1][-5:])))
    print(good[-1])


def last(name):
    mem = [l for l in lines_of(name)[1] if re.match("MEM (ok|START|END) ", l)]
    print(mem[-1] if mem else sys.exit("%s: the checker said nothing" % name))


def debug_key(key, first):
    """What Xen prints for it, from the last line that has `first` on."""
    subprocess.run(["xl", "debug-keys", key], check=True)
    text = subprocess.run(["xl", "dmesg"], check=True, text=True,
                          errors="replace", stdout=subprocess.PIPE).stdout
    return text[text.rfind(first):].splitlines()


def levels_now(name=None):
    heap = sum(int(m.group(1)) for m in
               (re.search(r"heap\[.*-> (\d+) pages", l)
                for l in debug_key("H", "dumping heap info")) if m)
    grants = sum("[0x" in l for l in debug_key("g", "gnttab_usage_print_all ["))
    # Of a guest itself only that it is there: what its kernel wrote as it
    # booted it does not write again.
    nodes = subprocess.run(["xenstore-ls", "-f", "/"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    nodes = sum(not re.match(r"/local/domain/[1-9]\d*/", n) for n in nodes)
    domains = os.popen("xl list | tail -n +2 | wc -l").read().strip()
    relays = os.popen("pgrep -cx freehold-migrat").read().strip()
    now = ["pages=%d" % heap, "grants=%d" % grants, "nodes=%d" % nodes,
           "domains=" + domains, "relays=" + relays]
    if name:
        pid = Supervisor(name).call("info")["supervisor_pid"]
        now.append("fds=%d" % len(os.listdir("/proc/%d/fd" % pid)))
    return now


def like(got, want):
    if not want.startswith("pages="):
        return got == want
    return abs(int(got[6:]) - int(want[6:])) <= SLACK_PAGES


def settled(seconds, *want):
    name = None
    if want and not "=" in want[0]:
        name, want = want[0], want[1:]
    end = time.monotonic() + float(seconds)
    while True:
        now = levels_now(name)
        if len(now) == len(want) and all(map(like, now, want)):
            print(*now)
            return
        if time.monotonic() > end:
            sys.exit("got:  %s\nwant: %s" % (" ".join(now), " ".join(want)))
        time.sleep(10 * POLL_S)


def pings(host, port):
    stop = []
    signal.signal(signal.SIGTERM, lambda *a: stop.append(1))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    sent = got = gap = 0
    last = due = time.monotonic()
    print("ready", flush=True)
    while not stop:
        select.select([s], [], [], max(due - time.monotonic(), 0))
        now = time.monotonic()
        try:
            while s.recv(64):
                got += 1
                gap = max(gap, now - last)
                last = now
        except OSError:  # nothing more, or nobody there just now
            pass
        if now >= due:
            try:
                s.sendto(b"%020d" % sent, (host, int(port)))
                sent += 1
            except OSError:
                pass
            due = max(due + 0.01, now)
    gap = max(gap, time.monotonic() - last)
    print("sent %d got %d gap_ms %d" % (sent, got, gap * 1000), flush=True)


if __name__ == "__main__":
    verbs = {"get": get, "when": when, "checker": checker, "last": last,
             "levels": lambda *a: print(*levels_now(*a)), "settled": settled, "pings": pings}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
