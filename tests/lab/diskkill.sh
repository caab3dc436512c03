# SPDX-License-Identifier: MIT
# diskkill.sh - backends and supervisors killed under load: for suites blk-*
#
# Source lib.sh, guest.sh and disk.sh first.

# kill_tools: put what runs in dom0 there.  Once, before the others.
kill_tools() {
    dom0_sh 'cat >/root/guest/kill && chmod 755 /root/guest/kill' <<'TOOL'
#!/usr/bin/env python3
"""kill: end a disk's backend by SIGKILL, and see another one serve

kill each NAME VDEV N     N times, each when the one before serves
kill quick NAME VDEV N    N times, each as soon as there is a process
kill load NAME VDEV...    until each was written to from now on
"""
import json, os, signal, socket, sys, time

LIMIT_S = 60


def lines(sock):
    rest = b""
    while True:
        got = sock.recv(65536)
        if not got:
            sys.exit("the supervisor went away")
        *whole, rest = (rest + got).split(b"\n")
        yield from map(json.loads, whole)


def connect(name, method):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(LIMIT_S)
    s.connect("/run/freehold/%s/api" % name)
    call = {"jsonrpc": "2.0", "id": 1, "method": method}
    s.sendall(json.dumps(call).encode() + b"\n")
    it = lines(s)
    return it, next(o for o in it if o.get("id") == 1)["result"]


def disk_of(name, vdev):
    for d in connect(name, "info")[1]["disks"]:
        if d["vdev"] == vdev:
            return d
    sys.exit("%s: no disk %s" % (name, vdev))


def await_served(events, name, vdev, old):
    """Until the guest is served by another than old, which nobody misses:
    events were asked for before old was killed."""
    for e in events:
        p = e.get("params", {})
        if e.get("method") != "block" or p.get("vdev") != vdev:
            continue
        if p["state"] != "connected":
            sys.exit("%s %s: %s: %s" % (name, vdev, p["state"], p["why"]))
        d = disk_of(name, vdev)
        if d["pid"] not in (0, old) and "serves" in d["why"]:
            return


def new_pid(name, vdev, old):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:  # nobody tells of a process that starts
        time.sleep(0.05)
        d = disk_of(name, vdev)
        if d["pid"] not in (0, old):
            return d["pid"]
        if d["state"] == "failed":
            sys.exit("%s %s: failed: %s" % (name, vdev, d["why"]))
    sys.exit("%s %s: no other process in %d s" % (name, vdev, LIMIT_S))


def kill(how, name, vdev, nr):
    restarts = disk_of(name, vdev)["restarts"]
    pid = 0
    for i in range(nr):
        pid = new_pid(name, vdev, pid)
        events = connect(name, "subscribe")[0]
        os.kill(pid, signal.SIGKILL)
        if how == "each" or i == nr - 1:
            await_served(events, name, vdev, pid)
    now = disk_of(name, vdev)["restarts"]
    if now != restarts + nr:
        sys.exit("%s %s: %d restarts, then %d, want %d more" %
                 (name, vdev, restarts, now, nr))


def load(name, *vdevs):
    end = time.monotonic() + LIMIT_S
    before = {v: disk_of(name, v)["writes"] for v in vdevs}
    while any(disk_of(name, v)["writes"] < n + 20 for v, n in before.items()):
        time.sleep(0.3)  # a busy look would be the load
        if time.monotonic() > end:
            sys.exit("%s: no writes in %d s: %s" % (name, LIMIT_S, before))


if sys.argv[1] == "load":
    load(*sys.argv[2:])
else:
    kill(*sys.argv[1:4], int(sys.argv[4]))
TOOL
}

# kill_backend each|quick NAME VDEV N
kill_backend() { dom0 timeout 120 /root/guest/kill "$@"; }
supervisor_pid() {
    dom0_sh "freehold --json info $1 |
        sed -n 's/.*\"supervisor_pid\": *\\([0-9]*\\).*/\\1/p'"
}
# adopt NAME [PREFIX]: another supervisor takes the guest over.
adopt() {
    dom0_sh "setsid ${2:-} freehold run $1 >/root/guest/$1.run 2>&1 </dev/null &
        timeout 60 freehold events -u running $1 >/dev/null ||
            { cat /root/guest/$1.run; exit 1; }"
}

# load_start NAME VDEV: fio writes and verifies, again and again, until
# load_stop.  Each pass has data of its own: an old write that comes late
# shows.  Prints what load_stop wants.
load_start() {
    local fio="fio --name=l --filename=/dev/$2 --size=${LOAD_MIB:-6}m \
--rw=randwrite --bsrange=8k-128k --iodepth=16 --ioengine=io_uring --direct=1 \
--verify=crc32c --verify_fatal=1 --verify_state_save=0 --randrepeat=0 ${LOAD_OPTIONS:-}"
    guest_start "$1" "n=0; rm -f /tmp/stop.$2; until [ -e /tmp/stop.$2 ]; do \
$fio >/tmp/fio.$2 2>&1 || { tail -n 20 /tmp/fio.$2; exit 1; }; \
n=\$((n + 1)); done; echo \$n passes"
}
# load_runs NAME VDEV...: each of them is written to and read from now on.
load_runs() { dom0 timeout 120 /root/guest/kill load "$@"; }
# load_stop NAME VDEV ID: fails if anything went wrong since load_start.
load_stop() {
    guest_run "$1" "touch /tmp/stop.$2" && guest_wait "$1" "$3" 180
}
