#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-pool.sh - hosts that do not share a secret exchange no guest, and say so
# lab: own
# area: migrate
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/migrate.sh"
. "$TOP/lab/cache.sh"
. "$TOP/lab/build.sh"

# between WHAT REGEX: a guest stays, for that reason.
between() {
    local line out rc=0 received domid FROM_ON=1 TO_ON=2
    on 1 migrate_tools
    on 2 migrate_tools
    check "$1: a guest is up" mem_guest alone || return
    line=$(mem_last alone)
    domid=$(runs alone)
    on 2 receive_start alone --tcp 192.168.77.2:7001
    out=$(send alone --check --tcp 192.168.77.2:7001) || rc=$?
    received=$(on 2 receive_end alone)
    if [ $rc != 0 ] && grep -qiE -- "$2" <<<"$out"; then
        pass "$1: --check tells"
    else
        fail "$1: --check tells" "status $rc, want /$2/
$(why alone alone "$out" "$received")"
    fi
    on 2 receive_start alone --tcp 192.168.77.2:7001
    rc=0
    out=$(send alone --tcp 192.168.77.2:7001) || rc=$?
    stayed "$1: it stays, and that is told" "$2" alone alone $rc "$out"
    same "$1: it is where it was" "$(runs alone)" "$domid"
    mem_continues "$1" "$line" alone
    check "$1: nothing of it is there" on 2 dom0_sh '! xl domid alone 2>/dev/null &&
        ! ls -d /run/freehold/alone 2>/dev/null'
}

lab_down
if (FREEHOLD_POOL=other lab_up --hosts 2); then
    between "another secret" 'evidence|secret|pool|genuine'
else
    fail "two hosts with different secrets" "they did not boot"
fi
lab_down
if (FREEHOLD_POOL=none lab_up --hosts 2); then
    between "no secret at all" 'secret|pool|evidence'
else
    fail "two hosts without a secret" "they did not boot"
fi
lab_down
exit 0
