#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xen-refusals.sh - hosts that cannot keep the promise: create says the remedy
# lab: own
# long
. "$(dirname "$0")/lib.sh"
. "$TOP/lab/cache.sh"
. "$TOP/lab/build.sh"

# on_host WHAT REGEX [LAB-UP-FLAG]: boot, try to create, look at the words.
on_host() {
    local what=$1 re=$2
    lab_down
    if ! (lab_up "${@:3}"); then
        fail "$what" "the lab did not boot"
        return
    fi
    host_ssh 1 'cat >/root/r.cfg' <<'CFG'
name = "refused"
type = "pvh"
kernel = "/freehold/guest/tiny.elf"
memory = 16
vcpus = 1
CFG
    check_fails "$what: create is refused" "$re" dom0 freehold create /root/r.cfg
    check_fails "$what: check says so" 'FAIL' dom0 freehold check
    check "$what: no domain is left" dom0_sh '[ "$(xl list | wc -l)" = 2 ]'
}

on_host "Xen without the patches" 'patch' --stock
FREEHOLD_XEN_ARGS="protected=off" on_host "protected=off" 'protected=on'
FREEHOLD_XEN_ARGS="protected=on" on_host "a host without an IOMMU" 'IOMMU|lab'
head -c 8192 /dev/zero >"$FREEHOLD_RESULTS/no-steward"
FREEHOLD_STEWARD="$FREEHOLD_RESULTS/no-steward" \
    on_host "no steward among the boot modules" 'steward'
lab_down
exit 0
