#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-evil.sh - a wire that changes, drops, repeats, swaps and replays what
# two hosts say: the guest is where it should be, whole, and nobody reads it
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/migrate.sh"
. "$TOP/lab/cache.sh"

GUEST_MEM=160 GUEST_VCPUS=1 MEM_MIB=24 MEM_RATE=100 MIG_S=900
SEED=$RANDOM$RANDOM$RANDOM
MEM_SEED=$SEED
CANARY=$FREEHOLD_RESULTS/$SUITE-canary
# Built for dom0, whose libraries this machine need not have.
in_root "$(need_dom0_root)" "$TOP/build:/mnt" -- /mnt/dev/bin/memcheck canary $SEED >"$CANARY" ||
    { fail "the canary's bytes" "memcheck canary did not say them"; exit 0; }
PAGES=$((MEM_MIB * 256))

migrate_tools
at=g0 nr=0
check "a guest is up, with a canary in each of $PAGES pages" mem_guest $at || exit 0
who=$(identity $at)
levels=$(levels)

# canaries: how often the canary is in the host's memory: its guest's, dom0's,
# Xen's and what is free.
canaries() {
    local pid n
    pid=$(cat "$LAB/1/pid")
    kill -STOP "$pid"
    n=$("$TOP/tests/lab/memory-has" "$pid" "$(cat "$LAB/mem")" "$CANARY" 0 32)
    kill -CONT "$pid"
    echo "$n"
}
# alone WHAT: it is in the guest's pages and nowhere else.  Memory that was freed
# is scrubbed when a CPU has nothing else to do.
alone() {
    local n i
    for i in $(seq 12); do
        n=$(canaries)
        # A copy may be in a register's place on a stack.
        if [ "${n:-0}" -ge $PAGES ] && [ "$n" -le $((PAGES + 4)) ]; then
            pass "$1: the canary is in the guest's $PAGES pages, and nowhere else: $n"
            return
        fi
        sleep 5
    done
    fail "$1: the canary is in the guest's $PAGES pages, and nowhere else" "$n places"
}
alone "before"

# --- lies ---------------------------------------------------------------------------------
# lied WANT WHAT RULE...: it moves through a wire with these rules, and WANT comes
# of it: stays, moves, or fenced (then resolve brings it there).
lied() {
    local want=$1 what=$2 to=e$((nr += 1)) out rc=0 wire received line domid bad=
    shift 2
    what="$what ($*)"
    line=$(mem_last $at)
    domid=$(runs $at)
    if ! out=$(wire_start $at $to "$@" 2>&1); then
        fail "$what" "no wire: $out"
        return 1
    fi
    if [ -n "${CANCEL_AT:-}" ]; then
        send_start $at --unix $MIG/$at.wire
        wire_said "$CANCEL_AT" && dom0 timeout 60 freehold migrate-cancel $at >/dev/null 2>&1
        out=$(send_end) || rc=$?
    else
        out=$(send $at --timeout "${LIE_S:-600}" --unix $MIG/$at.wire) || rc=$?
    fi
    wire=$(wire_end 120)
    received=$(receive_end $to 120)
    grep -q '^over 0' <<<"$wire" || bad="the wire did not do it"
    case $want in stays) said_end stayed "$out" ;; moves) said_end moved "$out" ;;
    fenced) said_end fenced "$out" ;; esac || bad+=" it ended otherwise"
    case $want in
    stays)
        [ $rc != 0 ] && [ "$(runs $at)" = "$domid" ] || bad+=" it is not where it was"
        ! grep -q '^status 0$' <<<"$received" || bad+=" the receiver is content"
        # A lie is noticed: nobody merely waited.
        [ -n "${LIE_S:-}" ] || ! grep -qE 'time (for it )?is over' <<<"$out" ||
            bad+=" only its time was over"
        ;;
    moves)
        if [ $rc = 0 ] && grep -q '^status 0$' <<<"$received"; then
            gone $at "$domid" >/dev/null 2>&1 || bad+=" something of it is left"
            at=$to
        else
            bad+=" it did not move"
        fi
        ;;
    fenced)
        if wire+=$(mig_resolve $at 2>&1) && gone $at "$domid" >/dev/null 2>&1; then
            at=$to
        else
            bad+=" resolve did not bring it there"
        fi
        ;;
    esac
    wire+=$(mem_goes_on $at 1 60 2>&1) || bad+=" it does not run on"
    wire+=$(settled 60 $levels 2>&1) || bad+=" something is left, or lost"
    if [ -z "$bad" ]; then
        pass "$what: it $([ "$want" = fenced ] && echo 'is fenced, and resolved' || echo "$want")"
    else
        fail "$what: want that it $want" "$bad; $(tail -c 500 <<<"$wire")
