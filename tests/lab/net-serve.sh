#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-serve.sh - network cards of a guest that stock xl made, by freehold
# serve-net
# lab: stock
# more
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/lab/guest.sh"
. "$TOP/tests/lab/net.sh"

RUN=/run/freehold
HOST=192.168.177.1

# becomes WHAT SECONDS SCRIPT: until it is true in dom0, which nobody tells.
becomes() {
    check "$1" dom0 timeout "$2" sh -c "until { $3; }; do sleep 0.05; done"
}
# card N [WORD]: as it stands in a file of xl's.
card() { echo "mac=$NET_MAC:0$1,bridge=$NET_BR${2:+,$2}"; }
on_bridge() { # TAP
    dom0_sh "readlink /sys/class/net/$1/master | sed 's,.*/,,'"
}
journal() { dom0_sh 'journalctl -q --no-pager -u freehold-serve-net'; }

net_tools || fail "dom0 has bridges and servers"
trap 'dom0_sh "systemctl stop freehold-serve-net; modprobe xen-netback"; net_tools_gone' EXIT

check_out "the service is not enabled by itself" disabled \
    dom0_sh 'systemctl is-enabled freehold-serve-net || true'
check "its unit is well formed" dom0 systemd-analyze verify --man=no \
    freehold-serve-net.service

# --- xen-netback is in the way ----------------------------------------------
check "xen-netback is loaded" dom0 test -e /sys/bus/xen-backend/drivers/vif
check "the service starts all the same" dom0 systemctl start freehold-serve-net
check_out "... and says what is in the way, and what to do" \
    'xen-netback loaded.*modprobe -r xen-netback.*blacklist xen-netback' journal
check_out "a guest of xl's has netback's card" GUEST-UP \
    guest_up xl other "vif = [ \"$(card 9)\" ]"
other=$(dom0 xl domid other)
check "netback drives it" dom0 test -e "/sys/bus/xen-backend/devices/vif-$other-0/driver"
check "dom0 answers" guest_net other eth0 177 9
check_fails "it cannot be taken from netback" 'xen-netback serves it' \
    dom0 timeout 30 freehold serve-net "$other" 0
check "no process of ours has it" dom0_sh "! pgrep -x freehold-net && ! ls -d $RUN/.serve-net-* 2>/dev/null"
check_out "netback serves on" '^4$' \
    dom0 xenstore-read "/local/domain/0/backend/vif/$other/0/state"
check "it ends" dom0_sh "xl destroy other"
becomes "netback's card is gone" 30 "! [ -e /sys/class/net/vif$other.0 ]"
check "xen-netback goes" dom0 modprobe -r xen-netback
becomes "the service has seen it" 20 \
    "journalctl -q --no-pager -u freehold-serve-net | grep -q 'nothing is in the way any more'"

# --- a guest's card -----------------------------------------------------------
check_out "xl's guest is up with a card of ours" GUEST-UP \
    guest_up xl old "vif = [ \"$(card 1)\" ]" || exit 0
domid=$(dom0 xl domid old)
check_out "xl shows it connected" "^0 +0 +$NET_MAC:01 +0 +4 " dom0 xl network-list old
check "it is a tap of ours" dom0_sh \
    "ip -d link show vif$domid.0 | grep -q 'tun type tap' &&
    grep -q '^freehold old/vif-0 domain $domid' /sys/class/net/vif$domid.0/ifalias"
same "xl's script put it on the bridge" "$(on_bridge "vif$domid.0")" "$NET_BR"
check "dom0 answers" guest_net old eth0 177 2 || exit 0
both_ways "data" old $HOST 4000000
check_out "datagrams come back" '^right 8 lost 0 wrong 0' \
    guest_udp old $HOST 2 1 700 1472 9000

# --- the rate is heeded while it runs -----------------------------------------
# 1 MB at 100 kB/s takes ten seconds, less what is let through at once.
slow_put() {
    local from=$SECONDS
    guest_put old $HOST 1000000 >/dev/null && echo "took $((SECONDS - from))"
}
dom0 xenstore-write "/local/domain/0/backend/vif/$domid/0/rate" 5000,50000
check_out "a rate that is written is held" '^took ([6-9]|[1-9][0-9])$' slow_put
dom0 xenstore-rm "/local/domain/0/backend/vif/$domid/0/rate"
check_out "... until it is gone" '^took [0-4]$' slow_put

