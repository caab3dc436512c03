# SPDX-License-Identifier: MIT
# disk.sh - disks of guests, as dom0 and the guest see them: for suites blk-*
#
# Source lib.sh and guest.sh first.  Disks in dom0 are below /root/disks.

# disk_tools: put what runs in dom0 there.  Once, before the others.
disk_tools() {
    guest_tools
    dom0_sh 'mkdir -p /root/disks && cat >/root/guest/disk' <<'TOOL'
#!/usr/bin/env python3
"""disk: what a supervisor says of its disks

disk get NAME VDEV FIELD...     the fields, in one line
disk await NAME VDEV STATE SECONDS [CMD...]
                                run CMD, then wait for that event, or until the
                                disk stands so (without CMD)
disk serves NAME VDEV PID SECONDS
                                until another process than PID has answered
                                requests
"""
import json, socket, subprocess, sys, time


class Supervisor:
    def __init__(self, name):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(30)
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
        self.s.sendall(json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
        while True:
            answer = self.line()
            if answer.get("id") == 1:
                return answer["result"]


def disk_of(info, vdev):
    for d in info.get("disks", []):
        if d["vdev"] == vdev:
            return d
    return None


def get(name, vdev, *fields):
    d = disk_of(Supervisor(name).call("info"), vdev)
    if d is None:
        sys.exit("%s: no disk %s" % (name, vdev))
    print(*[d.get(f, "-") for f in fields])


def wait(name, vdev, state, seconds, *cmd):
    s = Supervisor(name)
    s.call("subscribe")
    end = time.monotonic() + float(seconds)
    if cmd:
        subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL)
    else:
        d = disk_of(s.call("info"), vdev)
        if (d["state"] if d else "gone") == state:
            return
    seen = []
    try:
        while True:
            s.s.settimeout(max(end - time.monotonic(), 0.01))
            e = s.line()
            p = e.get("params", {})
            if e.get("method") == "block" and p.get("vdev") == vdev:
                seen.append(p["state"])
                if p["state"] == state:
                    return
                if p["state"] == "failed":
                    sys.exit("%s %s: failed: %s" % (name, vdev, p.get("why")))
    except socket.timeout:
        sys.exit("%s %s: not %s in %s s; seen: %s" %
                 (name, vdev, state, seconds, seen))


def serves(name, vdev, old, seconds):
    s = Supervisor(name)
    end = time.monotonic() + float(seconds)
    first = None
    while time.monotonic() < end:
        d = disk_of(s.call("info"), vdev) or {}
        now = d.get("pid"), d.get("reads", 0) + d.get("writes", 0)
        if d.get("state") == "failed":
            sys.exit("%s %s: failed: %s" % (name, vdev, d.get("why")))
        if first is None or now[0] != first[0] or now[0] == int(old):
            first = now
        elif now[1] > first[1]:
            return
        time.sleep(0.1)
    sys.exit("%s %s: does not serve in %s s: %s" % (name, vdev, seconds, d))


{"get": get, "serves": serves, "await": wait}[sys.argv[1]](*sys.argv[2:])
TOOL
    dom0_sh 'chmod 755 /root/guest/disk
        modprobe brd rd_nr=4 rd_size=65536 2>/dev/null; modprobe loop'
}

disk_get() { dom0 /root/guest/disk get "$@"; }
disk_await() { dom0 /root/guest/disk await "$@"; }
# disk_spec VDEV r|w FORMAT TARGET: a member of disk=[].
disk_spec() { echo "\"format=$3,vdev=$1,access=$2,target=$4\""; }
# disk_file NAME MIB: a file of zeros, sparse; prints its path.
disk_file() {
    dom0_sh "rm -f /root/disks/$1 && truncate -s $2M /root/disks/$1"
    echo "/root/disks/$1"
}

# guest_disk NAME DEVICE [TEST]: until the guest sees it (or TEST holds of it).
guest_disk() {
    guest_run "$1" "n=0; until [ ${3:--b} /dev/$2 ]; do n=\$((n + 1))
        [ \$n -gt 6000 ] && exit 1; usleep 20000; done 2>/dev/null"
}
# guest_size NAME DEVICE SECTORS: until the guest sees that size.
guest_size() {
    guest_run "$1" "n=0; until [ \$(cat /sys/block/$2/size) = $3 ]; do n=\$((n + 1))
        [ \$n -gt 6000 ] && cat /sys/block/$2/size && exit 1; usleep 20000; done"
}
# guest_fio NAME WORD...: each WORD is an option of fio; those before name=JOB hold
# for all jobs.  What goes wrong is said, and fails.
guest_fio() {
    local name=$1 out rc=0 w args=''
    shift
    for w; do args+=" --$w"; done
    out=$(guest_run "$name" "fio $FIO$args >/tmp/fio.\$\$ 2>&1; r=\$?
        [ \$r = 0 ] || head -c 3000 /tmp/fio.\$\$; rm /tmp/fio.\$\$; exit \$r") || rc=$?
    [ $rc = 0 ] || printf '%s\n' "$out"
    return $rc
}
FIO='--name=global --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 --output-format=terse'
# guest_clean NAME: its kernel has seen no error of a disk.
guest_clean() {
    guest_run "$1" 'dmesg | grep -iE "I/O error|disabled for further use|blkfront.*(fail|invalid)|hung_task|blocked for" && exit 1; exit 0'
}
# md5_dom0 PATH / md5_guest NAME DEVICE: of what is stored.
md5_dom0() { dom0_sh "sync; blockdev --flushbufs $1 2>/dev/null; md5sum <$1" | cut -d' ' -f1; }
md5_guest() { guest_run "$1" "md5sum </dev/$2" | cut -d' ' -f1; }
# no_trace NAME DOMID: nothing of its disks is left in dom0.
no_trace() {
    dom0_sh "! pgrep -af '[f]reehold-blk $1/' && ! pgrep -af '[f]reehold-image $1/' &&
        ! xenstore-ls /local/domain/0/backend/fh-vbd/$2 2>/dev/null | grep ."
}
