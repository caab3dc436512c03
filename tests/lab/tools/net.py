#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""net: the other end of guests' network cards, in dom0; see tests/lab/net.sh

net get NAME DEVID FIELD...     what the supervisor says of it, in one line
net await NAME DEVID STATE SECONDS [CMD...]
                                run CMD, then wait for that event, or until the
                                card stands so (without CMD)
net until NAME DEVID FIELD eq|ne|ge VALUE SECONDS
net serves NAME DEVID PID SECONDS
                                until another process than PID moved packets
net kill each|quick NAME DEVID N
                                end its backend by SIGKILL, N times: each when
                                the one before serves, or as soon as there is one
net killat NAME DEVID FIELD BYTES N
                                N times, each when FIELD grew by so many
net call NAME METHOD JSON       any method; prints its result
net serve PORT                  "PUT", then bytes until their end: answers with
                                their SHA-256; "GET BYTES SEED": gives them
net sum BYTES SEED              the SHA-256 of these
net sniff DEVICE END            each mark MARK-word. in a frame; until that of END
"""
import hashlib
import json
import os
import re
import signal
import socket
import socketserver
import struct
import sys
import time

LIMIT_S = 60
POLL_S = 0.1  # nobody tells of figures
ETH_P_ALL = 3


class Supervisor:
    def __init__(self, name):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(LIMIT_S)
        self.s.connect("/run/freehold/%s/api" % name)
        self.rest = b""
        self.events = []

    def line(self):
        while b"\n" not in self.rest:
            got = self.s.recv(65536)
            if not got:
                sys.exit("the supervisor went away")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, params=None):
        ask = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            ask["params"] = params
        self.s.sendall(json.dumps(ask).encode() + b"\n")
        while True:
            answer = self.line()
            if answer.get("id") != 1:
                self.events.append(answer)
            elif "error" in answer:
                sys.exit("%s: %s" % (method, answer["error"].get("message")))
            else:
                return answer["result"]

    def event(self, devid, end):
        """The next event of that card; None: its time is over."""
        while True:
            if self.events:
                e = self.events.pop(0)
            else:
                self.s.settimeout(max(end - time.monotonic(), 0.01))
                try:
                    e = self.line()
                except socket.timeout:
                    return None
            p = e.get("params", {})
            if e.get("method") == "network" and p.get("devid") == devid:
                return p


def card_of(name, devid, s=None):
    for v in (s or Supervisor(name)).call("info").get("vifs", []):
        if v["devid"] == int(devid):
            return v
    return None


def card(name, devid, s=None):
    return card_of(name, devid, s) or sys.exit("%s: no vif %s" % (name, devid))


def get(name, devid, *fields):
    v = card(name, devid)
    # True and False as 1 and 0
    print(*[int(x) if isinstance(x, bool) else x
            for x in (v.get(f, "-") for f in fields)])


def wait(name, devid, state, seconds, *cmd):
    import subprocess
    s = Supervisor(name)
    s.call("subscribe")
    end = time.monotonic() + float(seconds)
    if cmd:
        subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL)
    else:
        v = card_of(name, devid, s)
        if (v["state"] if v else "gone") == state:
            return
    seen = []
    while True:
        p = s.event(int(devid), end)
        if p is None:
            sys.exit("%s vif %s: want %s in %s s, seen: %s" %
                     (name, devid, state, seconds, seen))
        seen.append(p["state"])
        if p["state"] == state:
            return
        if p["state"] == "failed":
            sys.exit("%s vif %s: failed: %s" % (name, devid, p.get("why")))


def until(name, devid, field, op, value, seconds):
    def text(a):
        return str(int(a) if isinstance(a, bool) else a)

    holds = {"eq": lambda a: text(a) == value,
             "ne": lambda a: text(a) != value,
             "ge": lambda a: a >= int(value)}[op]
    s = Supervisor(name)
    end = time.monotonic() + float(seconds)
    while True:
        now = card(name, devid, s).get(field)
        if now is not None and holds(now):
            return
        if time.monotonic() > end:
            sys.exit("%s vif %s: %s is %s after %s s, want %s %s" %
                     (name, devid, field, now, seconds, op, value))
        time.sleep(POLL_S)


def moved(v):
    return v.get("tx_packets", 0) + v.get("rx_packets", 0)


def serves(name, devid, old, seconds):
    s = Supervisor(name)
    end = time.monotonic() + float(seconds)
    first = None
    while time.monotonic() < end:
        v = card(name, devid, s)
        if v["state"] == "failed":
            sys.exit("%s vif %s: failed: %s" % (name, devid, v.get("why")))
        now = v.get("pid"), moved(v)
        if first is None or now[0] != first[0] or now[0] in (0, int(old)):
            first = now
        elif now[1] > first[1]:
            return
        time.sleep(POLL_S)
    sys.exit("%s vif %s: moves nothing in %s s: %s" % (name, devid, seconds, v))


def new_pid(name, devid, old):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:  # nobody tells of a process that starts
        v = card(name, devid)
        if v["pid"] not in (0, old):
            return v["pid"]
        if v["state"] == "failed":
            sys.exit("%s vif %s: failed: %s" % (name, devid, v["why"]))
        time.sleep(POLL_S / 2)
    sys.exit("%s vif %s: no other process in %d s" % (name, devid, LIMIT_S))


def kill(how, name, devid, nr):
    nr = int(nr)
    restarts = card(name, devid)["restarts"]
    pid = 0
    for i in range(nr):
        pid = new_pid(name, devid, pid)
        os.kill(pid, signal.SIGKILL)
        if how == "each" or i == nr - 1:
            serves(name, devid, pid, LIMIT_S)
    now = card(name, devid)["restarts"]
    if now != restarts + nr:
        sys.exit("%s vif %s: %d restarts, then %d, want %d more" %
                 (name, devid, restarts, now, nr))


def killat(name, devid, field, step, nr):
    """Under way: at that much, at twice that ..., so that all fall inside."""
    start = card(name, devid)[field]
    for i in range(1, int(nr) + 1):
        until(name, devid, field, "ge", str(start + i * int(step)), 1800)
        at = card(name, devid)[field] - start
        kill("each", name, devid, 1)
        print("killed at %d of %s" % (at, field), flush=True)


def call(name, method, params):
    print(json.dumps(Supervisor(name).call(method, json.loads(params))))


CHUNK = 1 << 20


def chunks(size, seed):
    """The same bytes for the same seed; no two chunks alike."""
    body = hashlib.shake_128(seed.encode()).digest(min(CHUNK, max(size, 16)))
    n = 0
    while size > 0:
        part = (struct.pack(">Q", n) + body[8:])[:size]
        yield part
        size -= len(part)
        n += 1


def total(size, seed):
    h = hashlib.sha256()
    for part in chunks(int(size), seed):
        h.update(part)
    print(h.hexdigest())


class Transfer(socketserver.StreamRequestHandler):
    def handle(self):
        word = self.rfile.readline(100).decode().split()
        if word[:1] == ["PUT"]:
            h, n = hashlib.sha256(), 0
            while True:
                part = self.rfile.read1(CHUNK)
                if not part:
                    break
                h.update(part)
                n += len(part)
            self.wfile.write(b"%s %d\n" % (h.hexdigest().encode(), n))
        elif len(word) == 3 and word[0] == "GET":
            for part in chunks(int(word[1]), word[2]):
                self.wfile.write(part)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, address):
        print("%s: %s" % (address[0], sys.exc_info()[1]), flush=True)


def serve(port):
    with Server(("::", int(port)), Transfer) as s:
        print("ready", flush=True)
        s.serve_forever()


def sniff(device, end):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((device, ETH_P_ALL))
    print("ready", flush=True)
    mark = re.compile(rb"MARK-([a-z0-9-]+)\.")
    while True:
        for m in mark.findall(s.recv(65536)):
            if m.decode() == end:
                print("end", flush=True)
                return
            print("mark", m.decode(), flush=True)


if __name__ == "__main__":
    verbs = {"get": get, "await": wait, "until": until, "serves": serves,
             "kill": kill, "killat": killat, "call": call, "serve": serve,
             "sum": total, "sniff": sniff}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
