#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-local.sh - a guest without devices moves to another name on its host,
# live and suspended first, again and again; and stays when it is told to
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/migrate.sh"

ROUNDS=${MIGRATE_ROUNDS:-2} # more, behind those that look at everything
[ -n "${LONG:-}" ] && ROUNDS=${MIGRATE_ROUNDS:-20}

migrate_tools
check "a guest without devices is up, its memory is checked" mem_guest a || exit 0
who=$(identity a)
domid=$(runs a)
before=$(levels)
echo "     | levels: $before"

# --- nothing moves -----------------------------------------------------------------
check_fails "a socket at which nobody listens is told" \
    "nobody.sock" send a --unix $MIG/nobody.sock
check_fails "a guest that is not there is told" nosuch send nosuch --unix $MIG/x.sock
# Before it listens, or when the guest's plan comes: either is well.
out=$(if receive_start a --unix $MIG/a.sock; then
    send a --unix $MIG/a.sock
    receive_end a
fi 2>&1)
if grep -qiE '\ba\b.*(there|exist|taken|use|runs)' <<<"$out" &&
    ! grep -q '^status 0$' <<<"$out"; then
    pass "a name that is taken is refused"
else
    fail "a name that is taken is refused" "$out"
fi
receive_start checked --unix $MIG/checked.sock
out=$(send a --check --unix $MIG/checked.sock)
rc=$?
received=$(receive_end checked)
if [ $rc = 0 ] && said_end checked "$out" && grep -q '^status 0$' <<<"$received"; then
    pass "--check finds that it could move"
else
    fail "--check finds that it could move" "status $rc
$(why a checked "$out" "$received")"
fi
same "it moved nothing: the guest is where it was" "$(runs a)" "$domid"
check "... and nothing is left of these" settled 60 $before
check "the checker goes on" mem_goes_on a 2

# --- while it runs ---------------------------------------------------------------------
line=$(mem_last a)
moved "it moves while it runs" a b || exit 0
mem_continues "behind that" "$line" b || exit 0
mem_clock "it tells dom0's time" b
same "measurement, guest id and vCPUs are the same" "$(identity b)" "$who"
check "nothing is left of where it was" gone a "$domid"
check_out "its agent answers" '^here 2$' mem_answer b 'echo here $(nproc)'
check_out "each of its vCPUs is woken by its timer" '^both$' mem_answer b \
    'for c in 1 2; do taskset $c sh -c "sleep 1; sleep 1" || exit 1; done; echo both'
check_out "its kernel has no complaint" '^none$' mem_answer b \
    'dmesg | grep -iE "hung_task|blocked for|soft lockup|call trace" || echo none'
check "nothing was lost of the host's memory, grants and xenstore" \
    settled 60 $before

# --- suspended first, and from where it came to ----------------------------------------
domid=$(runs b)
line=$(mem_last b)
moved "it that came leaves again, suspended before its first page" b c --non-live || exit 0
mem_continues "behind that" "$line" c || exit 0
same "measurement, guest id and vCPUs are the same" "$(identity c)" "$who"
check "nothing is left of where it was" gone b "$domid"
check "nor was anything lost" settled 60 $before

# --- told to stay ------------------------------------------------------------------------
domid=$(runs c)
line=$(mem_last c)
held=$(levels c) # with its supervisor's descriptors
receive_start x --unix $MIG/x.sock
send_start c --bandwidth 2M --unix $MIG/x.sock
if out=$(mig_when c 60 state=precopy epoch=0 "sent_pages>=200" 2>&1); then
    pass "it is amidst its pages"
    check_fails "what would be in the way is refused meanwhile" 'migrat|transfer' \
        dom0 timeout 60 freehold suspend c
    check_fails "... a second transfer, too" 'migrat|transfer|already|busy' \
        send c --unix $MIG/x.sock
    check "migrate-cancel" dom0 timeout 60 freehold migrate-cancel c
else
    fail "it is amidst its pages" "$out"
    dom0 timeout 60 freehold migrate-cancel c
fi
rc=0
out=$(send_end) || rc=$?
stayed "then it stays, and both ends say so" 'cancel' c x $rc "$out"
same "it is where it was" "$(runs c)" "$domid"
check "no other domain, process, descriptor or page is left" settled 60 c $held
mem_continues "behind that" "$line" c
check_fails "then there is nothing to cancel" 'no|not' dom0 timeout 60 freehold migrate-cancel c

# --- and it moves all the same, by some streams and slowly --------------------------------
line=$(mem_last c)
moved "by two streams, held to a rate" c d --streams 2 --bandwidth 40M || exit 0
mem_continues "behind that" "$line" d || exit 0
check "nothing is left of where it was" gone c "$domid"

# --- again and again ------------------------------------------------------------------------
line=$(mem_last d)
at=d bad=
for i in $(seq "$ROUNDS"); do
    to=r$i kind=
    [ $((i % 3)) != 0 ] || kind=--non-live
    if ! out=$(moved "round $i" $at $to $kind 2>&1); then
        bad="round $i${kind:+, $kind}: $out"
        break
    fi
    at=$to
    if ! out=$(mem_goes_on $at 1 2>&1); then
        bad="behind round $i${kind:+, $kind}: $out"
        break
    fi
done
if [ -z "$bad" ]; then
    pass "$ROUNDS times in a row"
else
    fail "$ROUNDS times in a row" "$bad"
fi
mem_continues "behind these" "$line" $at
check "nothing was lost in all of them" settled 60 $before

# --- the checker would have seen it ----------------------------------------------------------
check "one byte of its memory is changed, by the guest itself" mem_answer $at \
    "printf X | dd of=/proc/$(mem_field "$line" pid)/mem bs=1 conv=notrunc \
seek=\$(($(mem_field "$line" at) + 4096 * 77 + 2048)) 2>&1"
check_out "the checker tells" 'MEM WRONG page=77 word=256 ' \
    dom0_sh "timeout 60 sh -c 'tail -n +1 -F /var/log/freehold/$at.log 2>/dev/null' |
        grep -m1 'MEM WRONG'"
domid=$(runs $at)
guest_start $at 'poweroff -f' >/dev/null
check "it powers off, and nothing of it is left" gone $at "$domid"

# --- another kernel, another shape -------------------------------------------------------------
GUEST_KERNEL=6.1 GUEST_VCPUS=1 GUEST_MEM=160 MEM_MIB=48
if check "a guest of Debian 12's kernel with one vCPU is up" mem_guest older; then
    line=$(mem_last older)
    moved "it moves" older newer && mem_continues "behind that" "$line" newer
    check "destroy ends it" dom0_sh 'freehold destroy newer || freehold destroy older'
fi
GUEST_KERNEL='' GUEST_VCPUS=4 GUEST_MEM=512 MEM_MIB=256 MEM_RATE=2000
if check "one of 512 MiB with four vCPUs is up" mem_guest large; then
    line=$(mem_last large)
    moved "it moves" large larger && mem_continues "behind that" "$line" larger
    check "destroy ends it" dom0_sh 'freehold destroy larger || freehold destroy large'
fi
exit 0
