#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# net-soak.sh - a guest with disk and card receives a large file onto its disk,
# sums it and sends it back, while the card's backend is killed five times
# lab: ours
# long
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/net.sh"

MIB=${NET_SOAK_MIB:-1024} # of the file
LIMIT_S=${NET_SOAK_S:-3000}
BYTES=$((MIB << 20))
disk_tools
net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT
file=$(disk_file soak.img $((MIB + 128)))
dom0 mke2fs -q -t ext4 -F "$file"
check "a guest with a disk and a card is up" guest_up freehold soak \
    "disk = [ $(disk_spec xvda w raw "$file") ]" "vif = [ $(net_spec 1) ]" || exit 0
check "dom0 answers it" guest_net soak eth0 177 2 || exit 0
guest_disk soak xvda
check "its disk is mounted" guest_run soak 'mount -t ext4 /dev/xvda /mnt'
domid=$(dom0 freehold domid soak)

# kills FIELD N: so many, spread over the transfer; what it did is in a file.
kills() {
    dom0 timeout "$LIMIT_S" /root/guest/net killat soak 0 "$1" $((BYTES / ($2 + 1))) "$2" 2>&1
}
seed=$RANDOM$RANDOM
want=$(net_sum $BYTES $seed)
id=$(guest_start soak "echo GET $BYTES $seed | timeout $LIMIT_S nc 192.168.177.1 5001 >/mnt/f; sync
stat -c %s /mnt/f; sha256sum </mnt/f | cut -c 1-64")
out=$(kills rx_bytes 3) && rc=0 || rc=$?
same "its backend is killed 3 times while $MIB MiB come: $(tail -n 1 <<<"$out")" \
    "$rc $(grep -c '^killed at' <<<"$out")" "0 3"
got=$(guest_wait soak "$id" "$LIMIT_S" 2>&1)
same "$MIB MiB came, as they were" "$(xargs <<<"$got")" "$BYTES $want"

id=$(guest_start soak "echo 3 >/proc/sys/vm/drop_caches
{ echo PUT; cat /mnt/f; } | timeout $LIMIT_S nc 192.168.177.1 5001")
out=$(kills tx_bytes 2) && rc=0 || rc=$?
same "its backend is killed twice while they go back: $(tail -n 1 <<<"$out")" \
    "$rc $(grep -c '^killed at' <<<"$out")" "0 2"
got=$(guest_wait soak "$id" "$LIMIT_S" 2>&1)
same "$MIB MiB went back, as they were" "$(xargs <<<"$got")" "$want $BYTES"

same "the backend died five times, and nothing was malformed" \
    "$(net_get soak 0 restarts tx_errors tx_spoofed)" "5 0 0"
same "no request of the disk failed" "$(disk_get soak xvda errors)" 0
check "its kernel has no complaint about the disk" guest_clean soak
check "nor about the card" guest_net_clean soak
check "its disk is unmounted" guest_run soak 'umount /mnt'
check "destroy" dom0 freehold destroy soak
check "leaves nothing of its card" net_no_trace soak "$domid"
check "nor of its disk" no_trace soak "$domid"
check "the file system is sound" dom0 e2fsck -f -n "$file"
dom0 rm -f "$file"
exit 0
