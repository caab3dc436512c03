#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-cuts.sh - connections, processes and tokens lost at each point of a
# migration: the guest runs at one side, or is brought there
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/migrate.sh"

# evil-relay holds the transfer at a message; then something is ended.
# CUTS: at these alone.
BEFORE=${CUTS-s:plan d:answer s:hand1 d:hand2 s:hand3 d:hand4 s:hand5 s:frame s:frame#200
    s:epoch d:ack s:epoch#2 d:ready}
[ -n "${LONG:-}" ] && SOME=$BEFORE || SOME=${CUTS-d:answer d:hand2 s:frame#200 d:ready}

GUEST_MEM=160 GUEST_VCPUS=1 MEM_MIB=32 MEM_RATE=100
migrate_tools
at=g0 nr=0
check "a guest is up, its memory is checked" mem_guest $at || exit 0
who=$(identity $at)
levels=$(levels)

# --- until Xen has fenced it -----------------------------------------------------------
# Verbs of the cases below; each gets the destination's name.
end_wire() { wire_cut; }
end_source() { dom0_sh "kill -9 $(relay_of $at)"; }
end_destination() { dom0_sh "kill -9 $(relays_but $at | xargs)"; }
end_receiver() { dom0_sh "pkill -9 -f '^freehold migrate-receive .*/$1.sock'"; }
end_supervisor() { dom0_sh "kill -9 $(mig_get $at supervisor_pid)"; }

# lost WHAT VERB HOLD: the guest is where it was, and nothing else is.
lost() {
    local to=t$((nr += 1)) line domid out rc=0 received wire
    line=$(mem_last $at)
    domid=$(runs $at)
    if ! out=$(wire_start $at $to "$3:hold" 2>&1); then
        fail "$1, at $3" "no wire: $out"
        return 1
    fi
    send_start $at --unix $MIG/$at.wire
    if ! wire_said ' held '; then
        fail "$1, at $3" "it never came there
$(wire_end 1)
$(send_end | tail -n 3)"
        receive_end $to 60 >/dev/null
        return 1
    fi
    out=$("$2" $to 2>&1)
    wire_goes_on 2>/dev/null
    if [ "$2" = end_supervisor ]; then
        dom0_sh "setsid freehold run $at >$MIG/run 2>&1 </dev/null &
            timeout 90 freehold events -u running $at >/dev/null || { cat $MIG/run; exit 1; }" \
            >"$FREEHOLD_RESULTS/$SUITE-run" 2>&1 || out+=" $(cat "$FREEHOLD_RESULTS/$SUITE-run")"
    fi
    received=$(send_end) || rc=$?
    wire=$(wire_end 60)
    # READY waits for its operator; and who was killed cannot tidy up.
    case $2$3 in
    end_receiver*) out+=$(dom0_sh "timeout 60 freehold destroy -f $to" 2>&1) ;;
    *d:ready) out+=$(dom0_sh "timeout 60 freehold destroy $to" 2>&1) ;;
    esac
    if ! grep -q '^status 0' <<<"$(receive_end $to 90)" && [ $rc != 0 ] &&
        [ "$(runs $at)" = "$domid" ] && wire+=$(mem_goes_on $at 1 60 2>&1) &&
        wire+=$(settled 60 $levels 2>&1) && wire+=$(dom0_sh "! ls -d /run/freehold/$to" 2>&1); then
        pass "$1, at $3: it is where it was, and nothing else is"
    else
        fail "$1, at $3: it is where it was, and nothing else is" \
            "status $rc; $out; $(tail -c 600 <<<"$wire")
$(why $at $to "$received" "$(dom0_sh "cat $MIG/$to.recv")")"
        return 1
    fi
}
for hold in $BEFORE; do
    lost "the connection is cut" end_wire $hold
done
for hold in $SOME; do
    lost "the source's freehold-migrate is killed" end_source $hold
    # Its READY is on its way then, and fences the guest: below.
    [ $hold != d:ready ] || continue
    lost "the destination's freehold-migrate is killed" end_destination $hold
    lost "the destination's supervisor is killed" end_receiver $hold
done
for hold in ${CUTS-s:hand3 s:frame#200 d:ready}; do
    lost "the source's supervisor is killed" end_supervisor $hold
done
mem_continues "behind all of these" "$(mem_last $at)" $at || exit 0
same "it is the same guest" "$(identity $at)" "$who"

# --- behind that ------------------------------------------------------------------------
# fenced WHAT VERB RULE...: a transfer ends with the guest fenced here; TO: the
# name it has there.  The first rule says when to let VERB end something.
fenced() {
    local what=$1 verb=$2 out rc=0 state
    TO=t$((nr += 1))
    shift 2
    line=$(mem_last $at)
    domid=$(runs $at)
    out=$(wire_start $at $TO "$@" 2>&1) || { fail "$what" "no wire: $out"; return 1; }
    send_start $at --unix $MIG/$at.wire
    case $1 in *:hold) wire_said ' held ' ;; *) wire_said ' fired ' ;; esac ||
        { fail "$what" "it never came there: $(wire_end 1)"; return 1; }
    $verb $TO >/dev/null 2>&1
    wire_goes_on 2>/dev/null
    out=$(send_end) || rc=$?
    wire_end 60 >/dev/null
    state=$(mig_get $at migration.state state 2>&1)
    if [ $rc != 0 ] && said_end fenced "$out" && grep -qi fenced <<<"$state"; then
        pass "$what: it is fenced, and that is told"
    else
        fail "$what: it is fenced, and that is told" "status $rc; it is $state