$(why $at $to "$out" "$received")"
        [ -n "$(runs $at)" ] || exit 0
        return 1
    fi
}

# Offsets are those of the unit: its own head has 16 bytes.
FLIPS="s:hello:flip@0 s:hello:flip@16 d:hello:flip@24 s:plan:flip@0 s:plan:flip@16
    d:answer:flip@16
    s:hand1:flip@8 s:hand1:flip@16 s:hand1:flip@20 s:hand1:flip@40 s:hand1:flip@80
    s:hand1:flip@144 s:hand1:flip@176
    d:hand2:flip@144 d:hand2:flip@176 d:hand2:flip@208 d:hand2:flip@-1
    s:hand3:flip@20 s:hand3:flip@32 s:hand3:flip@-1 d:hand4:flip@32 s:hand5:flip@-1
    s:frame:flip@0 s:frame:flip@4 s:frame:flip@16 s:frame#2:flip@20 s:frame#2:flip@21
    s:frame#2:flip@22 s:frame#2:flip@24 s:frame#2:flip@32 s:frame#2:flip@36
    s:frame#2:flip@40 s:frame#50:flip@48 s:frame#90:flip@-1
    s:epoch:flip@20 s:epoch:flip@32 s:epoch:flip@48 s:epoch:flip@-1 s:epoch#2:flip@100
    d:ack:flip@21 d:ack:flip@48 d:ack:flip@-1
    d:ready:flip@21 d:ready:flip@100 d:ready:flip@-1"
FEW="s:hello:flip@0 s:plan:flip@16 d:answer:flip@16 s:hand1:flip@144 d:hand2:flip@208
    s:hand3:flip@-1 d:hand4:flip@32 s:hand5:flip@-1 s:frame#2:flip@40 s:frame#50:flip@48
    s:frame#90:flip@-1 s:epoch:flip@48 d:ack:flip@-1 d:ready:flip@100"
[ -n "${LONG:-}" ] || FLIPS=$FEW
for rule in $FLIPS; do
    lied stays "a bit is flipped" $rule
done
for rule in s:frame#50:drop s:frame#50:twice s:frame#50:swap s:frame#50:old s:epoch:swap \
    s:epoch:twice d:ack:twice s:hand1:twice s:hand3:twice s:plan:twice \
    s:frame#60:trunc@30000 s:epoch:trunc@100 s:frame#60:cut s:epoch#2:cutafter; do
    lied stays "out of its order" $rule
done
if [ -n "${LONG:-}" ]; then
    for rule in s:hand3:drop s:epoch:drop d:ack:drop d:ready:drop; do
        LIE_S=90 lied stays "lost" $rule
    done
    for word in plan hand1 hand3 hand5; do
        lied stays "cut behind it" s:$word:cutafter
    done
    for word in answer hand2 hand4 ack; do
        lied stays "cut behind it" d:$word:cutafter
    done
fi
mem_continues "behind these" "$(mem_last $at)" $at || exit 0
same "it is the same guest" "$(identity $at)" "$who"
alone "behind these"

# --- tokens ---------------------------------------------------------------------------------
lied moves "START twice" s:start:twice
lied moves "DONE twice" d:done:twice
for rule in s:start:flip@16 s:start:flip@21 s:start:flip@32 s:start:flip@60 s:start:flip@-1; do
    lied fenced "START is changed" $rule
done
for rule in d:done:flip@32 d:done:flip@-1; do
    lied fenced "DONE is changed" $rule
