#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-hostile.sh - a guest that does to a network backend what no frontend should
# lab: ours
# more
#
# tests/guest/rogue brings its own frontend and judges what a guest can see: the
# answer to each slot, the device's state, the reason behind `error`, and whether
# packets go both ways afterwards.  What it cannot see is judged here: the
# backend is the same process as before and has not grown, a neighbour on the
# same bridge goes on, dom0's kernel and processes have no complaint.
#
# Which advisory (T1 to T24, by the test each implies) is which row:
#
#   T1 T2 net-*-jumps, net-never-consumes   T3 net-bogus-storm, its footprint
#   T4 T14 net-fatal, then it serves anew   T5 net-flipped
#   T6 net-padding                          T10 net-event-storm
#   T11 net-state-storm                     T12 net-toggle, net-connect-storm
#   T13 net-ref-each-slot                   T15 net-rx-starved, net-rx-stalled
#   T16 net-grants                          T17 net-split-heads, net-tiny-first,
#                                               net-short-in-many
#   T18 net-bogus-storm, and it serves      T19 net-slot-0-*, net-size-0
#   T20 net-queues-*                        T21 net-toggle, while figures are read
#   T23 *-long, *-binary, net-keys-vanish, net-directory-removed
#
# T8 and T22 are about rings that are not offered.
#
# The same guest is served by xen-netback first: that is what shows that the rows
# are what they say.  A packet that ends a vif ends xen-netback's for good, so
# each such row takes the next of several cards.  Keys and cursors of buffers are
# not tried there: it looks at neither as ours must.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/net.sh"

D=/run/hostile
LOGS=/var/log/freehold

# config NAME WORDS [CARD]
config() {
    local card=${3:+"vif = [\"$3\"]"}
    dom0_sh "mkdir -p $D $LOGS; : >$LOGS/$1.log; cat >$D/$1.cfg" <<CFG
name = "$1"
type = "pvh"
kernel = "/freehold/guest/rogue.elf"
cmdline = "$2"
memory = 32
vcpus = 2
on_poweroff = "destroy"
$card
CFG
}
create() { dom0 timeout 60 freehold create "$D/$1.cfg"; }
gone() { dom0_sh "freehold destroy $1" >/dev/null 2>&1 || true; }

