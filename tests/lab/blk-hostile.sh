#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-hostile.sh - a guest that does to a block backend what no frontend should
# lab: ours
# more
#
# tests/guest/rogue brings its own frontend and judges what a guest can see: the
# answer to each request, the device's state, the reason behind `error`, and
# whether the disk serves afterwards.  What it cannot see is judged here: the
# backend is the same process as before and has not grown, a neighbour's disk
# goes on, and no byte beside the disk changed.  The disk is a window in a file
# whose other bytes are known.
#
# Which advisory (T1 to T23, by the test each implies) is which row:
#
#   T1 T2 prod-*, never-consumes        T3 bogus-storm, its footprint
#   T4 T14 prod-*, then it serves anew  T5 flipped; natively unit_blk_race
#   T6 padding                          T10 event-storm
#   T11 state-storm, its footprint      T12 toggle, connect-storm
#   T13 *-each-segment                  T16 each request: its grants are free
#   T20 queues-*                        T21 toggle, while figures are read
#   T23 *-long, *-binary, keys-vanish, directory-removed
#
# T7 is about mapped pages, of which there are none.  T9: a guest cannot make
# devices; only the toolstack can, within its limits.  That dom0's own directory
# can be trusted (links in `params`) is xenstore's doing: a guest may not write
# there.  A guest cannot page out its own pages, so no row has a grant of one.
#
# The same guest is served by xen-blkback first: that is what shows that the
# rows are what they say.  Where ours must answer otherwise, Linux's answer is
# let pass (rogue.peer=linux): to a ring whose cursor cannot be, Linux stops
# without a word and leaves the device at Connected, ours closes it and says
# why; an indirect request of a forbidden operation Linux answers by that
# operation's number, ours by that of the indirect request, as nothing else is
# known to the guest.  Keys are not tried on Linux at all: it connects by
# reference 2^32 (as 0), by -1 queues (as 1) and by an empty protocol, and each
# connection that fails halfway leaves a kernel warning behind.
. "$(dirname "$0")/lib.sh"

D=/run/hostile
LOGS=/var/log/freehold
XVDA=51712
WINDOW_MIB=16

# Numbers of a storm: a few, or those of the advisories.
n() { if [ -n "${LONG:-}" ]; then echo "rogue.n=$2"; else echo "rogue.n=$1"; fi; }

# window NAME: a loop device over the middle of a file; $D/NAME.dev names it.
window() {
    dom0_sh "cd $D && d=\$(losetup -j $D/$1.img | cut -d: -f1) &&
        if [ -n \"\$d\" ]; then losetup -d \$d; fi
        yes 'not the disk' | head -c $((WINDOW_MIB + 2))M >$1.img &&
        losetup --show -f -o 1M --sizelimit ${WINDOW_MIB}M $1.img >$1.dev" &&
        ends "$1" >"$FREEHOLD_RESULTS/hostile-$1.md5"
}
# ends NAME: what is on either side of the window.
ends() { dom0_sh "cd $D; { head -c 1M; tail -c 1M; } <$1.img | md5sum"; }
# beside NAME: every byte beside the window is as it was.
beside() { diff "$FREEHOLD_RESULTS/hostile-$1.md5" <(ends "$1"); }

# config NAME WORDS [DISK]
config() {
    local disk=${3:+"disk = [\"$3\"]"}
    dom0_sh "mkdir -p $D $LOGS; : >$LOGS/$1.log; cat >$D/$1.cfg" <<CFG
name = "$1"
type = "pvh"
kernel = "/freehold/guest/rogue.elf"
cmdline = "$2"
memory = 32
vcpus = 2
on_poweroff = "destroy"
$disk
CFG
}
create() { dom0 timeout 60 freehold create "$D/$1.cfg"; }
gone() { dom0_sh "freehold destroy $1" >/dev/null 2>&1 || true; }

# by_hand NAME DEVICE MODE: a disk of xen-blkback for a protected guest.
by_hand() {
    dom0_sh "set -e
        dom=\$(freehold domid $1)
        be=/local/domain/0/backend/vbd/\$dom/$XVDA
        fe=/local/domain/\$dom/device/vbd/$XVDA
        xenstore-write \$fe '' \$be ''
        xenstore-chmod \$fe n\$dom r0
        xenstore-chmod \$be n0 r\$dom
        xenstore-write \$fe/backend-id 0 \$fe/virtual-device $XVDA \
            \$fe/device-type disk \$fe/state 1 \$be/frontend \$fe \
            \$be/frontend-id \$dom \$be/online 1 \$be/removable 0 \
            \$be/dev xvda \$be/type phy \$be/mode $3 \$be/device-type disk \
            \$be/discard-enable 1 \$be/params $2 \$be/physical-device \
            \$(printf %x:%x \$(stat -c '0x%t 0x%T' $2)) \
            \$be/hotplug-status connected \$be/state 1
        xenstore-write \$fe/backend \$be"
}
by_hand_gone() { dom0 xenstore-rm /local/domain/0/backend/vbd 2>/dev/null; true; }

# judge WHOSE NAME MIN SECONDS: a row for each thing the guest did, and at least
# MIN of them.
judge() {
    local whose=$1 name=$2 min=$3 log=$FREEHOLD_RESULTS/hostile-$2.log nr=0
    local what verdict words
    wait_log "$4" '^ROGUE DONE' "$LOGS/$name.log" ||
        fail "$whose: $name: the guest came to its end" \
            "$(dom0 tail -n 5 "$LOGS/$name.log")"
    dom0 cat "$LOGS/$name.log" | tr -d '\r' >"$log"
    while read -r _ what verdict words; do
        nr=$((nr + 1))
        case $verdict in
        ok) pass "$whose: ${what%:}${words:+: $words}" ;;
        *) fail "$whose: ${what%:}: $words" ;;
        esac
    done < <(grep -E '^ROGUE [^ ]+: (ok|BAD)' "$log")
    [ "$nr" -ge "$min" ] || fail "$whose: $name: $nr rows, want $min at least"
}

