#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-restart.sh - backends and supervisors are killed under iperf3 and under
# transfers with sums: the guest sees a pause, and its TCP connections live on
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/diskkill.sh"

net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT
GUEST_VCPUS=1 GUEST_MEM=160 guest_config lame "vif = [ $(net_spec 3), $(net_spec 4) ]"
guest_config fast "vif = [ $(net_spec 1), $(net_spec 2) ]"
check "a guest with two cards is made" guest_create freehold fast || exit 0
check "and another" guest_create freehold lame || exit 0
check "they are up" guest_await fast && check "(the other)" guest_await lame || exit 0
check "dom0 answers" guest_net fast eth0 177 2 || exit 0
check "(and the other)" guest_net lame eth0 177 4 || exit 0
domid=$(dom0 freehold domid fast)
lame=$(dom0 freehold domid lame)
pid() { net_get "${1:-fast}" "${2:-0}" pid; }

# --- a program that ends at once, from its supervisor's view alone -------------
dom0_sh 'printf "#!/bin/sh\nexit 3\n" >/root/guest/bad
    cat >/root/guest/with-bad; chmod 755 /root/guest/bad /root/guest/with-bad' <<'WITH'
#!/bin/sh
# with-bad CMD...: where freehold-net is /root/guest/bad
exec unshare -m sh -c '
    mount --bind /root/guest/bad /usr/libexec/freehold/freehold-net && exec "$@"' sh "$@"
WITH
dom0 kill -9 "$(supervisor_pid lame)"
check "lame's supervisor is another, with a bad program for backends" \
    adopt lame /root/guest/with-bad
both_ways "its cards are served on" lame 192.168.177.1 262144
dom0 kill -9 "$(pid lame 1)"
net_await lame 1 failed 100 >"$FREEHOLD_RESULTS/net-failed" 2>&1 & # 33 s
failed=$!

# --- killed under load -----------------------------------------------------------
# One connection each way for all of it: it must be the same one at the end.
SECS=3600 # longer than all of it: it is stopped
iperf=$(guest_start fast "iperf3 -c 192.168.177.1 --bidir -t $SECS -i 0 --connect-timeout 5000 2>&1")
check "iperf3 runs both ways" net_until fast 0 tx_packets ge 2000 60
sums=$(transfers_start fast a 192.168.177.1 1000000)
alive() { # WHEN
    check "$1: iperf3's connections live" guest_run fast 'pidof iperf3'
}
check "the backend is killed 3 times, each when the one before serves" net_kill each fast 0 3
alive "killed 3 times"
check "another 4 times, each as soon as there is one" net_kill quick fast 0 4
alive "killed 4 times more"

before=$(pid)
check "the supervisor is killed" dom0 kill -9 "$(supervisor_pid fast)"
check "another one takes the guest over" adopt fast
same "the backend is the same" "$(pid)" "$before"
alive "the supervisor killed"
check "a backend is killed after that" net_kill each fast 0 1
alive "and a backend"
lost=$(pid)
dom0 kill -9 "$(supervisor_pid fast)" "$lost"
check "supervisor and backend killed at once: taken over" adopt fast
check "another one serves" net_serves fast 0 "$lost" 60
alive "both at once"
before=$(pid)
sup=$(supervisor_pid fast)
check "reload" dom0 timeout 60 freehold reload fast
same "it is the same supervisor and backend" "$(supervisor_pid fast) $(pid)" "$sup $before"

guest_run fast 'kill -INT $(pidof iperf3)'
out=$(guest_wait fast "$iperf" 120 2>&1)
sent=$(grep -E 'sender|receiver' <<<"$out" | sed 's/^ *//')
if grep -q 'terminated' <<<"$out" && [ -n "$sent" ]; then
    pass "iperf3 ran until it was stopped: $(sed -n '1p' <<<"$sent")"
else
    fail "iperf3 ran until it was stopped" "$out"
fi
check_out "every sum was right" '^[1-9][0-9]* passes' transfers_stop fast a "$sums"
check_out "datagrams come back as ever" '^right 20 lost 0 wrong 0' \
    guest_udp fast 192.168.177.1 5 1 700 1472 9000
check "its kernel has no complaint" guest_net_clean fast
same "no packet was malformed, or another's" "$(net_get fast 0 tx_errors tx_spoofed)" "0 0"

# --- carrier and addresses are as before, and the other card never noticed -------
same "the other card's backend never died" "$(net_get fast 1 restarts)" 0
same "the carrier is on" "$(guest_run fast 'cat /sys/class/net/eth0/carrier')" 1

# --- a backend that cannot live ----------------------------------------------------
check "a backend that ends at once is given up" wait $failed
why='its backend died [0-9]+ times in a minute, at last: [^ ]'
check_out "xenstore says why" "$why" \
    dom0 xenstore-read "/local/domain/0/backend/fh-vif/$lame/1/error"
both_ways "the guest's other card serves" lame 192.168.177.1 262144

check "destroy ends them" dom0_sh "freehold destroy fast && freehold destroy lame"
check "nothing of fast's cards is left" net_no_trace fast "$domid"
check "nor of lame's" net_no_trace lame "$lame"
exit 0
