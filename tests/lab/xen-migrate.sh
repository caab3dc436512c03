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

# Let it boot until Xen says REGEX, and stop it there.
boot_to() { # REGEX
    lab_down
    (lab_up) &
    booting=$!
    until grep -qas -- "$1" "$LAB/1/serial.log"; do
        kill -0 "$booting" 2>/dev/null || return 1
        sleep 0.05
    done
    kill -STOP "$(cat "$LAB/1/pid")"
}
places() { # FILE OFFSET: of 32 bytes of it
    "$TOP/tests/lab/memory-has" "$(cat "$LAB/1/pid")" "$LAB_MEM" "$1" "$2" 32
}

# Memory that Xen frees from here on is scrubbed, and shows nothing.
if ! boot_to 'Brought up [0-9]* CPUs'; then
    fail "the lab with the proxy in the steward's place" "it did not boot"
    exit 0
fi
same "before there are keys, the secret is in Xen's own memory alone" \
    "$(places "$LAB/pool-secret" 40)" 1
kill -CONT "$(cat "$LAB/1/pid")"
if ! wait "$booting"; then
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
check "the steward's image is in the host's memory" \
    test "$(places "$FREEHOLD_STEWARD" 8192)" -gt 0
same "the secret is nowhere in the host's memory" \
    "$(places "$LAB/pool-secret" 40)" 0

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
