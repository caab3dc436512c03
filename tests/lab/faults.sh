#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# faults.sh - what the host does to us: full and read-only disks, strangers'
# sockets, crowds and garbage on ours
# lab: ours
. "$(dirname "$0")/lib.sh"

G=/freehold/guest
LOGS=/var/log/freehold

dom0_sh "mkdir -p /root/f && cat >/root/f/tiny.cfg" <<CFG
name = "tiny"
type = "pvh"
kernel = "$G/tiny.elf"
cmdline = "spin"
memory = 16
vcpus = 1
CFG
create() { dom0 timeout 60 freehold create /root/f/tiny.cfg "name=\"$1\""; }
supervisor() { dom0_sh "freehold --json info $1 | sed -n 's/.*\"supervisor_pid\": *\\([0-9]*\\).*/\\1/p'"; }

# --- crowds and garbage on one socket -------------------------------------
create crowd
pid=$(supervisor crowd)
before=$(dom0_sh "ls /proc/$pid/fd | wc -l; awk '/^Pss:/ { print \$2 }' /proc/$pid/smaps_rollup")
check_out "100 clients who do not read, and speak nonsense" '^[0-9]+ refused$' \
    dom0 python3 -c '
import os, socket, sys
path = "/run/freehold/crowd/api"
words = [b"{", b"\xff\xfe\x00nonsense\n", b"[]\n", b"{\"jsonrpc\": \"2.0\"}\n",
         b"x" * 100000 + b"\n", b"{\"id\": 1, \"method\": \"info\"}\n" * 500,
         b"{\"id\": 1, \"method\": \"" + b"m" * 5000 + b"\"}\n",
         b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\"}\n", b""]
all, refused = [], 0
for i in range(100):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    try:
        s.connect(path)
        s.send(words[i % len(words)])
    except BlockingIOError:
        refused += 1
    except OSError:
        refused += 1
    all.append(s)
print(refused, "refused")'
check_out "the next one is served" '"state": *"running"' \
    dom0 freehold --json info crowd
after=$(dom0_sh "ls /proc/$pid/fd | wc -l; awk '/^Pss:/ { print \$2 }' /proc/$pid/smaps_rollup")
if awk 'NR == FNR { b[FNR] = $1; next } $1 > b[FNR] + (FNR == 1 ? 0 : 8192) { exit 1 }' \
    <(echo "$before") <(echo "$after"); then
    pass "no descriptor of theirs is left, and the supervisor has not grown"
else
    fail "no descriptor of theirs is left, and the supervisor has not grown" \
        "before: $before, after: $after"
fi
check "half a line, then the other half" dom0 python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect("/run/freehold/crowd/api")
for part in (b"{\"jsonrpc\":\"2.0\",\"id\":7,", b"\"method\":\"in", b"fo\"}\n"):
    s.sendall(part)
answer = b""
while not answer.endswith(b"\n"):
    answer += s.recv(65536)
assert b"\"id\":7" in answer.replace(b" ", b""), answer'
check "destroy ends it (crowd)" dom0 freehold destroy crowd

# --- strangers where our sockets should be ---------------------------------
# They hold the names as we do; one never answers, one never stops.
dom0_sh 'cat >/root/f/stranger.py' <<'PY'
import fcntl, os, socket

kept = []
for name in ("mute", "babble"):
    os.makedirs("/run/freehold/" + name)
    s = socket.socket(socket.AF_UNIX)
    s.bind("/run/freehold/%s/api" % name)
    s.listen(64)
    kept += [s, open("/run/freehold/%s/lock" % name, "w")]
if os.fork():
    os._exit(0)
os.setsid()
for lock in kept[1::2]:
    fcntl.lockf(lock, fcntl.LOCK_EX)
with open("/root/f/pid", "w") as f:
    f.write(str(os.getpid()))
while True:
    client, _ = kept[2].accept()
    try:
        while True:
            client.send(b"nonsense without end " * 1000)
    except OSError:
        pass
PY
dom0_sh 'python3 /root/f/stranger.py >/dev/null 2>&1 </dev/null
    until [ -s /root/f/pid ]; do sleep 0.05; done'
check_fails "one that never answers is said to" 'mute: .*no answer in 10 s' \
    dom0 timeout 60 freehold info mute
check_fails "and so is one that talks without end" 'babble: .*(too long|no JSON)' \
    dom0 timeout 60 freehold info babble
create real
check_out "list is not held up by them" '^real ' dom0 timeout 20 freehold list
check_out "nor is anybody else" '"state": *"running"' dom0 timeout 20 freehold --json info real
dom0_sh 'kill "$(cat /root/f/pid)"; rm -r /run/freehold/mute /run/freehold/babble'

# --- /run/freehold is read-only --------------------------------------------
dom0_sh 'mount --bind /run/freehold /run/freehold &&
    mount -o remount,bind,ro /run/freehold'
check_fails "with /run read-only nothing is created, and it says why" \
    '/run/freehold/.*Read-only file system' create second
check_out "what runs is served" '"state": *"running"' dom0 freehold --json info real
check "and can be destroyed" dom0 timeout 60 freehold destroy real
dom0_sh 'umount /run/freehold'
check_out "what could not be removed shows" '^real .*no (supervisor|domain)|^Name' dom0 freehold list
dom0_sh 'freehold destroy real 2>/dev/null'
check "and is gone after the next destroy" dom0_sh '! test -e /run/freehold/real'
check "the name is free again" create real
dom0 freehold destroy real

# --- the log's disk is full -------------------------------------------------
dom0_sh "mount -t tmpfs -o size=64k tmpfs $LOGS &&
    dd if=/dev/zero of=$LOGS/filler bs=4k count=16 status=none" || true
check "with a full disk for logs a guest is created" create full
check_out "... and serves" '"state": *"running"' dom0 freehold --json info full
check "... and is destroyed" dom0 freehold destroy full
dom0_sh "umount $LOGS"

# --- nothing of all that is left --------------------------------------------
check "no guest, no process, no name is left" dom0_sh '
    ls /run/freehold | grep . && exit 1
    pgrep -a freehold && exit 1
    xl list | awk "NR > 2" | grep . && exit 1
    exit 0'
exit 0
