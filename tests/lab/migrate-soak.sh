#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-soak.sh - a guest of two vCPUs goes there and back between two hosts,
# fifty times, under fio, iperf3, a TCP stream with a sum and a memory checker
# lab: ours
# hosts: 2
# long
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/diskkill.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/migrate.sh"

TIMES=${MIGRATE_SOAK:-50} # there or back
SECS=36000 # longer than all of it: iperf3 is stopped

trap hosts_part EXIT
hosts_begin || exit 0
check "a guest with disk and card is up, its memory is checked" mem_guest soak \
    "disk = [ $(disk_spec xvda w raw $NBD) ]" "vif = [ $(net_spec 1) ]" || exit 0
check "dom0 answers it" guest_net soak eth0 177 2 || exit 0
who=$(identity soak)
line=$(mem_last soak)
load=$(load_start soak xvda)
sums=$(stream_start soak 192.168.177.1)
iperf=$(guest_start soak "iperf3 -c 192.168.177.1 --bidir -b 4M -t $SECS -i 0 2>&1")
check "fio writes and verifies" load_runs soak xvda
check "a TCP connection carries data" stream_runs soak
check "iperf3 runs" net_until soak 0 tx_packets ge 2000 60
held=
empty=

# once FROM TO WAY OPTION...: words if anything is not as it should be.
once() {
    local domid
    domid=$(on "$1" runs soak)
    line=$(on "$1" mem_last soak)
    crossed "from $1 to $2 by $3 ${*:4}" soak "$@" >"$FREEHOLD_RESULTS/$SUITE-moved" ||
        { cat "$FREEHOLD_RESULTS/$SUITE-moved"; return 1; }
    on "$2" mem_goes_on soak 1 >/dev/null && on "$1" gone soak "$domid" &&
        on "$2" load_runs soak xvda
}
bad=
began=$SECONDS
for i in $(seq "$TIMES"); do
    case $((i % 6)) in 1) way=ssh ;; 2) way="tcp --streams 2" ;; 3) way="tcp --non-live" ;;
    4) way="tcp --streams 4" ;; 5) way="ssh --bandwidth 40M" ;; 0) way=tcp ;; esac
    if ! out=$(once $((2 - i % 2)) $((1 + i % 2)) $way 2>&1); then
        bad="the ${i}th: $out"
        break
    fi
    # Each second one: both hosts are as they were behind the first two.
    [ $((i % 2)) = 0 ] || continue
    now=$(on 1 levels soak)
    [ -n "$held" ] || { held=$now; empty=$(on 2 levels); }
    if ! out=$(on 1 settled 60 soak $held 2>&1) || ! out=$(on 2 settled 60 $empty 2>&1); then
        bad="behind the ${i}th: $out"
        break
    fi
    echo "     | $i of $TIMES, $((SECONDS - began)) s: $now"
done
if [ -z "$bad" ]; then
    pass "it moved $TIMES times, and nothing was lost at either host"
else
    fail "it moves $TIMES times, and nothing is lost at either host" "$bad"
fi
at=$(on 1 runs soak >/dev/null && echo 1 || echo 2)
on $at mem_continues "behind these" "$line" soak || exit 0
same "measurement, guest id and vCPUs are the same" "$(on $at identity soak)" "$who"
on $at mem_clock "it tells dom0's time" soak
check "iperf3's connections live" on $at guest_run soak 'pidof iperf3 && kill -INT $(pidof iperf3)'
# iperf3's status is 1 then.
interrupted() { guest_wait soak "$iperf" 120 || [ $? = 1 ]; }
check_out "it ran until it was stopped" 'interrupt.*terminated' on $at interrupted
check_out "what went through the other connection was right" '^sent ' \
    on $at stream_stop soak "$sums"
check_out "every byte of its disk was right" '^[1-9][0-9]* passes' \
    on $at load_stop soak xvda "$load"
check "its kernel saw no error of a disk" on $at guest_clean soak
check "nor of a card" on $at guest_net_clean soak
check_out "nor anything else" '^none$' on $at mem_answer soak \
    'dmesg | grep -iE "hung_task|blocked for|soft lockup|call trace" || echo none'
check "destroy ends it" on $at dom0 freehold destroy soak
nbd_stop
exit 0
