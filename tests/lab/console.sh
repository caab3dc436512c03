#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# console.sh - a guest's console: several readers, scrollback, log, detaching,
# and the last words of one that ends at once
# lab: ours
. "$(dirname "$0")/lib.sh"

G=/freehold/guest
LOGS=/var/log/freehold
config() { # NAME LINE...
    printf '%s\n' "name = \"$1\"" 'type = "pvh"' 'vcpus = 1' "${@:2}" |
        host_ssh 1 "mkdir -p /root/c && cat >/root/c/$1.cfg; rm -f $LOGS/$1.log*"
}
linux() { # NAME CMDLINE
    config "$1" "kernel = \"$G/vmlinuz-6.12\"" "ramdisk = \"$G/initrd-small\"" \
        'memory = 128' "cmdline = \"console=hvc0 quiet $2\""
}
# counts FILE: its lines "count N" follow one another without a gap, to 100 more
# than there were before the reader came.
counts() {
    dom0_sh "tr -d '\\r' <$1 | sed -n 's/^count \\([0-9]*\\)\$/\\1/p' | awk '
        NR > 1 && \$1 != last + 1 { print \"after\", last, \"comes\", \$1; exit 1 }
        { last = \$1 }
        END { if (NR < 100) { print \"only\", NR, \"lines\"; exit 1 } }'"
}

# --- three readers, one of them late, one of them stopped --------------------
linux count fh.run=count
dom0 timeout 100 freehold create /root/c/count.cfg
dom0_sh 'cd /root/c
    for r in one two; do
        setsid freehold console count >$r.out 2>$r.err </dev/null &
        echo $! >$r.pid
    done
    kill -STOP $(cat two.pid)' >/dev/null 2>&1
wait_log 100 '^count 200.$' $LOGS/count.log
dom0_sh 'cd /root/c
    setsid freehold console count >late.out 2>late.err </dev/null &
    echo $! >late.pid
    kill -CONT $(cat two.pid)' >/dev/null 2>&1
for r in one two late; do
    wait_log 60 '^count 400.$' "/root/c/$r.out"
done
check "the first reader hears every line" counts /root/c/one.out
check "one that was stopped meanwhile, too" counts /root/c/two.out
check "one that came late: first what was said, then what is" counts /root/c/late.out
check_out "... from the boot on" 'FREEHOLD-INIT' dom0 cat /root/c/late.out
check "the log has every line" counts $LOGS/count.log

# --- a terminal detaches, and the guest does not notice ----------------------
check "^] leaves a terminal as it was, and the guest alone" dom0 python3 -c '
import os, pty, select, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp("freehold", ["freehold", "console", "count"])
seen = b""
while b"count 40" not in seen:
    seen += os.read(fd, 65536)
os.write(fd, b"\x1d")
while True:
    try:
        if not os.read(fd, 65536):
            break
    except OSError:
        break
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, status'
check_out "... which runs on" '"state": *"running"' dom0 freehold --json info count
check "17 readers are one too many, and it says so" dom0_sh '
    cd /root/c; for i in $(seq 20); do
        timeout 5 freehold console count >more.$i 2>&1 </dev/null & done; wait
    grep -lE "16|full|many|attached" more.* | grep -q .'
check "destroy ends the guest and its readers" dom0_sh '
    freehold destroy count
    for r in one two late; do timeout 20 tail --pid=$(cat /root/c/$r.pid) -f /dev/null || exit 1; done'

# --- what is typed ------------------------------------------------------------
linux shell ''
check_out "create -c attaches; what is typed arrives" 'sum 42' dom0_sh '
    mkfifo /root/c/in; exec 3<>/root/c/in
    timeout 120 freehold create -c /root/c/shell.cfg </root/c/in >/root/c/shell.out 2>&1 &
    timeout 100 bash -c "tail -n +1 -F /root/c/shell.out 2>/dev/null | grep -m1 -q built-in"
    echo "echo sum \$((40 + 2)); poweroff -f" >&3
    wait; cat /root/c/shell.out'
check_fails "... and it ends with the guest" 'there is none' dom0 freehold domid shell

# --- last words ----------------------------------------------------------------
config brief "kernel = \"$G/tiny.elf\"" 'memory = 16' 'cmdline = "halt"'
check_out "a guest that ends at once is heard by create -c" 'TINY vcpus=1 ' \
    dom0_sh 'timeout 60 freehold create -c /root/c/brief.cfg </dev/null'
check_out "and by the log" 'TINY vcpus=1 ' dom0 cat $LOGS/brief.log
exit 0