# --- its processes die under load -----------------------------------------------
sums=$(transfers_start old a $HOST 1000000)
becomes "packets move" 30 "[ \$(cat /sys/class/net/vif$domid.0/statistics/tx_packets) -gt 2000 ]"
backend=$(dom0 pgrep -x freehold-net)
dom0 kill -9 "$backend"
becomes "another backend is there" 30 "[ -n \"\$(pgrep -x freehold-net)\" ] && [ \"\$(pgrep -x freehold-net)\" != $backend ]"
backend=$(dom0 pgrep -x freehold-net)
dom0_sh "kill -9 \$(pgrep -f '^freehold serve-net $domid')"
becomes "another server is there" 30 "[ \$(pgrep -cf '^freehold serve-net $domid') = 1 ]"
same "the backend is the same" "$(dom0 pgrep -x freehold-net)" "$backend"
dom0_sh "kill -9 \$(pgrep -f '^freehold serve-net $domid') $backend
    systemctl restart freehold-serve-net"
becomes "server, backend and service killed: one each is there" 30 \
    "[ \$(pgrep -cx freehold-net) = 1 ] && [ \$(pgrep -cf '^freehold serve-net $domid') = 1 ]"
check_out "every sum was right" '^[1-9][0-9]* passes' transfers_stop old a "$sums"
both_ways "data after that" old $HOST 1000000
check "its kernel has no complaint" guest_net_clean old
same "the tap is on its bridge still" "$(on_bridge "vif$domid.0")" "$NET_BR"

# --- attach and detach -----------------------------------------------------------
check "xl attaches a card with a name of its own" dom0 timeout 60 \
    xl network-attach old "mac=$NET_MAC:02" "bridge=$NET_BR_LARGE" vifname=oldlan
same "the script has renamed it" "$(on_bridge oldlan)" "$NET_BR_LARGE"
check_out "with the bridge's MTU" '^9000$' dom0 cat /sys/class/net/oldlan/mtu
check "dom0 answers there" guest_net old eth1 178 2
both_ways "data by it" old 192.168.178.1 1000000
check "xl detaches it" dom0 timeout 60 xl network-detach old 1
becomes "nothing is left of it" 20 "! [ -e $RUN/.serve-net-$domid-1 ] &&
    ! [ -e /sys/class/net/oldlan ] && ! xenstore-exists /local/domain/0/backend/vif/$domid/1"
both_ways "the other one serves on" old $HOST 262144
check_fails "an address that is none fails" . dom0 timeout 90 \
    xl network-attach old "mac=$NET_MAC:03" "bridge=$NET_BR" ip=10.0.0.0/24
check_out "... and the journal says why" 'want an address' journal

# --- its end ----------------------------------------------------------------------
guest_start old 'poweroff -f' >/dev/null
becomes "the guest powers off" 60 '! xl domid old >/dev/null 2>&1'
becomes "nothing of its cards is left" 20 "! pgrep -x freehold-net && ! pgrep -f '^freehold serve-net [0-9]' &&
    ! ls -d $RUN/.serve-net-* 2>/dev/null && ! ls /sys/class/net | grep '^vif$domid\\.' &&
    ! xenstore-list backend/vif/$domid 2>/dev/null"
check_out "another is destroyed while it sends" GUEST-UP \
    guest_up xl old "vif = [ \"$(card 1)\" ]"
domid=$(dom0 xl domid old)
check "dom0 answers it" guest_net old eth0 177 2
transfers_start old b $HOST 1000000 >/dev/null
check "xl destroys it" dom0 timeout 60 xl destroy old
becomes "nothing of that one's is left" 20 "! pgrep -x freehold-net && ! pgrep -f '^freehold serve-net [0-9]' &&
    ! [ -e /sys/class/net/vif$domid.0 ]"
check "the service stops" dom0 systemctl stop freehold-serve-net
exit 0
