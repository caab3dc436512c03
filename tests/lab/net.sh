# SPDX-License-Identifier: MIT
# net.sh - network cards of guests, as dom0 and the guest see them: for suites
# net-*
#
# Source lib.sh and guest.sh first.  dom0 is the first address of each bridge's
# networks; there it takes and gives data with sums (port 5001), iperf3 (5201)
# and sends UDP back (5002).

NET_BR=fhbr0       # MTU 1500: 192.168.177.0/24 and fd00:177::/64
NET_BR_LARGE=fhbr9 # MTU 9000: 192.168.178.0/24 and fd00:178::/64
NET_MAC=00:16:3e:77:00

# net_tools: put what runs in dom0 there, make the bridges, start the servers.
# Once, before the others.
net_tools() {
    guest_tools
    dom0_sh 'cat >/root/guest/net && chmod 755 /root/guest/net' \
        <"$TOP/tests/lab/tools/net.py"
    dom0_sh 'cat >/root/guest/by-hand' <<'HAND'
set -e
dom=$(freehold domid "$1")
be=/local/domain/0/backend/vif/$dom/$2
fe=/local/domain/$dom/device/vif/$2
xenstore-write $fe '' $be ''
xenstore-chmod $fe n$dom r0
xenstore-chmod $be n0 r$dom
xenstore-write $be/frontend $fe $be/frontend-id $dom $be/online 1 \
    $be/script /bin/true $be/mac $3 $be/bridge $4 $be/handle $2 \
    $be/type vif $be/hotplug-status '' $be/state 1 \
    $fe/backend $be $fe/backend-id 0 $fe/mac $3 $fe/handle $2 \
    $fe/trusted ${5:-0} $fe/state 1
n=0
until [ -e /sys/class/net/vif$dom.$2 ]; do
    n=$((n + 1)); [ $n -lt 400 ] || { echo no vif$dom.$2; exit 1; }
    sleep 0.05
done
ip link set vif$dom.$2 mtu "$(cat /sys/class/net/$4/mtu)" master $4
ip link set vif$dom.$2 up
xenstore-write $be/hotplug-status connected
HAND
    dom0_sh "modprobe bridge && modprobe tun && modprobe xen-netback || exit 1
        cat >/root/guest/bridge <<'B'
ip link del \$1 2>/dev/null
# An address of its own: one that follows its ports' drops every neighbour.
ip link add \$1 address 02:16:3e:77:00:fe type bridge stp_state 0 forward_delay 0 mcast_snooping 0 || exit 1
echo 0 >/proc/sys/net/ipv6/conf/\$1/accept_dad
ip link set \$1 mtu \$2 && ip addr add 192.168.\$3.1/24 dev \$1 &&
ip addr add fd00:\$3::1/64 dev \$1 nodad && ip link set \$1 up
B
        sh /root/guest/bridge $NET_BR 1500 177 &&
            sh /root/guest/bridge $NET_BR_LARGE 9000 178 || exit 1
        for s in serve echo iperf3; do
            [ ! -e /root/guest/\$s.pid ] || kill \$(tr -d '\\0' </root/guest/\$s.pid) 2>/dev/null
        done
        : >/root/guest/serve.log; : >/root/guest/echo.log
        setsid /root/guest/net serve 5001 >/root/guest/serve.log 2>&1 </dev/null &
        echo \$! >/root/guest/serve.pid
        setsid nettool echo 5002 >/root/guest/echo.log 2>&1 </dev/null &
        echo \$! >/root/guest/echo.pid
        iperf3 -s -D -I /root/guest/iperf3.pid --forceflush \
            --logfile /root/guest/iperf3.log" || return 1
    wait_log 20 '^ready' /root/guest/serve.log &&
        wait_log 20 '^ready' /root/guest/echo.log
}
net_tools_gone() {
    dom0_sh "for s in serve echo iperf3; do
            kill \$(tr -d '\0' </root/guest/\$s.pid) 2>/dev/null
        done
        ip link del $NET_BR; ip link del $NET_BR_LARGE; true"
}

# --- what a supervisor says of its cards ----------------------------------------
net_get() { dom0 /root/guest/net get "$@"; }     # NAME DEVID FIELD...
net_await() { dom0 /root/guest/net await "$@"; } # NAME DEVID STATE SECONDS [CMD]
# net_until NAME DEVID FIELD eq|ne|ge VALUE SECONDS
net_until() { dom0 /root/guest/net until "$@"; }
net_call() { dom0 /root/guest/net call "$@"; } # NAME METHOD JSON
# net_serves NAME DEVID PID SECONDS: another process than PID moves packets.
net_serves() { dom0 /root/guest/net serves "$@"; }
net_kill() { dom0 timeout 180 /root/guest/net kill "$@"; } # each|quick NAME DEVID N
# net_spec N [WORD]: a member of vif=[], of that number, on the small bridge
# unless a WORD says otherwise.
net_spec() { echo "\"mac=$NET_MAC:0$1,bridge=$NET_BR${2:+,$2}\""; }
net_no_trace() { # NAME DOMID
    dom0_sh "! pgrep -af '[f]reehold-net $1/' && ! ls /sys/class/net | grep '^vif$2\\.' &&
        ! xenstore-ls /local/domain/0/backend/fh-vif/$2 2>/dev/null | grep ."
}

