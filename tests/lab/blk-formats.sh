#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-formats.sh - one guest, a disk of each kind of store: files, devices with
# sectors of 4 KiB, qcow2, vhd, NBD; sizes that grow, blocks that are given back
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"

D=/root/disks
disk_tools
raw=$(disk_file raw.img 48)
big=$(disk_file big.img 48)
dom0_sh "cd $D && rm -f f.qcow2 f.vhd &&
    qemu-img create -q -f qcow2 f.qcow2 48M && qemu-img create -q -f vpc -o force_size=on f.vhd 48M &&
    losetup -b 4096 --direct-io=on -f --show $big >loop4k"
loop=$(dom0 cat $D/loop4k)
disk_file tcp.img 48 >/dev/null
disk_file unix.img 48 >/dev/null
# Servers of our own; each is there once its socket is.
dom0_sh "cd $D && rm -f nbd.sock
    setsid qemu-nbd -t -f raw -x exp -b 127.0.0.1 -p 10810 --fork --pid-file tcp.pid tcp.img &&
    setsid qemu-nbd -t -f raw --discard=unmap -x exp -k $D/nbd.sock --fork --pid-file unix.pid unix.img" >/dev/null 2>&1 </dev/null

check "a guest with a disk of each kind is up" guest_up freehold formats "disk = [
    $(disk_spec xvda w raw "$raw"),
    $(disk_spec xvdb w qcow2 $D/f.qcow2),
    $(disk_spec xvdc w vhd $D/f.vhd),
    $(disk_spec xvdd w raw "$loop"),
    $(disk_spec xvde w raw nbd://127.0.0.1:10810/exp),
    $(disk_spec xvdf w raw "nbd+unix:///exp?socket=$D/nbd.sock") ]" || exit 0
for dev in xvda xvdb xvdc xvdd xvde xvdf; do
    guest_disk formats $dev
    same "$dev: 48 MiB" "$(guest_run formats "cat /sys/block/$dev/size")" 98304
done

for row in "xvda raw file" "xvdb qcow2" "xvdc vhd" "xvdd device with 4 KiB sectors" \
    "xvde NBD by TCP" "xvdf NBD by a socket"; do
    dev=${row%% *}
    check "${row#* }: small and large, deep" guest_fio formats name=v filename=/dev/$dev \
        rw=randrw bsrange=512-256k iodepth=16 size=40m io_size=12m
done
for row in "xvda $raw" "xvdd $loop" "xvde $D/tcp.img" "xvdf $D/unix.img"; do
    same "${row%% *}: the same inside and outside" \
        "$(md5_guest formats "${row%% *}")" "$(md5_dom0 "${row#* }")"
done
same "4 KiB sectors: 512 logical, 4096 physical" "$(guest_run formats \
    'cd /sys/block/xvdd/queue; cat logical_block_size physical_block_size' | tr '\n' ' ')" "512 4096 "

# --- blocks are given back ---------------------------------------------------
used() { dom0_sh "sync; stat -c %b $1"; }
for row in "xvda $raw" "xvdb $D/f.qcow2" "xvdf $D/unix.img"; do
    dev=${row%% *} path=${row#* }
    guest_run formats "dd if=/dev/urandom of=/dev/$dev bs=1M count=40 oflag=direct 2>/dev/null"
    full=$(used "$path")
    check "$dev: discard is answered" guest_run formats "blkdiscard -o 0 -l $((32 << 20)) /dev/$dev"
    left=$(used "$path")
    if [ "$full" -ge $((40 * 2048)) ] && [ "$left" -le $((full - 30 * 2048)) ]; then
        pass "$dev: and frees blocks: $full, then $left"
    else
        fail "$dev: and frees blocks" "blocks of 512: $full, then $left"
    fi
    same "$dev: what was discarded reads as zero" "$(guest_run formats \
        "head -c 33554432 /dev/$dev | tr -d '\\0' | wc -c")" 0
done

# --- sizes that grow ---------------------------------------------------------
grows() { # WHAT DEVICE SECTORS
    check "$1: resize is taken" dom0 timeout 30 freehold block-resize formats "$2"
    check "$1: the guest sees it, with its disk open" guest_size formats "$2" "$3"
    check "$1: and writes there" guest_fio formats name=r "filename=/dev/$2" rw=write \
        bs=64k iodepth=4 "offset=$(($3 / 2 - 2048))k" size=2m
}
guest_run formats 'sleep 100000 <>/dev/xvda & sleep 100000 <>/dev/xvdd & exit 0' >/dev/null
dom0_sh "truncate -s 72M $raw"
grows "raw file" xvda $((72 * 2048))
dom0_sh "truncate -s 56M $big && losetup -c $loop"
grows "device" xvdd $((56 * 2048))
same "info has the size" "$(disk_get formats xvda size_bytes)" $((72 << 20))
check "its kernel saw no error" guest_clean formats
sum=$(md5_guest formats xvdb)
for dev in xvdb xvdc; do
    check "$dev is detached" dom0 timeout 60 freehold block-detach formats $dev
done
check "qcow2, vhd: their servers have ended" dom0_sh "! pgrep -af '[q]emu-nbd.*/f\\.'"
check "qcow2: sound" dom0 qemu-img check -q $D/f.qcow2
check "vhd: sound" dom0 qemu-img info -f vpc $D/f.vhd
same "qcow2: holds what the guest saw" "$(dom0_sh "cd $D && qemu-img convert -f qcow2 -O raw f.qcow2 out.raw &&
    md5sum <out.raw; rm -f out.raw" | cut -d' ' -f1)" "$sum"

# --- formats are what they are said to be --------------------------------------
attach() { # VDEV r|w FORMAT TARGET
    dom0 timeout 60 freehold block-attach formats "format=$3,vdev=$1,access=$2,target=$4"
}
check_out "the same image as raw" '^xvdg$' attach xvdg r raw $D/f.qcow2
guest_disk formats xvdg
check_out "raw is never probed: the guest sees the file itself" '^QFI' \
    guest_run formats 'head -c 3 /dev/xvdg; echo'
dom0 freehold block-detach formats xvdg
check_out "the same as qcow2, read-only" '^xvdh$' attach xvdh r qcow2 $D/f.qcow2
guest_disk formats xvdh
same "... shows what is in it" "$(md5_guest formats xvdh)" "$sum"
check_fails "... and takes nothing" . guest_run formats \
    'dd if=/dev/zero of=/dev/xvdh bs=4k count=1 oflag=direct'
check_fails "a raw file is no qcow2, and it says so" 'big.img|qcow2' attach xvdi r qcow2 $big
check_fails "what is not there is named" '/root/disks/none.*No such file' attach xvdi r raw $D/none
check_fails "a server that is not there, too" '127.0.0.1.*(refused|10999)' \
    attach xvdi r raw nbd://127.0.0.1:10999/exp
check_fails "a disk that somebody writes is no other's" 'raw.img.*(use|lock|another)' \
    attach xvdi w raw "$raw"
check_fails "... not even to read" 'raw.img.*(use|lock|another)' attach xvdi r raw "$raw"
same "what was refused is not there" "$(dom0_sh 'freehold --json block-list formats | grep -c "\"vdev\"" ')" 5
domid=$(dom0 freehold domid formats)
dom0_sh "freehold destroy formats; kill \$(cat $D/tcp.pid $D/unix.pid); losetup -d $loop"
check "nothing of its disks is left" no_trace formats "$domid"
check "nothing holds the files" dom0_sh "for f in $D/*.img; do flock -xn \$f true || exit 1; done"
exit 0
