#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xen-refusals.sh - hosts that cannot keep the promise: create says the remedy
# lab: own
# long
. "$(dirname "$0")/lib.sh"
. "$TOP/lab/cache.sh"
. "$TOP/lab/build.sh"

# refuses WHAT REGEX: try to create on the host that is up, look at the words.
refuses() {
    local what=$1 re=$2
    host_ssh 1 'cat >/root/r.cfg' <<'CFG'
name = "refused"
type = "pvh"
kernel = "/freehold/guest/tiny.elf"
memory = 16
vcpus = 1
CFG
    check_fails "$what: create is refused" "$re" dom0 timeout 60 freehold create /root/r.cfg
    check_fails "$what: check says so" 'FAIL' dom0 timeout 60 freehold check
    check "$what: no domain is left" dom0_sh '[ "$(xl list | wc -l)" = 2 ]'
}

# on_host WHAT REGEX [LAB-UP-FLAG]: the same on a host of its own.
on_host() {
    lab_down
    if (lab_up "${@:3}"); then
        refuses "$1" "$2"
    else
        fail "$1" "the lab did not boot"
        return 1
    fi
}

on_host "Xen without the patches" 'patch' --stock
FREEHOLD_XEN_ARGS="protected=off" on_host "protected=off" 'protected=on'
FREEHOLD_XEN_ARGS="protected=on" on_host "a host without an IOMMU" 'IOMMU|lab'
head -c 8192 /dev/zero >"$FREEHOLD_RESULTS/no-steward"
FREEHOLD_STEWARD="$FREEHOLD_RESULTS/no-steward" \
    on_host "no steward among the boot modules" 'steward'

# A fit host, until the real oxenstored takes the place of the C xenstored.  It
# is told to leave dom0's own ring alone: nothing here looks there any more.
lab_down
if (lab_up) && check "the C xenstored gives way to oxenstored" dom0_sh '
        pid=$(pidof xenstored) && kill $pid || exit 1
        while kill -0 $pid 2>/dev/null; do sleep 0.1; done
        timeout 60 oxenstored --config-file /dev/null --no-domain-init
        timeout 60 xenstore-ls && pidof oxenstored'; then
    refuses oxenstored 'oxenstored maps foreign pages.*XENSTORED'
    check "oxenstored: the host lacks nothing else" \
        dom0_sh '[ "$(freehold check | grep FAIL | cut -c1-15)" = "FAIL  xenstored" ]'
else
    fail oxenstored "it could not be put in place"
fi
lab_down
exit 0
