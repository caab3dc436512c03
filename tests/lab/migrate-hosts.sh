#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# migrate-hosts.sh - a guest with disk and card under load moves between two
# hosts, by ssh and TCP, and is refused with words where it cannot live
# lab: ours
# hosts: 2
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/diskkill.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/migrate.sh"

trap hosts_part EXIT
hosts_begin || exit 0

check "root of one may log in at the other" \
    dom0 timeout 60 ssh 192.168.77.2 true || exit 0
check "a guest with disk and card is up, its memory is checked" mem_guest mover \
    "disk = [ $(disk_spec xvda w raw $NBD) ]" "vif = [ $(net_spec 1) ]" || exit 0
check "dom0 answers it" guest_net mover eth0 177 2 || exit 0
who=$(identity mover)
domid=$(runs mover)
load=$(load_start mover xvda)
sums=$(stream_start mover 192.168.177.1)
check "fio writes and verifies" load_runs mover xvda
check "a TCP connection carries data" stream_runs mover

# goes WHAT FROM TO ssh|tcp [OPTION...]: it moves, and all of it runs on.
goes() {
    local what=$1 line domid
    line=$(on "$2" mem_last mover)
    domid=$(on "$2" runs mover)
    crossed "$what" mover "${@:2}" || return 1
    on "$3" mem_continues "$what" "$line" mover || return 1
    same "$what: measurement, guest id and vCPUs are the same" \
        "$(on "$3" identity mover)" "$who"
    check "$what: nothing is left of where it was" on "$2" gone mover "$domid"
    check "$what: ... nor of its disk" on "$2" no_trace mover "$domid"
    check "$what: ... nor of its card" on "$2" net_no_trace mover "$domid"
    check "$what: its disk is at work" on "$3" load_runs mover xvda
    check "$what: its TCP connection carries data" on "$3" stream_runs mover
}
goes "by ssh" 1 2 ssh || exit 0
goes "back, by TCP with two streams" 2 1 tcp --streams 2 || exit 0
goes "by TCP with four streams, suspended first" 1 2 tcp --streams 4 --non-live || exit 0
goes "back by ssh, held to a rate" 2 1 ssh --bandwidth 20M || exit 0

check_out "what went through its connection was right" '^sent ' \
    stream_stop mover "$sums"
check_out "every byte of its disk was right" '^[1-9][0-9]* passes' \
    load_stop mover xvda "$load"
check "its kernel saw no error of a disk" guest_clean mover
check "nor of a card" guest_net_clean mover
mem_clock "it tells dom0's time" mover

# --- where it cannot live ---------------------------------------------------------------
# refused WHAT REGEX NAME [REGEX-AT-THE-DESTINATION]: it runs on here.
refused() {
    local line rc=0 out domid FROM_ON=1 TO_ON=2 received
    line=$(mem_last "$3")
    domid=$(runs "$3")
    on 2 receive_start "$3" --tcp 192.168.77.2:7001 >/dev/null
    out=$(send "$3" --tcp 192.168.77.2:7001) || rc=$?
    received=$(on 2 receive_end "$3")
    if [ $rc != 0 ] && ! said_end moved "$out" && grep -qiE -- "$2" <<<"$out" &&
        ! grep -q '^status 0$' <<<"$received"; then
        pass "$1"
    else
        fail "$1" "status $rc, want words that match /$2/
$(why "$3" "$3" "$out" "$received")"
    fi
    same "$1: it is where it was" "$(runs "$3")" "$domid"
    mem_continues "$1" "$line" "$3"
    check "$1: nothing of it is there" on 2 dom0_sh "! xl domid $3 2>/dev/null &&
        ! ls -d /run/freehold/$3 2>/dev/null"
}
# --check says the same and asks no guest.
would_not() { # WHAT REGEX NAME
    on 2 receive_start "$3" --tcp 192.168.77.2:7001 >/dev/null
    check_fails "$1" "$2" send "$3" --check --tcp 192.168.77.2:7001
    on 2 receive_end "$3" >/dev/null
}
on 1 dom0_sh 'ip link add fhonly type bridge && ip link set fhonly up'
check "a card of the guest is on a bridge that only one host has" dom0 timeout 60 \
    freehold network-attach mover "mac=$NET_MAC:05,bridge=fhonly"
would_not "--check tells of the bridge" fhonly mover
refused "the missing bridge is told" fhonly mover
check "it is detached" dom0 timeout 60 freehold network-detach mover 1
on 1 dom0_sh 'ip link del fhonly'

only=$(disk_file only.img 4)
check "a disk of the guest is in a file that only one host has" dom0 timeout 60 \
    freehold block-attach mover "format=raw,vdev=xvdb,access=w,target=$only"
refused "the missing file is told" 'only\.img|xvdb' mover
check "it is detached" dom0 timeout 60 freehold block-detach mover xvdb
on 1 dom0_sh "cd /root/disks; truncate -s 4M local.img
    qemu-nbd -t -f raw -x local -b 127.0.0.1 -p 10811 --fork \
        --pid-file /root/disks/local.pid local.img"
check "a disk of the guest is served to one host alone" dom0 timeout 60 \
    freehold block-attach mover "format=raw,vdev=xvdb,access=w,target=nbd://127.0.0.1:10811/local"
refused "the server that is not there is told" '10811|xvdb' mover
check "it is detached" dom0 timeout 60 freehold block-detach mover xvdb
on 1 dom0_sh 'kill $(cat /root/disks/local.pid)'

free=$(on 2 dom0 freehold info free_memory)
on 2 guest_config fat 'kernel = "/freehold/guest/tiny.elf"' 'ramdisk = ""' \
    "memory = $((free - 200))" 'vcpus = 1' 'cmdline = "spin"'
check "the other host is filled up" on 2 guest_create freehold fat
refused "too little memory is told" 'memory|MiB|KiB' mover
on 2 dom0 freehold destroy fat
load=$(load_start mover xvda)
sums=$(stream_start mover 192.168.177.1)
goes "nothing of these is in its way, by ssh" 1 2 ssh
on 2 dom0 freehold destroy mover
nbd_stop
exit 0
