#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-verify.sh - fio writes and reads back by checksum, over sizes and depths,
# on a RAM disk and files; what is outside is what is inside
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"

disk_tools
file=$(disk_file verify.img 64)
direct=$(disk_file direct.img 64)
system=$(disk_file system.img 32)
dom0_sh "dd if=/dev/zero of=/dev/ram1 bs=1M count=64 status=none; mke2fs -q -t ext4 -F $system"
check "a guest is up" guest_up freehold verify "disk = [
    $(disk_spec xvda w raw /dev/ram1), $(disk_spec xvdb w raw "$file"),
    \"format=raw,vdev=xvdc,access=w,direct-io-safe,target=$direct\",
    $(disk_spec xvdd w raw "$system") ]" || exit 0
guest_disk verify xvdd

# SIZE,DEPTH,AMOUNT: what differs in the backend is one segment, a page, several
# segments, indirect ones, several requests.
SOME="512,1,64k 512,32,512k 4k,1,256k 4k,32,4m 20k,8,4m 64k,16,8m 128k,4,8m 1m,4,16m"
FEW="4k,32,4m 20k,8,4m 1m,4,16m"
rows() { # WHAT DEVICE ROW...: one after the other, in one fio
    local what=$1 dev=$2 row bs depth amount jobs=()
    shift 2
    for row; do
        IFS=, read -r bs depth amount <<<"$row"
        jobs+=(name="$bs-$depth" "bs=$bs" "iodepth=$depth" "io_size=$amount")
    done
    check "$what: $*, in random order" guest_fio verify "filename=/dev/$dev" \
        rw=randwrite size=60m stonewall "${jobs[@]}"
}
mixed() { # WHAT DEVICE
    check "$1: from 512 to 256k at any offset, reads among writes; two jobs; cached and flushed" \
        guest_fio verify "filename=/dev/$2" size=60m \
        name=mixed rw=randrw bsrange=512-256k iodepth=16 io_size=12m \
        name=a stonewall rw=randwrite bs=8k iodepth=16 size=16m io_size=4m cpus_allowed=0 \
        name=b rw=randwrite bs=8k iodepth=16 size=16m io_size=4m offset=32m cpus_allowed=1 \
        name=cached stonewall direct=0 ioengine=psync rw=write bs=64k size=8m end_fsync=1
}

if [ -n "${LONG:-}" ]; then
    for dev in xvda xvdb xvdc; do
        for bs in 512 1k 4k 20k 64k 128k 256k 1m; do
            for depth in 1 2 8 32; do
                rows $dev $dev $bs,$depth,8m
            done
        done
    done
fi
rows "RAM disk" xvda $SOME
rows "file" xvdb $SOME
rows "file, O_DIRECT" xvdc $FEW
mixed "RAM disk" xvda
mixed "file" xvdb
mixed "file, O_DIRECT" xvdc
for row in "xvda /dev/ram1" "xvdb $file" "xvdc $direct"; do
    same "$row: the same inside and outside" "$(md5_guest verify "${row%% *}")" \
        "$(md5_dom0 "${row#* }")"
done

# A file system, with all that it does to a disk.
check "files are written, read and removed, and discarded blocks given back" \
    guest_run verify 'mount -t ext4 -o discard /dev/xvdd /mnt || exit 1
i=0; while [ $i -lt 100 ]; do i=$((i + 1))
head -c $((i * 600)) /dev/urandom >/mnt/$i; done
cd /mnt; sync; md5sum [0-9]* >/tmp/sums; echo 3 >/proc/sys/vm/drop_caches
md5sum -c -s /tmp/sums || exit 1
rm /mnt/1*; sync; cd /; fstrim /mnt && umount /mnt'

check_fails "past the end is refused to the guest" . guest_run verify \
    'dd if=/dev/zero of=/dev/xvda bs=4k seek=16384 count=1 oflag=direct'
same "no request failed, no backend died" "$(disk_get verify xvda errors restarts) $(
    disk_get verify xvdb errors restarts) $(disk_get verify xvdc errors restarts)" "0 0 0 0 0 0"
check "its kernel saw no error" guest_clean verify
dom0 freehold destroy verify
check "fsck agrees" dom0 e2fsck -f -n "$system"
exit 0