# by_hand_vif NAME DEVID MAC BRIDGE [TRUSTED]: a card of xen-netback for a guest
# of ours: nodes, and the device put on the bridge.  Both ends begin at once, so
# all that they read first goes in by one transaction.
by_hand_vif() { dom0 sh /root/guest/by-hand "$@"; }
# by_hand_gone DOMID: what is left of such cards; the domain has ended.
by_hand_gone() { dom0_sh "xenstore-rm /local/domain/0/backend/vif/$1 2>/dev/null; true"; }

# --- in the guest ---------------------------------------------------------------
# guest_net NAME IF NETWORK HOST: until it is there and dom0 answers.  NETWORK is
# 177 or 178.
guest_net() {
    guest_run "$1" "i=$2; n=0
until [ -e /sys/class/net/\$i ]; do n=\$((n + 1))
[ \$n -gt 3000 ] && echo no \$i && exit 1; usleep 20000; done
echo 0 >/proc/sys/net/ipv6/conf/\$i/accept_dad
ip link set \$i up && ip addr add 192.168.$3.$4/24 dev \$i &&
ip addr add fd00:$3::$4/64 dev \$i || exit 1
n=0; until ping -c 1 -W 1 192.168.$3.1 >/dev/null; do n=\$((n + 1))
[ \$n -gt 30 ] && ip addr && exit 1; done
n=0; until ping -6 -c 1 -W 1 fd00:$3::1 >/dev/null; do n=\$((n + 1))
[ \$n -gt 30 ] && ip -6 addr && exit 1; done; exit 0"
}
# guest_if NAME MAC: the name of the card with that address.
guest_if() {
    guest_run "$1" "for i in /sys/class/net/*; do
[ \$(cat \$i/address) = $2 ] && echo \${i##*/} && exit 0; done; exit 1"
}
# guest_put NAME HOST BYTES: random bytes out, their sum back: "SENT GOT", and
# fails if these differ.
guest_put() {
    guest_run "$1" "f=/tmp/put.\$\$; head -c $3 /dev/urandom >\$f
got=\$({ echo PUT; cat \$f; } | timeout 120 nc $2 5001 | cut -d' ' -f1)
sent=\$(sha256sum <\$f | cut -c 1-64); rm \$f; echo \$sent \$got; [ \$sent = \"\$got\" ]"
}
# guest_get NAME HOST BYTES SEED: bytes in; prints their sum.
guest_get() {
    guest_run "$1" "echo GET $3 $4 | timeout 120 nc $2 5001 | sha256sum | cut -c 1-64"
}
net_sum() { dom0 /root/guest/net sum "$1" "$2"; } # BYTES SEED
# guest_udp NAME HOST COUNT BYTES...: there and back, compared.
guest_udp() { guest_run "$1" "nettool udp $2 5002 $3 ${*:4}"; }
# guest_net_clean NAME: its kernel has no complaint about a card.
guest_net_clean() {
    guest_run "$1" 'dmesg | grep -iE "netfront.*(fail|invalid|bad|disabled)|vif.*(error|bad)|rx->offset|hung_task|blocked for|tx timeout" && exit 1; exit 0'
}

# both_ways WHAT GUEST HOST BYTES: each direction with its sum.
both_ways() {
    local seed=$RANDOM$RANDOM out
    if out=$(guest_put "$2" "$3" "$4" 2>&1); then
        pass "$1: $4 bytes out: ${out:0:12}"
    else
        fail "$1: $4 bytes out" "sent and got: $out"
    fi
    out=$(guest_get "$2" "$3" "$4" $seed 2>&1)
    same "$1: $4 bytes in: ${out:0:12}" "$out" "$(net_sum "$4" $seed)"
}

# --- loads -----------------------------------------------------------------------
# transfers_start NAME TAG HOST BYTES: out and in with sums, again and again,
# until transfers_stop, which says how often.
transfers_start() {
    local seed=$RANDOM sum
    sum=$(net_sum "$4" "$seed")
    guest_start "$1" "n=0; f=/tmp/t.$2; head -c $4 /dev/urandom >\$f; s=\$(sha256sum <\$f | cut -c 1-64)
until [ -e /tmp/stop.$2 ]; do
g=\$({ echo PUT; cat \$f; } | timeout 300 nc $3 5001 | cut -d' ' -f1)
[ \"\$g\" = \$s ] || { echo out: sent \$s got \$g; exit 1; }
g=\$(echo GET $4 $seed | timeout 300 nc $3 5001 | sha256sum | cut -c 1-64)
[ \$g = $sum ] || { echo in: want $sum got \$g; exit 1; }
n=\$((n + 1)); done; rm /tmp/stop.$2 \$f; echo \$n passes"
}
transfers_stop() { # NAME TAG ID
    guest_run "$1" "touch /tmp/stop.$2" && guest_wait "$1" "$3" 400
}

# --- what reaches a bridge --------------------------------------------------------
# sniff_start BRIDGE END: watch until a frame with the text END comes.
sniff_start() {
    dom0_sh "rm -f /root/guest/sniff.out
        setsid timeout 120 /root/guest/net sniff $1 $2 >/root/guest/sniff.out 2>&1 </dev/null &"
    wait_log 20 '^ready' /root/guest/sniff.out
}
# sniff_end: wait for it; prints the marks that came, sorted, in one line.
sniff_end() {
    wait_log 60 '^end' /root/guest/sniff.out >/dev/null || echo "no end of it:"
    dom0_sh "sed -n 's/^mark //p' /root/guest/sniff.out | sort -u | xargs"
}
