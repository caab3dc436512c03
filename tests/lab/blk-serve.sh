#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-serve.sh - disks of a guest that stock xl made, by freehold serve-blk
# lab: stock
# more
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/lab/guest.sh"

D=/root/serve
RUN=/run/freehold

# disk VDEV TARGET: as it stands in a file of xl's.
disk() {
    echo "backendtype=tap,script=block-freehold,format=raw,vdev=$1,access=rw,target=$2"
}
# becomes WHAT SECONDS SCRIPT: until it is true in dom0, which nobody tells.
becomes() {
    check "$1" dom0 timeout "$2" sh -c "until { $3; }; do sleep 0.05; done"
}
backends() { dom0 pgrep -cx freehold-blk; }

guest_tools
dom0_sh "mkdir -p $D; rm -f $D/*
    truncate -s 96M $D/a.img $D/b.img; qemu-img create -q -f qcow2 $D/c.qcow2 64M"

check_out "the service is not enabled by itself" disabled \
    dom0_sh 'systemctl is-enabled freehold-serve-blk || true'
check "its unit is well formed" dom0 systemd-analyze verify --man=no \
    freehold-serve-blk.service
check "it starts" dom0 systemctl start freehold-serve-blk

# --- a guest's disk -------------------------------------------------------
check_out "xl's guest is up with a disk of ours" GUEST-UP \
    guest_up xl old "disk = [ \"$(disk xvda $D/a.img)\" ]"
domid=$(dom0 xl domid old)
check_out "xl shows it connected" "^51712 +0 +$domid +4 " dom0 xl block-list old
check_out "it is no blkback's" '^0$' \
    dom0_sh "xenstore-list backend/vbd 2>/dev/null | wc -l"
check "it is written and read back" guest_run old \
    'dd if=/dev/urandom of=/tmp/r bs=64k count=32
dd if=/tmp/r of=/dev/xvda bs=64k seek=1 oflag=direct conv=fsync
dd if=/dev/xvda bs=64k skip=1 count=32 iflag=direct | cmp - /tmp/r'
check_out "... and is in the file" "$(guest_run old 'sha256sum </tmp/r')" \
    dom0_sh "dd if=$D/a.img bs=64k skip=1 count=32 2>/dev/null | sha256sum"

# --- its processes die under load -----------------------------------------
fio='fio --name=v --filename=/dev/xvda --size=16m --loops=4 --bs=4k-64k --rw=randwrite --iodepth=16 --ioengine=libaio --direct=1 --verify=crc32c --verify_fatal=1 --randrepeat=0'
id=$(guest_start old "$fio")
check "requests are in flight" guest_run old \
    'until grep -qE "^( +[0-9]+){8} +[1-9]" /sys/block/xvda/stat; do usleep 10000; done'
dom0_sh "pkill -9 -x freehold-blk; sleep 1
    kill -9 \$(pgrep -f '^freehold serve-blk $domid')
    systemctl restart freehold-serve-blk"
check "fio's data is right, its backend, its server and the service killed" \
    guest_wait old "$id" 120
becomes "one backend and one server are there" 20 \
    "[ \$(pgrep -cx freehold-blk) = 1 ] && [ \$(pgrep -cf '^freehold serve-blk $domid') = 1 ]"
check "the kernel saw no error" guest_run old '! dmesg | grep -E "I/O error|xvda.*error"'

# --- attach and detach ----------------------------------------------------
check "xl attaches an image" dom0 timeout 60 xl block-attach old "$(disk xvdb qcow2:$D/c.qcow2)"
check "the guest writes to it" guest_run old \
    'n=0; until [ -b /dev/xvdb ] || [ $n -gt 200 ]; do usleep 20000; n=$((n + 1)); done
[ "$(cat /sys/block/xvdb/size)" = 131072 ] && echo freehold | dd of=/dev/xvdb bs=512 conv=sync,fsync oflag=direct'
check "xl detaches it" dom0 timeout 60 xl block-detach old xvdb
becomes "nothing is left of it" 20 "! [ -e $RUN/.serve-$domid-51728 ] &&
    ! xenstore-exists /local/domain/0/backend/vbd3/$domid/51728"
check_out "its data is in the image" '^freehold' \
    dom0_sh "qemu-img convert -O raw $D/c.qcow2 $D/c.raw && head -c 512 $D/c.raw | tr -d '\\0'"
check_fails "a target that is not there fails" . \
    dom0 timeout 90 xl block-attach old "$(disk xvdc /nowhere)"
check_out "... and the journal says why" '/nowhere' \
    dom0_sh 'journalctl -q --no-pager -u freehold-serve-blk | grep nowhere'

# --- its end --------------------------------------------------------------
guest_start old 'poweroff -f' >/dev/null
becomes "the guest powers off" 60 '! xl domid old >/dev/null 2>&1'
becomes "nothing of its disks is left" 20 "! pgrep -x freehold-blk && ! pgrep -f '^freehold serve-blk [0-9]' &&
    ! ls -d $RUN/.serve-* 2>/dev/null && ! xenstore-list backend/vbd3/$domid 2>/dev/null"
check "the service stops" dom0 systemctl stop freehold-serve-blk
exit 0