done
# The source asks for ABORT, gets it, and the destination START behind it.
CANCEL_AT=' fired s:start' lied stays "START behind ABORT" s:start:late@abort

# token_unit SESSION.TYPE FILE: a token of a file, as a unit.
token_unit() {
    dom0_sh "{ printf '\\006\\0\\0\\0\\140\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'
        cat /var/lib/freehold/migrate/$1; } >$MIG/$2 && [ \$(stat -c %s $MIG/$2) = 368 ]"
}
old=$(dom0_sh 'ls /var/lib/freehold/migrate | grep "\.start$" | head -n 1')
if check "a START of an earlier transfer is there" token_unit "${old:-none}" old-start; then
    lied moves "... and comes amidst the pages" "s:frame#50:insert@$MIG/old-start"
    lied moves "... or before the right one" "s:start:insert@$MIG/old-start"
fi
old=$(dom0_sh 'ls /var/lib/freehold/migrate | grep "\.abort$" | head -n 1')
if check "an ABORT of an earlier transfer is there" token_unit "${old:-none}" old-abort; then
    lied stays "... and comes amidst the pages" "d:ack:insert@$MIG/old-abort"
    lied moves "... or when it is fenced" "d:done:insert@$MIG/old-abort"
fi

# --- more than one ------------------------------------------------------------------------------
# Two destinations hear the same source.
receive_start twin --unix $MIG/twin.sock
WIRE_OPTIONS="-a $MIG/twin.sock" lied moves "a second destination hears all of it"
received=$(receive_end twin 90)
if ! grep -q '^status 0$' <<<"$received" && [ -z "$(runs twin)" ]; then
    pass "the second one has nothing"
else
    fail "the second one has nothing" "$received
$(dom0_sh 'xl list; freehold info twin')"
fi

# A whole migration is recorded, and said again to another destination.
WIRE_OPTIONS="-r $MIG/record" lied moves "it is recorded"
size=$(dom0 stat -c %s $MIG/record)
if [ "${size:-0}" -gt $((PAGES * 4096)) ]; then
    pass "the record has all of it: $size bytes"
else
    fail "the record has all of it" "${size:-no} bytes, want more than $((PAGES * 4096))"
fi
alone "with the record in dom0"
lab_get 1 $MIG/record "$FREEHOLD_RESULTS"
found() { perl -0777 -e 'open F, $ARGV[0]; $c = <F>; open R, $ARGV[1]; $r = <R>;
    $n = 0; $i = -1; $n++ while ($i = index $r, $c, $i + 1) >= 0; print $n' "$CANARY" "$1"; }
same "nothing of the canary is in the record" "$(found "$FREEHOLD_RESULTS/record")" 0
# ... where it would be found.
head -c 3000001 "$FREEHOLD_RESULTS/record" >"$FREEHOLD_RESULTS/$SUITE-control"
cat "$CANARY" >>"$FREEHOLD_RESULTS/$SUITE-control"
same "... where it would be found" "$(found "$FREEHOLD_RESULTS/$SUITE-control")" 1
rm -f "$FREEHOLD_RESULTS/record" "$FREEHOLD_RESULTS/$SUITE-control"
receive_start again --unix $MIG/again.sock
out=$(dom0 timeout 200 evil-relay play $MIG/record $MIG/again.sock 2>&1)
received=$(receive_end again 90)
if ! grep -q '^status 0$' <<<"$received" && ! grep -q '^peer done' <<<"$out" &&
    grep -q '^peer hand2' <<<"$out" && [ -z "$(runs again)" ]; then
    pass "said again, it makes no guest"
else
    fail "said again, it makes no guest" "$out
$received"
fi
check "nothing is left of that" settled 60 $levels

mem_continues "behind all of these" "$(mem_last $at)" $at
same "it is the same guest" "$(identity $at)" "$who"
alone "behind all of these"
domid=$(runs $at)
check "destroy ends it" dom0 freehold destroy $at
check "nothing of it is left" gone $at "$domid"
n=
for i in $(seq 24); do
    n=$(canaries)
    [ "$n" = 0 ] && break
    sleep 5
done
same "its canary is nowhere in the host's memory" "$n" 0
exit 0
