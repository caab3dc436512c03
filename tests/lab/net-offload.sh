#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-offload.sh - each offload on and off in the guest, MTU 1500 and 9000, IPv4
# and IPv6: what is sent is what comes, both ways, and figures tell what was used
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/net.sh"

BYTES=${NET_OFFLOAD_BYTES:-1500000}
net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT
check "a guest with two cards is up" guest_up freehold off \
    "vif = [ $(net_spec 1), $(net_spec 2 mtu=9000,bridge=$NET_BR_LARGE) ]" || exit 0
check "dom0 answers the first" guest_net off eth0 177 2 || exit 0
check "and the second" guest_net off eth1 178 2 || exit 0
guest_run off 'ip link set eth1 mtu 9000'

# features IF WORDS: as ethtool -K has them; all others on.
features() {
    guest_run off "ethtool -K $1 tx on sg on tso on gso on gro on 2>&1 | grep -i 'cannot change'
ethtool -K $1 $2 2>&1; ethtool -k $1 | awk -F': ' '
/^(tx-checksumming|scatter-gather|tcp-segmentation-offload|generic-segmentation-offload|generic-receive-offload)/ {
printf \"%s %s \", \$1, \$2 } END { print \"\" }'"
}
figures() { net_get off "$1" tx_gso rx_gso; } # DEVID
# row IF DEVID NETWORK MTU WORDS GSO: GSO: whether packets of many segments may
# leave the guest.
row() {
    local if=$1 devid=$2 net=$3 mtu=$4 words=$5 gso=$6 before after what
    what="MTU $mtu, ${words:-all on}"
    pass "$what: $(features "$if" "$words")"
    guest_run off "ip link set $if mtu $mtu"
    same "$what: the guest's MTU" "$(guest_run off "cat /sys/class/net/$if/mtu")" "$mtu"
    read -ra before < <(figures "$devid")
    both_ways "$what: IPv4" off "192.168.$net.1" "$BYTES"
    both_ways "$what: IPv6" off "fd00:$net::1" "$BYTES"
    for host in "192.168.$net.1" "fd00:$net::1"; do
        check_out "$what: datagrams to $host" '^right 12 lost 0 wrong 0' \
            guest_udp off "$host" 2 1 100 1400 1473 9100 30001
    done
    read -ra after < <(figures "$devid")
    if [ "$gso" = yes ]; then
        check "$what: packets of many segments left it: ${before[0]}, then ${after[0]}" \
            test "${after[0]}" -gt "${before[0]}"
    else
        same "$what: none of many segments left it" "${after[0]}" "${before[0]}"
    fi
    # What it receives is not for its own flags to say: the wiring does.
    check "$what: such ones reached it: ${before[1]}, then ${after[1]}" \
        test "${after[1]}" -gt "${before[1]}"
}
for card in "eth0 0 177 1500" "eth1 1 178 9000"; do
    row $card "" yes
    row $card "tso off" no
    row $card "tso off gso off" no
    row $card "tx off" yes # IPv4 alone: netfront keeps that one on
    row $card "gro off" yes
done
row eth0 0 177 1500 "sg off" no
row eth0 0 177 1500 "tx off sg off tso off gso off gro off" no

# The second card and a small MTU: the tap's is larger than the guest's.
guest_run off 'ethtool -K eth1 tx on sg on tso on gso on gro on >/dev/null 2>&1; ip link set eth1 mtu 1400'
both_ways "guest MTU 1400 on a bridge of 9000" off 192.168.178.1 "$BYTES"
# dom0's side of the tap without offloads: the kernel does what is missing.
tap=$(net_get off 0 tap)
dom0_sh "ethtool -K $tap tx off tso off gso off gro off sg off 2>&1"
both_ways "the tap's own offloads off: IPv4" off 192.168.177.1 "$BYTES"
both_ways "the tap's own offloads off: IPv6" off fd00:177::1 "$BYTES"
same "nothing was malformed, or another's; no backend died" \
    "$(net_get off 0 tx_errors tx_spoofed restarts) $(net_get off 1 tx_errors tx_spoofed restarts)" \
    "0 0 0 0 0 0"
check "its kernel has no complaint" guest_net_clean off
dom0 freehold destroy off

GUEST_VCPUS=1 check "a guest with one queue is up" guest_up freehold one "vif = [ $(net_spec 1) ]" &&
    check "dom0 answers it" guest_net one eth0 177 2 && {
    same "one queue" "$(net_get one 0 queues)" 1
    both_ways "one queue" one 192.168.177.1 "$BYTES"
    dom0 freehold destroy one
}
exit 0
