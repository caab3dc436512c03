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

# attack NAME STAGE DOMID:SEED [OPTION]...: its outcomes, the rows of one array.
attack() {
    local name=$1
    shift
    dom0 freehold-intruder attack --stage "$1" --domid "$2" --json "${@:3}" \
        >"$FREEHOLD_RESULTS/stock-$name.json"
}

check "an ordinary guest gives memory back" canary ball 7 canary.mode=balloon \
    'CANARY BALLOONED'
attack freed freed :7
check_out "its secret is in the memory it gave back" 'read-canary' \
    cat "$FREEHOLD_RESULTS/stock-freed.json"
dom0 xl destroy ball

check "an ordinary guest to take offline" canary off 3 '' 'CANARY READY'
attack gone gone "$(dom0 xl domid off):3"
check_out "its secret survives offline, destroy, online" 'read-canary' \
    cat "$FREEHOLD_RESULTS/stock-gone.json"

# What a host with protected guests refuses for ordinary ones, too.  Not before
# freed, which wants trace buffers that nobody has made yet.
if check "an ordinary guest holds its canary" canary ord 1 '' 'CANARY READY'; then
    for row in key-v-log key-d-log trace-events ram-as-mmio; do
        attack "$row" running "$(dom0 xl domid ord):1" --row "$row"
        check_out "stock Xen shows its secret: $row" 'read-canary' \
            cat "$FREEHOLD_RESULTS/stock-$row.json"
    done
    dom0 xl destroy ord
fi

attack host host :0
for row in host-key-d trampoline facs-vector host-msix; do
    check_out "stock Xen lets dom0 do it: $row" succeeded \
        grep -A 9 "\"$row\"" "$FREEHOLD_RESULTS/stock-host.json"
done

# One array of all: rows begin with { and end with }.
{
    echo '['
    first=1
    for s in freed gone key-v-log key-d-log trace-events ram-as-mmio host; do
        [ -s "$FREEHOLD_RESULTS/stock-$s.json" ] || continue
        [ -n "$first" ] || echo ,
        first=
        sed '1d;$d' "$FREEHOLD_RESULTS/stock-$s.json"
    done
    echo ']'
} >"$FREEHOLD_RESULTS/intruder-stock.json"
