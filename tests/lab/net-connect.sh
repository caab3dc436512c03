#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-connect.sh - two kernels, two cards each: what is negotiated, what
# xenstore and the supervisor say, data both ways, XDP, a guest that reboots
# lab: ours
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/net.sh"

net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT

# What xenstore has of it, a line.
offered() { # DOMID DEVID
    dom0_sh "for k in state feature-rx-copy feature-sg feature-gso-tcpv4 feature-gso-tcpv6 \
            feature-ipv6-csum-offload feature-split-event-channels multi-queue-max-queues; do
        echo \$k \$(xenstore-read /local/domain/0/backend/fh-vif/$1/$2/\$k)
    done | tr '\\n' ' '"
}
# What the guest sees of a card, a line.
seen() { # NAME IF
    guest_run "$1" "cd /sys/class/net/$2 && echo queues \$(ls -d queues/tx-* | wc -l) \
mtu \$(cat mtu) carrier \$(cat carrier) mac \$(cat address) \$(ethtool -k $2 |
awk -F': ' '/^(scatter-gather|tcp-segmentation-offload|rx-checksumming)/ { print \$1, \$2 }')"
}
sandboxed() { # NAME DEVID
    dom0_sh "awk '/^(Uid|CapEff|CapPrm|NoNewPrivs|Seccomp):/ { v[\$1] = \$2 }
        END { for (k in v) print k, v[k]
            exit !(v[\"Uid:\"] >= 0x70000000 && v[\"CapEff:\"] ~ /^0+\$/ &&
            v[\"CapPrm:\"] ~ /^0+\$/ && v[\"NoNewPrivs:\"] == 1 && v[\"Seccomp:\"] == 2) }' \
        /proc/$(net_get "$1" "$2" pid)/status"
}

try() { # NAME KERNEL
    local g=$1 domid tap
    GUEST_KERNEL=$2 check "$2: a guest with two cards is made" guest_up freehold "$g" \
        "vif = [ $(net_spec 1), $(net_spec 2 mtu=9000,bridge=$NET_BR_LARGE) ]" || return
    domid=$(dom0 freehold domid "$g")
    check "$2: dom0 answers the first, by IPv4 and IPv6" guest_net "$g" eth0 177 2
    check "$2: and the second" guest_net "$g" eth1 178 2
    same "$2: what was offered" "$(offered "$domid" 0)" \
        "state 4 feature-rx-copy 1 feature-sg 1 feature-gso-tcpv4 1 feature-gso-tcpv6 1 feature-ipv6-csum-offload 1 feature-split-event-channels 1 multi-queue-max-queues 2 "
    same "$2: the guest sees two queues and every offload" "$(seen "$g" eth0)" \
        "queues 2 mtu 1500 carrier 1 mac $NET_MAC:01 rx-checksumming on [fixed] scatter-gather on tcp-segmentation-offload on"
    same "$2: the supervisor says the same" \
        "$(net_get "$g" 0 mac bridge mtu state queues sg gso_v4 gso_v6 stalled)" \
        "$NET_MAC:01 $NET_BR 1500 connected 2 1 1 1 0"
    same "$2: and of the second its MTU" "$(net_get "$g" 1 bridge mtu)" "$NET_BR_LARGE 9000"
    tap=$(net_get "$g" 0 tap)
    same "$2: the tap is xl's name, and on the bridge" \
        "$tap $(dom0_sh "basename \$(readlink /sys/class/net/$tap/master)")" "vif$domid.0 $NET_BR"
    same "$2: the second's has its MTU" "$(dom0 cat "/sys/class/net/vif$domid.1/mtu")" 9000
    check "$2: a backend has no privileges, and no way to get any" sandboxed "$g" 0

    both_ways "$2: IPv4" "$g" 192.168.177.1 2097152
    both_ways "$2: IPv6" "$g" fd00:177::1 2097152
    both_ways "$2: by the second" "$g" 192.168.178.1 2097152
    check_out "$2: datagrams of all sizes come back as they went" '^right 40 lost 0 wrong 0' \
        guest_udp "$g" 192.168.177.1 4 1 17 18 60 512 1472 1473 4000 20000 65000
    check "$2: packets of many segments went both ways" test \
        "$(net_get "$g" 0 tx_gso)" -gt 0 -a "$(net_get "$g" 0 rx_gso)" -gt 0
    same "$2: none was malformed, or another's" \
        "$(net_get "$g" 0 tx_errors tx_spoofed restarts)" "0 0 0"
    check "$2: its kernel has no complaint" guest_net_clean "$g"
}
# The driver writes feature-xdp-headroom and reconnects: states 7 and 8.
xdp() { # NAME
    check_out "with an XDP program it is served as before" '^right 20 lost 0 wrong 0' guest_run "$1" \
        'nettool xdp eth0 nettool udp 192.168.177.1 5002 5 1 700 1400 1472'
    check_out "and when it is gone again" '^right 20 lost 0 wrong 0' \
        guest_udp "$1" 192.168.177.1 5 1 700 1400 1472
}
# The guest reboots: another domain, the same cards.
reboot() { # NAME
    local g=$1 domid
    domid=$(dom0 freehold domid "$g")
    guest_start "$g" 'reboot -f' >/dev/null
    check "it reboots" guest_await "$g" 2 300
    check "and is on the network again" guest_net "$g" eth0 177 2
    same "with the same address" "$(guest_run "$g" 'cat /sys/class/net/eth0/address')" "$NET_MAC:01"
    check "the domain before left nothing" net_no_trace none "$domid"
}
ends() { # NAME
    local domid
    domid=$(dom0 freehold domid "$1")
    check "$1 ends" dom0 timeout 60 freehold destroy "$1"
    check "nothing of its cards is left" net_no_trace "$1" "$domid"
}

try new 6.12
xdp new
reboot new
ends new
if [ -n "${LONG:-}" ]; then
    try old 6.1
    ends old
fi
exit 0
