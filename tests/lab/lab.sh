#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lab.sh - the lab itself: stock Xen, and guests that boot every time
# lab: stock
. "$(dirname "$0")/lib.sh"

BOOTS=${BOOTS:-1}
[ -n "${LONG:-}" ] && BOOTS=${BOOTS_LONG:-100}

check_out "dom0 runs on Debian's own Xen" '^xen_version *: 4\.20' dom0 xl info
check_fails "a command's exit status comes back" '^words: a b$' \
    dom0 sh -c 'echo "words: $1"; exit 3' sh 'a b'
check "xenstored is the C one" dom0 pidof xenstored
check_out "dom0 runs systemd, and no unit failed" '^running$' dom0_sh '
    [ "$(cat /proc/1/comm)" = systemd ] && systemctl is-system-running --wait ||
    { systemctl --failed; exit 1; }'

echo put-and-get >"$FREEHOLD_RESULTS/put me"
check "put and get carry a file" bash -c '
    . "$TOP/lab/common.sh"; . "$TOP/lab/host.sh"
    lab_put 1 "$0/put me" /root/in && lab_get 1 "/root/in/put me" "$0/out" &&
    cmp "$0/put me" "$0/out/put me"' "$FREEHOLD_RESULTS"

dom0_sh 'cat >/root/stock.cfg' <<'CFG'
name = "stock"
type = "pvh"
kernel = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-small"
cmdline = "console=hvc0 fh.run=poweroff"
memory = 192
vcpus = 2
tsc_mode = "native"
on_poweroff = "destroy"
on_reboot = "preserve"
on_crash = "preserve"
CFG

# `xl create -F` ends when the guest powered off and is destroyed; a triple
# fault ends as on_crash or on_reboot and leaves the guest behind, a standstill
# runs into the time limit.
one_boot() {
    dom0_sh ': >/var/log/xen/console/guest-stock.log
        timeout 240 xl create -F /root/stock.cfg >/root/stock.out 2>&1
        rc=$?
        left=$(xl domid stock 2>/dev/null)
        [ -n "$left" ] && { xl list; xl destroy stock; }
        [ $rc = 0 ] && [ -z "$left" ] &&
            grep -q FREEHOLD-INIT /var/log/xen/console/guest-stock.log &&
            exit 0
        echo "xl create -F: status $rc"; cat /root/stock.out
        tail -n 15 /var/log/xen/console/guest-stock.log; exit 1'
}
# Vector registers must survive what runs in between (lab/README.md, eager-fpu).
check "dom0's programs keep their vector registers while a guest boots" dom0_sh '
    sed "s/fh.run=poweroff//; s/\"stock\"/\"busy\"/" /root/stock.cfg >/root/busy.cfg
    vector-canary 25 4 & c=$!
    xl create -q /root/busy.cfg
    wait $c; rc=$?
    xl destroy busy
    exit $rc'

good=0
for i in $(seq "$BOOTS"); do
    if ! out=$(one_boot); then
        fail "boot $i of $BOOTS of a stock 2-vCPU PVH guest" \
            "$out
$(host_ssh 1 xl dmesg | tail -n 30)"
        break
    fi
    good=$i
    [ $((i % 10)) = 0 ] && say "$i of $BOOTS boots"
done
[ "$good" = "$BOOTS" ] && pass "$BOOTS boots in a row of a stock 2-vCPU PVH guest"
exit 0