# judge WHOSE NAME MIN SECONDS: a row for each thing the guest did, and at least
# MIN of them.
judge() {
    local whose=$1 name=$2 min=$3 log=$FREEHOLD_RESULTS/net-hostile-$2.log nr=0
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

# footprint PID: Pss in KiB, descriptors, mappings, threads.
footprint() {
    dom0_sh "cd /proc/$1 && echo \$(sed -n 's/^Pss: *\([0-9]*\).*/\1/p' smaps_rollup) \
        \$(ls fd | wc -l) \$(wc -l <maps) \$(ls task | wc -l)"
}
# flat WHAT BEFORE AFTER: before has one queue, afterwards there may be the
# buffers of two, and the kernel's own workers of io_uring.
flat() {
    local b a
    read -ra b <<<"$2"
    read -ra a <<<"$3"
    if [ ${#b[@]} = 4 ] && [ ${#a[@]} = 4 ] && [ "${a[0]}" -le $((b[0] + 3072)) ] &&
        [ "${a[1]}" -le $((b[1] + 2)) ] && [ "${a[2]}" -le $((b[2] + 8)) ] &&
        [ "${a[3]}" -le $((b[3] + 8)) ]; then
        pass "$1 (Pss KiB, fds, maps, threads: $2; $3)"
    else
        fail "$1" "Pss KiB, fds, maps, threads: $2; afterwards $3"
    fi
}
cpu_ms() { dom0_sh "awk '{ print (\$14 + \$15) * 10 }' /proc/$1/stat"; }

# The neighbour counts the echoes it got.
counted() { dom0_sh "grep -c 'ROGUE COUNT' $LOGS/neighbour.log"; }
neighbour_serves() { # WHEN
    local from
    from=$(counted)
    if wait_log 30 "ROGUE COUNT $((from + 4))([^0-9]|$)" "$LOGS/neighbour.log" &&
        ! dom0 grep -q BAD "$LOGS/neighbour.log"; then
        pass "$1: a neighbour's card goes on"
    else
        fail "$1: a neighbour's card goes on" "$(dom0 tail -n 3 "$LOGS/neighbour.log")"
    fi
}
# figures NAME: read them for as long as the guest is at it.
figures() {
    dom0_sh "timeout 600 sh -c 'until grep -q \"ROGUE DONE\" $LOGS/$1.log; do
        freehold --json info $1 >/dev/null || exit 1; done'"
}
go() { # NAME KEY
    dom0_sh "xenstore-write /local/domain/\$(freehold domid $1)/device/vif/0/$2 1"
}

# rogue NAME ROWS WORDS MIN SECONDS: a run of rows on our backend, and what only
# dom0 sees of it.
rogue() {
    local name=$1 pid before after busy
    gone "$name"
    config "$name" "rogue.do=$2 rogue.wait=1 $3" "mac=$NET_MAC:66,bridge=$NET_BR"
    create "$name" && wait_log 60 '^ROGUE (CONNECTED|DONE)' "$LOGS/$name.log"
    pid=$(net_get "$name" 0 pid)
    before=$(footprint "$pid")
    busy=$(cpu_ms "$pid")
    go "$name" go
    neighbour_serves "during $name"
    [ "$name" != toggles ] ||
        check "toggles: its figures can be read meanwhile" figures "$name"
    [ "$name" != stalled ] || stall "$name"
    judge ours "$name" "$4" "$5"
    busy=$(($(cpu_ms "$pid") - busy))
    after=$(footprint "$pid")
    flat "$name: its backend has not grown, and used $busy ms" "$before" "$after"
    same "$name: it was never started again" "$(net_get "$name" 0 restarts)" 0
    gone "$name"
    check "$name: its backend ends with it" \
        dom0 timeout 20 tail --pid="$pid" -f /dev/null
}
# 60 s without buffers: the carrier goes off, and comes again with them.
stall() { # NAME
    local tap
    tap=$(net_get "$1" 0 tap)
    check "$1: it starves" wait_log 60 '^ROGUE STARVES' "$LOGS/$1.log"
    check "$1: after a minute it counts as stalled" net_until "$1" 0 stalled eq 1 100
    same "$1: the tap has no carrier" "$(dom0 cat "/sys/class/net/$tap/carrier")" 0
    go "$1" stalled
    check "$1: with buffers it does not any more" net_until "$1" 0 stalled eq 0 30
    same "$1: the tap has its carrier again" "$(dom0 cat "/sys/class/net/$tap/carrier")" 1
}

net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT
# The rogue answers no ARP.
dom0_sh "mkdir -p $D; for n in \$(seq 100 120); do
    ip neigh replace 192.168.177.\$n dev $NET_BR nud permanent \
        lladdr $NET_MAC:\$(printf %02x \$n) || exit 1
done" || fail "dom0 knows the guests' addresses"

# --- xen-netback serves this guest -------------------------------------------------
# control ROWS CARDS MIN
control() {
    local domid i
    gone control
    config control "rogue.do=$1 rogue.peer=linux rogue.n=20"
    create control || fail "xen-netback: the guest is made"
    domid=$(dom0 freehold domid control)
    for ((i = 0; i < $2; i++)); do
        by_hand_vif control $i "$(printf "$NET_MAC:%02x" $((0x66 + i)))" $NET_BR ||
            fail "xen-netback: card $i"
    done
    judge xen-netback control "$3" 300
    gone control
    by_hand_gone "$domid"
}
control net-good,net-packets,net-never-consumes,net-rx-bogus,net-rx-starved,net-wiring-changed,net-tx-jumps 2 50
# Each on a card of its own; the last needs one more to show that it goes on.
control net-size-4097,net-offset-65535,net-second-crosses,net-22-slots,net-more-at-end,net-extra-missing,net-extra-6,net-extra-loop,net-gso-0,net-gso-type-3 11 12

# --- ours ---------------------------------------------------------------------------
if ! check "freehold-net is installed" \
    dom0 test -x /usr/libexec/freehold/freehold-net; then
    exit 0
fi
gone neighbour
config neighbour "rogue.do=net-serve" "mac=$NET_MAC:65,bridge=$NET_BR"
check "a neighbour with a card" create neighbour
dmesg_before=$(dom0_sh 'dmesg | wc -l')

rogue packets net-good,net-packets "" 47 180
rogue fatal net-fatal "" 21 180
rogue rings net-rings "rogue.n=${LONG:+1000}" 21 240
rogue keys net-keys "" 36 180
if [ -n "${LONG:-}" ]; then
    rogue events net-event-storm rogue.n=1000000 3 600
    rogue bogus net-bogus-storm rogue.n=100000 3 600
    rogue states net-state-storm rogue.n=10000 3 600
    rogue toggles net-toggle,net-connect-storm rogue.n=2000 4 600
    rogue stalled net-rx-stalled "" 3 200
else
    rogue events net-event-storm rogue.n=20000 3 60
    rogue bogus net-bogus-storm rogue.n=4000 3 60
    rogue states net-state-storm rogue.n=400 3 60
    rogue toggles net-toggle,net-connect-storm rogue.n=40 4 60
fi

# Those after which the guest has no card, or no voice.
rogue directory net-directory-removed "" 2 30
gone ports
config ports "rogue.do=net-ports-reset" "mac=$NET_MAC:66,bridge=$NET_BR"
create ports
wait_log 60 '^ROGUE net-ports-reset: ok begins' "$LOGS/ports.log"
neighbour_serves "a guest that reset its event channels"
pid=$(net_get ports 0 pid)
check "... is destroyed like any other" dom0 timeout 30 freehold destroy ports
check "... and its backend ends" dom0 timeout 20 tail --pid="$pid" -f /dev/null

neighbour_serves "after all that"
check "the neighbour had nothing to complain of" dom0_sh "! grep BAD $LOGS/neighbour.log"
gone neighbour
check_fails "no process of dom0 crashed, no kernel warning came" '^$' dom0_sh \
    "dmesg | tail -n +$((dmesg_before + 1)) | grep -E 'segfault|trap|general protection|core|WARNING|BUG|bad gso'"
check_fails "nothing of ours is left in xenstore" "" dom0_sh \
    'xenstore-ls -f /local/domain/0/backend/fh-vif | grep fh-vif/'
check "no tap is left" dom0_sh '! ls /sys/class/net | grep "^vif"'
dom0 rm -rf $D
exit 0
