#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xen-inside.sh - Xen's rules for a protected domain, tried from inside it
# lab: own
. "$(dirname "$0")/lib.sh"
. "$TOP/lab/cache.sh"
. "$TOP/lab/build.sh"

export FREEHOLD_STEWARD=$TOP/build/dev/xen/test/probe.bin
export FREEHOLD_POOL=none # xen-migrate has one
lab_down
if ! (lab_up); then
    fail "the lab with the probe in the steward's place" "it did not boot"
    exit 0
fi
check "the probe's domains suspend, resume, receive and power off" \
    dom0 timeout 300 bare-domain

# Xen prints what the probe said, a line a rule.
# Two domains begin alike, so that some rules are tried twice.
log=$(lab_console 1 | tr -d '\r' | sed -n 's/^(d[0-9]*) //p')
while read -r verdict rule; do
    case $verdict in
    ok) pass "$rule" ;;
    BAD) fail "$rule" "it got another answer (the last word, in hex)" ;;
    esac
done < <(grep -E '^(ok|BAD) ' <<<"$log" | awk '!seen[$0]++')
rules=$(grep -c '^ *expect ' "$TOP/xen/test/probe.S")
said=$(grep -E '^(ok|BAD) ' <<<"$log" | sed 's/^BAD \(.*\) .*/\1/; s/^ok //' | sort -u | wc -l)
if [ "$said" = "$rules" ] && [ "$(grep -cE '^probe: done 0+$' <<<"$log")" = 2 ]; then
    pass "the probe tried all of its $rules rules"
else
    fail "the probe tried all of its $rules rules" "it tried $said: $log"
fi
lab_down
exit 0
