#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# evil-dom0.sh - a supervisor that lies: every case of evil-dom0, by its own
# list, and nothing of them left behind
# lab: ours

. "$(dirname "$0")/lib.sh"

CASE_S=600 # a case that takes longer has hung
RACES=2    # runs of a case whose outcome depends on who is faster
[ -n "${LONG:-}" ] && RACES=10

# What a domain leaves behind, as one text.
traces() {
    dom0_sh 'xl list; for d in /local/domain /vm /libxl; do echo "$d:"; xenstore-list $d 2>/dev/null | sort; done' |
        sed '/^Domain-0 /d'
}

before=$(traces)

mapfile -t cases < <(dom0 evil-dom0 list </dev/null)
if [ ${#cases[@]} = 0 ]; then
    fail "evil: the list of cases" "evil-dom0 list printed nothing"
    exit 0
fi
for row in "${cases[@]}"; do
    IFS=$'\t' read -r name want lie <<<"$row"
    tries=1
    [[ $want = either* ]] && tries=$RACES # a race has more than one outcome
    for ((i = 1; i <= tries; i++)); do
        what="evil: $name: $lie: $want"
        [ "$tries" = 1 ] || what="$what ($i of $tries)"
        check "$what" dom0 timeout $CASE_S evil-dom0 "$name" </dev/null
    done
done

after=$(traces)
if [ "$before" = "$after" ]; then
    pass "evil: no domain and no xenstore node is left"
else
    fail "evil: no domain and no xenstore node is left" \
        "$(diff <(echo "$before") <(echo "$after"))"
fi

# The controls of this very program: without a case, or with a wrong one, it
# must not say that all is well.
check_fails "evil: an unknown case is an error" 'no such case' \
    dom0 evil-dom0 no-such-case </dev/null
check_fails "evil: a missing kernel is an error" 'No such file' \
    dom0 evil-dom0 honest --guest-dir /nowhere </dev/null
