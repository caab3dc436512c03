#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xen-migrate.sh - evidence, and who may make which step of a migration
# lab: own
# area: migrate
# more
. "$(dirname "$0")/lib.sh"
. "$TOP/lab/cache.sh"
. "$TOP/lab/build.sh"

export FREEHOLD_STEWARD=$TOP/build/dev/xen/test/proxy.bin
lab_down
if ! (lab_up); then
    fail "the lab with the proxy in the steward's place" "it did not boot"
    exit 0
fi

if lab_console 1 | grep -q 'Pool secret: epoch 1, FROM A MODULE'; then
    pass "Xen takes the pool secret from a module, and says so"
else
    fail "Xen takes the pool secret from a module, and says so" \
        "$(lab_console 1 | grep -i 'pool secret')"
fi

# Not dom0's, nor free, nor Xen's own: it is wiped, and no copy was made.
has() { # FILE OFFSET
    "$TOP/tests/lab/memory-has" "$(cat "$LAB/1/pid")" "$LAB_MEM" "$1" "$2" 32
}
check "the steward's image is in the host's memory" has "$FREEHOLD_STEWARD" 8192
has "$LAB/pool-secret" 40
same "the secret is nowhere in the host's memory" $? 1

out=$(dom0 timeout 400 passage)
rc=$?
while read -r verdict rule; do
    case $verdict in
    ok) pass "$rule" ;;
    BAD) fail "${rule%%: got *}" "got ${rule##*: got }" ;;
    esac
done < <(grep -E '^(ok|BAD) ' <<<"$out")
same "every rule was tried, and holds" "$rc $(tail -n 1 <<<"$out")" \
    "0 passage: done 0"
# Xen says why it refused a context.
[ "$rc" = 0 ] || lab_console 1 | grep '^(XEN)' | tail -n 30
lab_down
exit 0