# --- what a disk's backend is ---------------------------------------------------

# disk NAME KEY: of the guest's first disk.
disk() {
    dom0_sh "freehold --json info $1 | python3 -c '
import json, sys
o = json.load(sys.stdin)
print((o[0] if isinstance(o, list) else o)[\"disks\"][0][\"$2\"])'"
}
# footprint PID: Pss in KiB, descriptors, mappings, threads.
footprint() {
    dom0_sh "cd /proc/$1 && echo \$(sed -n 's/^Pss: *\([0-9]*\).*/\1/p' smaps_rollup) \
        \$(ls fd | wc -l) \$(wc -l <maps) \$(ls task | wc -l)"
}
# flat WHAT BEFORE AFTER: no more descriptors; what a queue keeps of its buffers
# (256 KiB) and used of its tables; some of the kernel's own workers of io_uring,
# which are threads with nothing mapped and end when they are idle.
flat() {
    local b a
    read -ra b <<<"$2"
    read -ra a <<<"$3"
    if [ ${#b[@]} = 4 ] && [ ${#a[@]} = 4 ] && [ "${a[0]}" -le $((b[0] + 1024)) ] &&
        [ "${a[1]}" -le "${b[1]}" ] && [ "${a[2]}" -le $((b[2] + 4)) ] &&
        [ "${a[3]}" -le $((b[3] + 8)) ]; then
        pass "$1 (Pss KiB, fds, maps, threads: $2; $3)"
    else
        fail "$1" "Pss KiB, fds, maps, threads: $2; afterwards $3"
    fi
}
cpu_ms() { dom0_sh "awk '{ print (\$14 + \$15) * 10 }' /proc/$1/stat"; }

# The neighbour counts what it wrote, read back and compared.
counted() { dom0_sh "grep -c 'ROGUE COUNT' $LOGS/neighbour.log"; }
neighbour_serves() { # WHEN
    local from
    from=$(counted)
    if wait_log 30 "ROGUE COUNT $((from + 4))([^0-9]|$)" "$LOGS/neighbour.log" &&
        ! dom0 grep -q BAD "$LOGS/neighbour.log"; then
        pass "$1: a neighbour's disk goes on"
    else
        fail "$1: a neighbour's disk goes on" \
            "$(dom0 tail -n 3 "$LOGS/neighbour.log")"
    fi
}

# figures NAME: read them for as long as the guest is at it.
figures() {
    dom0_sh "timeout 600 sh -c 'until grep -q \"ROGUE DONE\" $LOGS/$1.log; do
        freehold --json info $1 >/dev/null || exit 1; done'"
}

# rogue NAME ROWS WORDS MIN SECONDS [ACCESS]: a run of rows on our backend, and
# what only dom0 sees of it.
rogue() {
    local name=$1 pid before after busy
    gone "$name"
    config "$name" "rogue.do=$2 rogue.wait=1 $3" \
        "vdev=xvda, access=${6:-rw}, format=raw, target=$(dom0 cat "$D/disk.dev")"
    create "$name" && wait_log 60 '^ROGUE (CONNECTED|DONE)' "$LOGS/$name.log"
    pid=$(disk "$name" pid)
    before=$(footprint "$pid")
    busy=$(cpu_ms "$pid")
    dom0_sh "xenstore-write \
        /local/domain/\$(freehold domid $name)/device/vbd/$XVDA/go 1"
    neighbour_serves "during $name"
    [ "$name" != toggles ] ||
        check "toggles: its figures can be read meanwhile" figures "$name"
    judge ours "$name" "$4" "$5"
    busy=$(($(cpu_ms "$pid") - busy))
    after=$(footprint "$pid")
    flat "$name: its backend has not grown, and used $busy ms" "$before" "$after"
    check_out "$name: it was never started again" '^0$' disk "$name" restarts
    check "$name: no byte beside the disk changed" beside disk
    gone "$name"
    check "$name: its backend ends with it" \
        dom0 timeout 20 tail --pid="$pid" -f /dev/null
}

dom0_sh "mkdir -p $D; modprobe loop; modprobe xen-blkback" ||
    fail "dom0 has loop devices and xen-blkback"

# --- xen-blkback serves this guest ------------------------------------------------
window disk
for run in "good,requests,rings:w:67" "readonly:r:6"; do
    IFS=: read -r rows mode min <<<"$run"
    rows=${rows/rings/prod-jumps,prod-moves-back,never-consumes,wiring-changed,flipped}
    gone control
    by_hand_gone
    config control "rogue.do=$rows rogue.peer=linux rogue.n=20"
    create control
    by_hand control "$(dom0 cat "$D/disk.dev")" "$mode"
    judge xen-blkback control "$min" 120
    gone control
done
by_hand_gone
check "xen-blkback: no byte beside the disk changed" beside disk

# --- ours ---------------------------------------------------------------------------
if ! check "freehold-blk is installed" \
    dom0 test -x /usr/libexec/freehold/freehold-blk; then
    exit 0
fi
window disk
window neighbour
gone neighbour
config neighbour "rogue.do=serve" \
    "vdev=xvda, access=rw, format=raw, target=$(dom0 cat "$D/neighbour.dev")"
check "a neighbour with a disk" create neighbour
dmesg_before=$(dom0_sh 'dmesg | wc -l')

rogue requests good,requests "" 62 60
rogue readonly readonly "" 6 30 ro
rogue rings rings "$(n 50 2000)" 12 120
rogue keys keys "" 36 120
if [ -n "${LONG:-}" ]; then
    rogue events event-storm rogue.n=1000000 2 600
    rogue bogus bogus-storm rogue.n=100000 2 600
    rogue states state-storm rogue.n=10000 2 600
    rogue toggles toggle,connect-storm rogue.n=2000 3 600
else
    rogue events event-storm rogue.n=20000 2 60
    rogue bogus bogus-storm rogue.n=4000 2 60
    rogue states state-storm rogue.n=400 2 60
    rogue toggles toggle,connect-storm rogue.n=40 3 60
fi

# Those after which the guest has no disk, or no voice.
rogue directory directory-removed "" 2 30
gone ports
config ports "rogue.do=ports-reset" \
    "vdev=xvda, access=rw, format=raw, target=$(dom0 cat "$D/disk.dev")"
create ports
wait_log 60 '^ROGUE ports-reset: ok begins' "$LOGS/ports.log"
neighbour_serves "a guest that reset its event channels"
pid=$(disk ports pid)
check "... is destroyed like any other" dom0 timeout 30 freehold destroy ports
check "... and its backend ends" dom0 timeout 20 tail --pid="$pid" -f /dev/null

neighbour_serves "after all that"
check "the neighbour never read anything but what it wrote" dom0_sh \
    "! grep BAD $LOGS/neighbour.log"
gone neighbour
check "no byte beside the neighbour's disk changed" beside neighbour
check_fails "no process of dom0 crashed" '^$' dom0_sh \
    "dmesg | tail -n +$((dmesg_before + 1)) | grep -E 'segfault|trap|general protection|core'"
check_fails "nothing of ours is left in xenstore" "" dom0_sh \
    'xenstore-ls -f /local/domain/0/backend/fh-vbd | grep fh-vbd/'
dom0_sh "for f in disk neighbour; do losetup -d \$(cat $D/\$f.dev); done; rm -rf $D"
exit 0
