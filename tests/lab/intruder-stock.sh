#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# intruder-stock.sh - what the intruder reaches on stock Xen: the control of
# the rows that concern the host as a whole
# lab: stock
. "$(dirname "$0")/lib.sh"

# canary NAME SEED WORD REGEX: an ordinary guest that has said REGEX.
canary() {
    host_ssh 1 "cat >/root/$1.cfg" <<CFG
name = "$1"
type = "pvh"
kernel = "/freehold/guest/canary.elf"
cmdline = "canary.seed=$2 $3"
memory = 64
vcpus = 1
CFG
    dom0_sh "xl destroy $1 2>/dev/null
        : >/var/log/xen/console/guest-$1.log; xl create -q /root/$1.cfg" &&
        wait_log 120 "$4" "/var/log/xen/console/guest-$1.log"
}

# attack STAGE DOMID:SEED: its outcomes, as a JSON array.
attack() {
    dom0 freehold-intruder attack --stage "$1" --domid "$2" --json
}

check "an ordinary guest gives memory back" canary ball 7 canary.mode=balloon \
    'CANARY BALLOONED'
attack freed :7 >"$FREEHOLD_RESULTS/stock-freed.json"
check_out "its secret is in the memory it gave back" 'read-canary' \
    cat "$FREEHOLD_RESULTS/stock-freed.json"
dom0 xl destroy ball

check "an ordinary guest to take offline" canary off 3 '' 'CANARY READY'
attack gone "$(dom0 xl domid off):3" >"$FREEHOLD_RESULTS/stock-gone.json"
check_out "its secret survives offline, destroy, online" 'read-canary' \
    cat "$FREEHOLD_RESULTS/stock-gone.json"

attack host :0 >"$FREEHOLD_RESULTS/stock-host.json"
check_out "the debug keys are dom0's on stock Xen" 'succeeded' \
    cat "$FREEHOLD_RESULTS/stock-host.json"

# One array of the three: rows begin with { and end with }.
{
    echo '['
    for s in freed gone host; do
        sed '1d;$d' "$FREEHOLD_RESULTS/stock-$s.json"
        [ $s = host ] || echo ,
    done
    echo ']'
} >"$FREEHOLD_RESULTS/intruder-stock.json"
