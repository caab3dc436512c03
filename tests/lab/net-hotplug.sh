#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-hotplug.sh - cards come and go while their guest runs, restarts, is paused
# or ends; rates hold, scripts run, figures tell
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/net.sh"

net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT
attach() { # GUEST WORD...: as xl takes it
    dom0 timeout 60 freehold network-attach "$@"
}
detach() { dom0 timeout 60 freehold network-detach "$@"; }
# no_card GUEST DOMID DEVID: neither side has anything of it.
no_card() {
    dom0_sh "! xenstore-ls /local/domain/0/backend/fh-vif/$2/$3 2>/dev/null | grep . &&
        ! xenstore-ls /local/domain/$2/device/vif/$3 2>/dev/null | grep . &&
        ! pgrep -af '^freehold-net( -v)? $1/vif-$3' && ! [ -e /sys/class/net/vif$2.$3 ] &&
        ! ls /run/freehold/$1/ | grep 'vif-$3'"
}
# sees GUEST N yes|no: a card of that number is there, or is not any more.
sees() {
    local not=''
    [ "$3" = yes ] || not='!'
    guest_run "$1" "n=0; until $not grep -q $NET_MAC:0$2 /sys/class/net/*/address; do n=\$((n + 1))
[ \$n -gt 1500 ] && cat /sys/class/net/*/address && exit 1; usleep 20000; done 2>/dev/null"
}

GUEST_VCPUS=1 GUEST_MEM=160 guest_config plug "vif = [ $(net_spec 1) ]"
check "a guest is made" guest_create freehold plug || exit 0

# --- meanwhile: what cannot be ------------------------------------------------------
spin() { # NAME SPEC
    printf '%s\n' "name = \"$1\"" 'type = "pvh"' 'memory = 16' 'vcpus = 1' \
        'kernel = "/freehold/guest/tiny.elf"' 'cmdline = "spin"' "vif = [ \"$2\" ]" |
        host_ssh 1 "cat >/root/guest/$1.cfg"
}
spin none "mac=$NET_MAC:08,bridge=nobridge"
check_fails "a guest whose bridge is not there is not made" 'nobridge' \
    dom0 timeout 60 freehold create /root/guest/none.cfg
check "nothing of it is left" dom0_sh '[ "$(ls /run/freehold)" = plug ] &&
    [ "$(ls /sys/class/net | grep -c "^vif")" = 1 ]'
spin end "mac=$NET_MAC:08,bridge=$NET_BR"
check "a guest that never looks at its card is made" dom0 timeout 60 freehold create /root/guest/end.cfg
end=$(dom0 freehold domid end)
same "its card waits" "$(net_get end 0 state)" waiting
check "destroy" dom0 freehold destroy end
check "leaves nothing of it" net_no_trace end "$end"

# --- come and go ----------------------------------------------------------------------
check "the first guest is up" guest_await plug || exit 0
check "dom0 answers it" guest_net plug eth0 177 2 || exit 0
domid=$(dom0 freehold domid plug)
check_out "network-attach says its number" '^1$' attach plug "mac=$NET_MAC:02,bridge=$NET_BR_LARGE,mtu=9000"
check "the guest sees it" sees plug 2 yes
check "and dom0 answers" guest_net plug eth1 178 3
both_ways "the card that was attached" plug 192.168.178.1 500000
check "network-list has both, in xl's columns" dom0_sh "freehold network-list plug >/tmp/l; cat /tmp/l
    head -n 1 /tmp/l | grep -qE '^Idx +BE +Mac Addr\\. +handle +state' &&
        grep -qE '^0 +0 +$NET_MAC:01 .* 4 ' /tmp/l && grep -qE '^1 +0 +$NET_MAC:02 .* 4 ' /tmp/l"
check_fails "the same address again is refused" "$NET_MAC:02" attach plug "mac=$NET_MAC:02,bridge=$NET_BR"
check_fails "a bridge that is not there is, too" 'nobridge' attach plug "mac=$NET_MAC:05,bridge=nobridge"
check_fails "and a word that is none" 'colour' attach plug "mac=$NET_MAC:05,colour=red"
check "and no card" no_card plug "$domid" 2

# --- its rate -------------------------------------------------------------------------
# ms_of BYTES: how long that takes to go out.
ms_of() {
    guest_run plug "head -c $1 /dev/zero >/tmp/z; read a b </proc/uptime
{ echo PUT; cat /tmp/z; } | timeout 120 nc 192.168.177.1 5001 >/dev/null || exit 1
read c d </proc/uptime; rm /tmp/z; echo \$(((\${c%.*}\${c#*.} - \${a%.*}\${a#*.}) * 10))"
}
check "network_rate" net_call plug network_rate '{"vif": 0, "rate": "8Mb/s@20ms"}'
same "info has it: bytes and microseconds" "$(net_get plug 0 rate_bytes rate_usecs)" "20000 20000"
ms=$(ms_of 4000000)
# 4 s, less what an interval lets through at once.
if [ "${ms:-0}" -ge 3600 ]; then
    pass "4 MB take at least 4 s at 1 MB/s: $ms ms"
else
    fail "4 MB take at least 4 s at 1 MB/s" "want 3600 ms at least, got: $ms"
fi
waits=$(net_get plug 0 waits)
check "they are counted as having waited: $waits" test "$waits" -gt 0
check "no rate" net_call plug network_rate '{"vif": 0, "rate": ""}'
ms_of 1000000 >/dev/null
same "then none waits" "$(net_get plug 0 waits rate_bytes)" "$waits 0"

# --- taken away ---------------------------------------------------------------------------
check "network-detach by its address" detach plug "$NET_MAC:02"
check "the guest has lost it" sees plug 2 no
check "neither side has anything of it" no_card plug "$domid" 1
check "the other serves" guest_run plug 'ping -c 1 -W 5 192.168.177.1'
check_out "again, the same" '^1$' attach plug "mac=$NET_MAC:02,bridge=$NET_BR"
check "the guest sees it" sees plug 2 yes
check "network-detach by its number" detach plug 1
check "nothing is left of it" no_card plug "$domid" 1
check_fails "a card that is not there" '7' detach plug 7

# One that is deaf for a while keeps what it has.
check_out "once more" '^1$' attach plug "mac=$NET_MAC:02,bridge=$NET_BR"
check "the guest sees it" sees plug 2 yes
dom0 freehold pause plug
check_fails "a paused guest lets go of nothing, and how to force it is named" 'not let go of it.*-f' detach plug 1
# With a number of its own: Linux looks at a device's name alone, and would take it
# for the one that goes.
check_out "it can be given another" '^2$' attach plug "mac=$NET_MAC:03,bridge=$NET_BR"
check "with force it is taken" detach -f plug 1
check "nothing of it is left" no_card plug "$domid" 1
dom0 freehold unpause plug
check "it wakes up and finds it" sees plug 3 yes
check "but not the other" sees plug 2 no
check "its first card serves" guest_run plug 'ping -c 1 -W 10 192.168.177.1'

# --- scripts ---------------------------------------------------------------------------------
dom0_sh 'cat >/etc/xen/scripts/vif-lab; chmod 755 /etc/xen/scripts/vif-lab; rm -f /root/guest/vif-lab.log
    mkdir -p /etc/xen/scripts/vif-post.d' <<'SCRIPT'
#!/bin/sh
echo "$1 vif=$vif XENBUS_PATH=$XENBUS_PATH $2 script=$script $(xenstore-read "$XENBUS_PATH/bridge")" >>/root/guest/vif-lab.log
case $1 in
online | add) ip link set "$vif" master "$(xenstore-read "$XENBUS_PATH/bridge")" up ;;
esac
xenstore-write "$XENBUS_PATH/hotplug-status" connected
SCRIPT
dom0_sh 'printf "echo post \$command \$dev >>/root/guest/vif-lab.log\n" >/etc/xen/scripts/vif-post.d/50-lab.hook
    chmod 755 /etc/xen/scripts/vif-post.d/50-lab.hook'
check_out "a card with a script of its user's" '^1$' attach plug "mac=$NET_MAC:04,bridge=$NET_BR,script=vif-lab"
check "the guest sees it" sees plug 4 yes
net_await plug 1 connected 60
same "the script put it on its bridge" "$(dom0_sh "basename \$(readlink /sys/class/net/vif$domid.1/master)")" "$NET_BR"
check_out "it had xl's environment" \
    "vif=vif$domid.1 XENBUS_PATH=\\S*backend/fh-vif/$domid/1 type_if=vif script=\\S*vif-lab $NET_BR" \
    dom0 cat /root/guest/vif-lab.log
# A script of xl's own calls the hooks; this one does not.
check_fails "what is in vif-post.d is not run behind it" '^$' \
    dom0 grep '^post' /root/guest/vif-lab.log
check "it is detached" detach plug 1
check_out "and the script ran for that" '^(offline|remove) ' dom0 cat /root/guest/vif-lab.log
check_out "a card without a script" '^1$' attach plug "mac=$NET_MAC:04,bridge=$NET_BR"
net_await plug 1 connected 60
check_out "what is in vif-post.d runs for that" "^post (online|add) vif$domid.1" \
    dom0 cat /root/guest/vif-lab.log
check "it is detached" detach plug 1
dom0 rm -f /etc/xen/scripts/vif-lab /etc/xen/scripts/vif-post.d/50-lab.hook

# --- over a restart ---------------------------------------------------------------------------
check "the guest restarts" dom0 freehold reboot plug
check "and is up again" guest_await plug 2 || exit 0
check "with the card that was attached" sees plug 3 yes
check "and without those that were taken" sees plug 2 no
check "dom0 answers it" guest_net plug eth0 177 2
again=$(dom0 freehold domid plug)
check "nothing is left of its first domain" net_no_trace none "$domid"
check "it is destroyed with its cards" dom0 freehold destroy plug
check "nothing of them is left" net_no_trace plug "$again"
check "nor a file" dom0_sh '! ls /run/freehold | grep .'
exit 0
