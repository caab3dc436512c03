#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-connect.sh - two kernels, two disks each: what is negotiated, what
# xenstore and the supervisor say, read-only, and a guest that reboots
# lab: ours
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"

disk_tools
file=$(disk_file connect.img 24)
dom0_sh "head -c 1M /dev/urandom | dd of=$file conv=notrunc status=none"

# What the guest sees of a disk, a line.
seen() { # NAME DEVICE
    guest_run "$1" "cd /sys/block/$2 && echo queues \$(ls mq | wc -l) size \$(cat size) \
        ro \$(cat ro) segments \$(cat queue/max_segments) sector \$(cat queue/logical_block_size) \
        cache \$(cat queue/write_cache) discard \$((\$(cat queue/discard_max_bytes) > 0))"
}
# What xenstore has of it, a line.
offered() { # DOMID DEVID
    dom0_sh "cd /; for k in state feature-flush-cache feature-discard multi-queue-max-queues \
            feature-max-indirect-segments max-ring-page-order sector-size info; do
        echo \$k \$(xenstore-read /local/domain/0/backend/fh-vbd/$1/$2/\$k)
    done | tr '\\n' ' '"
}
sandboxed() { # NAME VDEV
    dom0_sh "awk '/^(Uid|CapEff|CapPrm|NoNewPrivs|Seccomp):/ { v[\$1] = \$2 }
        END { exit !(v[\"Uid:\"] >= 0x70000000 && v[\"CapEff:\"] ~ /^0+\$/ &&
            v[\"CapPrm:\"] ~ /^0+\$/ && v[\"NoNewPrivs:\"] == 1 && v[\"Seccomp:\"] == 2) }' \
        /proc/$(disk_get "$1" "$2" pid)/status"
}

try() { # NAME KERNEL RING-ORDER
    local g=$1 domid sectors
    GUEST_KERNEL=$2 GUEST_CMDLINE="xen_blkfront.max_ring_page_order=$3" \
        check "$2: a guest with two disks is up" guest_up freehold "$g" \
        "disk = [ $(disk_spec xvda w raw /dev/ram0), $(disk_spec xvdb r raw "$file") ]" || return
    domid=$(dom0 freehold domid "$g")
    guest_disk "$g" xvdb
    sectors=$((64 << 11))
    same "$2: the guest sees a RAM disk: two queues, 128 KiB a request, discard" "$(seen "$g" xvda)" \
        "queues 2 size $sectors ro 0 segments 32 sector 512 cache write through discard 1"
    same "$2: and a file, read-only, with a cache to flush" "$(seen "$g" xvdb)" \
        "queues 2 size $((24 << 11)) ro 1 segments 32 sector 512 cache write back discard 0"
    check_out "$2: no persistent grants, and the guest bounces" \
        'persistent grants: disabled; indirect descriptors: enabled; bounce buffer: enabled' \
        guest_run "$g" 'dmesg | grep "blkfront: xvda"'
    same "$2: what was offered of the RAM disk" "$(offered "$domid" 51712)" \
        "state 4 feature-flush-cache 0 feature-discard 1 multi-queue-max-queues 2 feature-max-indirect-segments 256 max-ring-page-order 4 sector-size 512 info 0 "
    same "$2: and of the file" "$(offered "$domid" 51728)" \
        "state 4 feature-flush-cache 1 feature-discard 0 multi-queue-max-queues 2 feature-max-indirect-segments 256 max-ring-page-order 4 sector-size 512 info 4 "
    check_fails "$2: persistent grants are not offered" "No such|couldn't read|^0" dom0_sh "
        v=\$(xenstore-read /local/domain/0/backend/fh-vbd/$domid/51712/feature-persistent) || exit
        echo \$v; [ \$v != 0 ]"
    same "$2: the supervisor says the same" \
        "$(disk_get "$g" xvda state queues ring_pages mode size_bytes)" \
        "connected 2 $((1 << $3)) w $((64 << 20))"
    check "$2: a backend has no privileges, and no way to get any" sandboxed "$g" xvda

    # Data, and what may not be written.
    check "$2: the guest writes to one, and cannot to the other" guest_run "$g" \
        "echo it is $g | dd of=/dev/xvda bs=512 seek=1000 conv=sync,fsync || exit 1
        ! dd if=/dev/zero of=/dev/xvdb bs=4k count=1 oflag=direct"
    check_out "$2: dom0 reads it there" "it is $g" dom0_sh \
        'dd if=/dev/ram0 bs=512 skip=1000 count=1 iflag=direct status=none | tr -d "\0"'
    same "$2: the read-only disk is the same inside and outside" \
        "$(md5_guest "$g" xvdb)" "$(md5_dom0 "$file")"
    check "$2: its kernel saw no error" guest_clean "$g"
}

# The guest reboots: another domain, the same disks.
reboot() { # NAME
    local g=$1 domid
    domid=$(dom0 freehold domid "$g")
    guest_start "$g" 'reboot -f' >/dev/null
    check "it reboots" guest_await "$g" 2 300
    guest_disk "$g" xvda
    check_out "and has its disk with what it wrote" "it is $g" guest_run "$g" \
        'dd if=/dev/xvda bs=512 skip=1000 count=1 2>/dev/null | tr -d "\0"'
    check "the domain before left nothing" no_trace none "$domid"
}
ends() { # NAME
    local domid
    domid=$(dom0 freehold domid "$1")
    check "$1 ends" dom0 timeout 60 freehold destroy "$1"
    check "nothing of its disks is left" no_trace "$1" "$domid"
    check "their locks are free" dom0_sh "flock -xn $file true && flock -xn /dev/ram0 true"
}

try new 6.12 2
reboot new
ends new
if [ -n "${LONG:-}" ]; then
    try old 6.1 0
    ends old
fi
exit 0
