#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-load.sh - guests that write faster than their memory can be sent: what
# is paused for, given up and forced
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/migrate.sh"

GUEST_MEM=256 MEM_MIB=128
migrate_tools

number() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" <<<"$2" | tail -n 1; } # KEY SAID
ended() { grep -E '"end": *"' <<<"$1" | tail -n 1; }
# cap NAME: what its CPU time is limited to, if it is.
cap() { dom0_sh "xl sched-credit2 -d $1 | tail -n 1" | awk '{ print $NF }'; }
# forget NAME: its checker's largest gap.
forget() { guest_run "$1" 'killall -USR1 memcheck'; }
# gap WHAT NAME SAID: what the guest saw is no more than what was said of it.
gap() {
    local said seen
    said=$(number downtime_ms "$(ended "$3")")
    seen=$(($(mem_field "$(mem_goes_on "$2" 1)" most_us) / 1000))
    if [ -n "$said" ] && [ $seen -le $((said + 3000)) ]; then
        pass "$1: the guest stood for $seen ms, of $said that were told"
    else
        fail "$1: what the guest saw of it" "$seen ms, told: ${said:-nothing}: $(ended "$3")"
    fi
}

# --- what can be followed ------------------------------------------------------------
MEM_RATE=400
check "a guest writes 400 pages a second" mem_guest a || exit 0
limit=$(cap a)
forget a
line=$(mem_last a)
moved "it moves at 24 MiB a second" a b --bandwidth 24M --max-downtime 2000 || exit 0
mem_continues "behind that" "$line" b
gap "behind that" b "$MOVED"
n=$(number epochs "$(ended "$MOVED")")
if [ "${n:-0}" -ge 2 ]; then
    pass "it took $n epochs"
else
    fail "it took more than one epoch" "${n:-none}: $(ended "$MOVED")"
fi
same "its CPU time is limited as before" "$(cap b)" "$limit"

# --- what cannot ------------------------------------------------------------------------
check "it writes much faster" guest_run b 'killall memcheck; usleep 2000000
(memcheck run 128 8000 >/dev/hvc0 2>&1 &)'
line=$(mem_goes_on b 1)
domid=$(runs b)
held=$(levels b)
receive_start x --unix $MIG/x.sock
rc=0
out=$(send b --bandwidth 8M --max-downtime 50 --timeout 40 --on-timeout abort \
    --unix $MIG/x.sock) || rc=$?
stayed "its time is over, and it stays" 'time' b x $rc "$out"
same "it is where it was" "$(runs b)" "$domid"
mem_continues "behind that" "$line" b
same "its CPU time is limited as before" "$(cap b)" "$limit"
check "nothing is left of the try" settled 60 b $held

forget b
line=$(mem_last b)
moved "its time is over, and it is forced" b c --bandwidth 16M --max-downtime 50 \
    --timeout 20 --on-timeout force || exit 0
mem_continues "behind that" "$line" c
gap "behind that" c "$MOVED"
same "its CPU time is limited as before" "$(cap c)" "$limit"

line=$(mem_last c)
moved "it may stand for a minute: it is not followed for long" c d --max-downtime 60000 ||
    exit 0
mem_continues "behind that" "$line" d
n=$(number epochs "$(ended "$MOVED")")
if [ "${n:-99}" -le 4 ]; then
    pass "it took $n epochs"
else
    fail "it took few epochs" "${n:-none}: $(ended "$MOVED")"
fi

forget d
line=$(mem_last d)
moved "by four streams, as fast as it goes" d e --streams 4 --timeout 60 --on-timeout force ||
    exit 0
mem_continues "behind that" "$line" e
gap "behind that" e "$MOVED"

# --- how the other commands take it --------------------------------------------------------
receive_start x --unix $MIG/x.sock
send_start e --bandwidth 2M --unix $MIG/x.sock
if mig_when e 60 state=precopy epoch=0 "sent_pages>=100" >/dev/null; then
    check_out "info says where it stands" precopy dom0 freehold info e
    check_fails "it cannot be renamed" 'migrat|transfer' dom0 timeout 60 freehold rename e f
    check_fails "it is not destroyed by a mere word" 'migrat|transfer|force' \
        dom0 timeout 60 freehold destroy e
else
    fail "it is amidst its pages" "$(mig_get e migration)"
fi
check "a SIGINT to freehold migrate" dom0_sh \
    "kill -INT \$(pgrep -f '^freehold migrate --json --bandwidth')"
rc=0
out=$(send_end) || rc=$?
stayed "... cancels it in order" 'cancel' e x $rc "$out"
check "the guest runs on" mem_goes_on e 2
check "destroy ends it" dom0 freehold destroy e
exit 0
