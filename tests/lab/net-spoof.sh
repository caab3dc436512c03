#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-spoof.sh - frames with the source of somebody else do not reach the bridge:
# MAC, IPv4, ARP, IPv6, behind VLAN tags too; xen-netback lets them
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/net.sh"

net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT

# --- frames, as hex -------------------------------------------------------------
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
mac() { printf %s "${1//:/}"; }
ip4() { printf '%02x' ${1//./ }; }
ALL=ffffffffffff
MINE4=192.168.177.2 MINE6=fd000177000000000000000000000002
THEIRS4=192.168.177.9 THEIRS6=fd000177000000000000000000000009
LINK6=fe80000000000000 # and 8 bytes
ZERO6=00000000000000000000000000000000
# ether MAC TYPE REST [TAGS]: broadcast, so that it goes where it can.
ether() { printf '%s%s%s%s%s' $ALL "$(mac "$1")" "${4:-}" "$2" "$3"; }
# ipv4 SOURCE MARK: UDP, broadcast; the sum of the header is right.
ipv4() {
    local text head sum=0 i len
    text=$(hex "MARK-$2.")
    len=$((28 + ${#text} / 2))
    head=$(printf '4500%04x000100004011' $len)
    for ((i = 0; i < 20; i += 4)); do sum=$((sum + 0x${head:i:4})); done
    i=$(ip4 "$1")ffffffff
    sum=$((sum + 0x${i:0:4} + 0x${i:4:4} + 0xffff + 0xffff))
    while ((sum >> 16)); do sum=$(((sum & 0xffff) + (sum >> 16))); done
    printf '%s%04x%s' "$head" $((~sum & 0xffff)) "$i"
    printf '12340009%04x0000%s' $((len - 20)) "$text"
}
# arp SENDER-MAC SENDER-IP MARK [1|2]: a request for nobody, or an answer.
arp() { printf '00010800060400%02x%s%s000000000000c0a8b1fe%s' "${4:-1}" "$(mac "$1")" "$(ip4 "$2")" "$(hex "MARK-$3.")"; }
# ipv6 SOURCE MARK: UDP to all nodes, its sum is nobody's matter.
ipv6() {
    local text
    text=$(hex "MARK-$2.")
    printf '60000000%04x1140%sff02000000000000000000000000000112340009%04x0001%s' \
        $((8 + ${#text} / 2)) "$1" $((8 + ${#text} / 2)) "$text"
}
# icmp6 SOURCE TO MESSAGE MARK: the mark is in a nonce (RFC 3971), an option that
# Linux sends when it looks for duplicates; a bridge cuts off what is behind.
icmp6() {
    local text units
    text=$(hex "MARK-$4.")
    units=$(((${#text} / 2 + 2 + 7) / 8))
    text+=$(printf '%0*d' $((units * 16 - 4 - ${#text})) 0)
    printf '60000000%04x3aff%s%s%s0e%02x%s' $((${#3} / 2 + units * 8)) "$1" "$2" "$3" $units "$text"
}
# Neighbour solicitation, as for detecting duplicates, and an advertisement.
NS=8700000000000000$MINE6
NA=88000000a0000000$THEIRS6
ASKED6=ff0200000000000000000001ff000002 NODES6=ff020000000000000000000000000001

# --- the guest sends, the bridge is looked at -------------------------------------
FRAMES=() WANT=()
# one MARK yes|no FRAME: whether it may pass.
one() {
    FRAMES+=("$3")
    [ "$2" = no ] || WANT+=("$1")
}
# all IF WHAT: what came is what was to come, between a beginning and an end that
# may pass, by one queue, in order.
all() {
    local got f
    sniff_start $NET_BR the-end || fail "$2: dom0 watches its bridge"
    for f in "${FRAMES[@]}"; do guest_run spoof "nettool frame $1 $f" || fail "$2: the guest sends" "$f"; done
    guest_run spoof "nettool frame $1 $(ether "$OWN" 0800 "$(ipv4 $MINE4 the-end)")"
    got=$(sniff_end)
    same "$2: ${#FRAMES[@]} frames, came: ${got:-none}" "$got" \
        "$(printf '%s\n' "${WANT[@]}" | sort -u | xargs)"
    FRAMES=() WANT=()
}
# sources IF MAC-PASSES ADDRESS-PASSES WHAT
sources() {
    local if=$1 m=$2 a=$3 other=00:16:3e:77:99:99
    one own yes "$(ether $OWN 0800 "$(ipv4 $MINE4 own)")"
    one mac-other "$m" "$(ether $other 0800 "$(ipv4 $MINE4 mac-other)")"
    one mac-other-raw "$m" "$(ether $other 88b5 "$(hex 'MARK-mac-other-raw.')$(printf '00%.0s' {1..40})")"
    # A bridge takes these two from nobody.
    one mac-group no "$(ether 01:16:3e:77:99:99 88b5 "$(hex 'MARK-mac-group.')$(printf '00%.0s' {1..40})")"
    one mac-zero no "$(ether 00:00:00:00:00:00 88b5 "$(hex 'MARK-mac-zero.')$(printf '00%.0s' {1..40})")"
    one ip-other "$a" "$(ether $OWN 0800 "$(ipv4 $THEIRS4 ip-other)")"
    one ip-loop "$a" "$(ether $OWN 0800 "$(ipv4 127.0.0.1 ip-loop)")"
    one ip-tagged "$a" "$(ether $OWN 0800 "$(ipv4 $THEIRS4 ip-tagged)" 81000005)"
    one ip-tagged-twice "$a" "$(ether $OWN 0800 "$(ipv4 $THEIRS4 ip-tagged-twice)" 88a8000581000007)"
    one own-tagged yes "$(ether $OWN 0800 "$(ipv4 $MINE4 own-tagged)" 81000005)"
    one arp-own yes "$(ether $OWN 0806 "$(arp $OWN $MINE4 arp-own)")"
    one arp-mac-other "$m" "$(ether $OWN 0806 "$(arp $other $MINE4 arp-mac-other)")"
    one arp-ip-other "$a" "$(ether $OWN 0806 "$(arp $OWN $THEIRS4 arp-ip-other)")"
    one arp-answer-other "$a" "$(ether $OWN 0806 "$(arp $OWN $THEIRS4 arp-answer-other 2)")"
    one arp-tagged "$a" "$(ether $OWN 0806 "$(arp $OWN $THEIRS4 arp-tagged)" 81000005)"
    one six-own yes "$(ether $OWN 86dd "$(ipv6 $MINE6 six-own)")"
    one six-other "$a" "$(ether $OWN 86dd "$(ipv6 $THEIRS6 six-other)")"
    one six-link yes "$(ether $OWN 86dd "$(ipv6 ${LINK6}02163efffe770001 six-link)")"
    one six-link-other "$a" "$(ether $OWN 86dd "$(ipv6 ${LINK6}0000000000000001 six-link-other)")"
    one six-dad yes "$(ether $OWN 86dd "$(icmp6 $ZERO6 $ASKED6 "$NS" six-dad)")"
    one six-zero-udp "$a" "$(ether $OWN 86dd "$(ipv6 $ZERO6 six-zero-udp)")"
    one six-tagged "$a" "$(ether $OWN 86dd "$(ipv6 $THEIRS6 six-tagged)" 81000005)"
    one six-na-other "$a" "$(ether $OWN 86dd "$(icmp6 $THEIRS6 $NODES6 "$NA" six-na-other)")"
    all "$if" "$4"
}

ADDRESSES="ip=192.168.177.2 fd00:177::2"
GUEST_VCPUS=1 check "a guest with three cards is up" guest_up freehold spoof \
    "vif = [ $(net_spec 1 "$ADDRESSES"), $(net_spec 2), $(net_spec 3) ]" \
    'freehold_vif_any_mac = [2]' || exit 0
check "dom0 answers the first, whose addresses are known" guest_net spoof eth0 177 2 || exit 0
OWN=$NET_MAC:01
before=$(net_get spoof 0 tx_spoofed)
sources eth0 no no "with addresses"
after=$(net_get spoof 0 tx_spoofed)
check "what was held back is counted: $before, then $after" test "$after" -ge $((before + 17))
check "none of it was an error" test "$(net_get spoof 0 tx_errors)" = 0
check "and it serves" guest_run spoof 'ping -c 1 -W 5 192.168.177.1'

guest_run spoof 'ip link set eth1 up; ip link set eth2 up'
net_await spoof 1 connected 30 && net_await spoof 2 connected 30
OWN=$NET_MAC:02
sources eth1 no yes "without addresses"
OWN=$NET_MAC:03
sources eth2 yes yes "any MAC"

# --- the control -------------------------------------------------------------------
if check "a card of xen-netback for the same guest" by_hand_vif spoof 7 $NET_MAC:07 $NET_BR; then
    name=$(guest_run spoof "n=0; until grep -l $NET_MAC:07 /sys/class/net/*/address; do n=\$((n + 1))
[ \$n -gt 1500 ] && exit 1; usleep 20000; done" | sed 's,/address,,; s,.*/,,')
    guest_run spoof "ip link set $name up; n=0; until [ \$(cat /sys/class/net/$name/carrier) = 1 ]; do
n=\$((n + 1)); [ \$n -gt 1500 ] && exit 1; usleep 20000; done"
    OWN=$NET_MAC:07
    sources "$name" yes yes "xen-netback lets them"
fi
domid=$(dom0 freehold domid spoof)
dom0 freehold destroy spoof
by_hand_gone "$domid"
check "nothing of its cards is left" net_no_trace spoof "$domid"
exit 0