$(why $at $TO "$out" "$(dom0_sh "cat $MIG/$TO.recv")")"
        return 1
    fi
    check_fails "$what: dom0 cannot resume it" . dom0 timeout 30 freehold resume $at
    check_fails "$what: nor destroy it by a mere word" 'force|fenced|migrat' \
        dom0 timeout 30 freehold destroy $at
    check "$what: its START is in a file" dom0 test -s \
        "/var/lib/freehold/migrate/$(mig_get $at migration.session).start"
}
resolve() { mig_resolve "$at" "$@"; }
runs_there() { # WHAT: as TO; it is `at` from then on.
    check "$1: nothing is left of where it was" gone $at "$domid"
    at=$TO
    mem_continues "$1: it runs there" "$line" $at || return 1
    same "$1: it is the same guest" "$(identity $at)" "$who"
    check "$1: nothing was lost" settled 60 $levels
}
runs_here() { # WHAT
    same "$1: it is where it was" "$(runs $at)" "$domid"
    mem_continues "$1: it runs here" "$line" $at || return 1
    check "$1: nothing is left there" dom0_sh "for i in \$(seq 100); do
        [ -e /run/freehold/$TO ] || exit 0; sleep 0.2; done; exit 1"
    check "$1: nothing was lost" settled 60 $levels
}

what="cut before START"
if fenced "$what" end_wire s:start:hold; then
    check "$what: resolve" resolve
    runs_there "$what" || exit 0
fi
what="cut before START, and not wanted"
if fenced "$what" end_wire s:start:hold; then
    check "$what: resolve --abort" resolve --abort
    runs_here "$what" || exit 0
    check_fails "$what: then there is nothing to resolve" . resolve
fi
what="its freehold-migrate is killed before START"
if fenced "$what" end_source s:start:hold; then
    check "$what: resolve" resolve
    runs_there "$what" || exit 0
fi
what="the destination's freehold-migrate is killed before START"
if fenced "$what" end_destination s:start:hold; then
    check "$what: resolve" resolve
    runs_there "$what" || exit 0
fi
# start_supervisor NAME: another takes it over.
start_supervisor() {
    dom0_sh "setsid freehold run $1 >$MIG/run 2>&1 </dev/null &
        n=0; until freehold --json info $1 2>/dev/null | grep -q supervisor_pid; do
            n=\$((n + 1)); [ \$n -lt 300 ] || { cat $MIG/run; exit 1; }; sleep 0.1; done"
}
what="the destination's supervisor is killed before START"
if fenced "$what" end_receiver s:start:hold; then
    check "$what: another takes it over" start_supervisor $TO
    check "$what: resolve" resolve
    runs_there "$what" || exit 0
fi
what="the source's supervisor is killed when it is fenced"
if fenced "$what" end_wire s:start:hold; then
    dom0_sh "kill -9 $(mig_get $at supervisor_pid)"
    check "$what: another takes it over" start_supervisor $at
    check_out "$what: it is fenced as before" fenced mig_get $at migration.state state
    check "$what: resolve" resolve
    runs_there "$what" || exit 0
fi
what="DONE is lost"
if fenced "$what" end_wire d:done:hold; then
    check "$what: the guest runs there already" mem_goes_on $TO 1
    # It says what is true, and that settles it.
    out=$(resolve --abort)
    if grep -qiE 'runs|moved|there|done' <<<"$out"; then
        pass "$what: it cannot be had back, and that is told"
    else
        fail "$what: it cannot be had back, and that is told" "$out"
    fi
    [ -z "$(runs $at)" ] || check "$what: resolve" resolve
    runs_there "$what" || exit 0
fi
what="START is lost"
if fenced "$what" end_wire s:start:drop; then
    check "$what: resolve --abort" resolve --abort
    runs_here "$what" || exit 0
fi
# cancel_fenced: while START is on its way that never comes.
cancel_fenced() { dom0 timeout 60 freehold migrate-cancel $at; }
what="cancelled behind START, and ABORT lost"
if fenced "$what" cancel_fenced s:start:drop d:abort:cut; then
    check "$what: resolve finds it in the destination's file" resolve
    runs_here "$what" || exit 0
fi
what="the source is gone, START is in a file"
if fenced "$what" end_wire s:start:hold; then
    check "$what: it is destroyed by force" dom0 timeout 60 freehold destroy -f $at
    check "$what: resolve, at the destination" dom0 timeout 60 freehold resolve $TO
    runs_there "$what" || exit 0
fi
what="a file's START, given up at the destination"
if fenced "$what" end_wire s:start:hold; then
    check "$what: resolve --abort, there" dom0 timeout 60 freehold resolve --abort $TO
    check "$what: resolve, here" resolve
    runs_here "$what" || exit 0
fi
check_fails "--destination-lost is refused" 'owner|key|prove|lost' resolve --destination-lost

moved "it moves as if nothing had been" $at last
exit 0
