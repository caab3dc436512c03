#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-root.sh - Debian on a qcow2 disk: it boots as a protected guest, installs
# packages, is shut down, and its file system and image are sound
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"

disk_tools
image=/root/disks/debian.qcow2
dom0_sh "cp /freehold/guest/debian.qcow2 $image"
GUEST_CMDLINE='fh.root=/dev/xvda systemd.show_status=0 systemd.journald.storage=volatile'
guest_config debian "disk = [ $(disk_spec xvda w qcow2 $image) ]" 'memory = 384'
guest_create freehold debian >/dev/null
check "Debian boots from its qcow2 disk" guest_await debian 1 240 || {
    dom0 tail -n 30 /var/log/freehold/debian.log
    exit 0
}
check_out "it is Debian 13, on ext4 on xvda" '^trixie /dev/xvda ext4' guest_run debian \
    '. /etc/os-release; echo $VERSION_CODENAME $(grep " / " /proc/mounts | cut -d" " -f1,3)'
GUEST_S=900 check_out "packages are installed" '^[1-9][0-9]* files' guest_run debian \
    'cd /var/cache/packages && dpkg -i *.deb >/tmp/dpkg.log 2>&1 || { tail -n 5 /tmp/dpkg.log; exit 1; }
    echo $(cat /var/lib/dpkg/info/perl*.list | wc -l) files'
check "and work" guest_run debian 'perl -MList::Util=sum -MPOSIX -e "exit(sum(1..9) != 45)"'
GUEST_S=300 check "many small files, each flushed" guest_run debian \
    'mkdir /srv/many && cd /srv/many && for i in $(seq 150); do
    head -c $((i * 97)) /dev/urandom >$i && sync $i || exit 1; done; sha256sum * >/srv/sums'
check "their sums are right without the cache" guest_run debian \
    'sync; echo 3 >/proc/sys/vm/drop_caches; cd /srv/many && sha256sum --quiet -c /srv/sums'
check "its kernel saw no error" guest_clean debian
domid=$(dom0 freehold domid debian)
check "it is shut down as any Debian" dom0 timeout 120 freehold shutdown -w debian
check "nothing of its disk is left" no_trace debian "$domid"
check "qemu-img check: the image is sound" dom0 qemu-img check -q $image
check "fsck: the file system is sound, and was unmounted" dom0_sh "
    qemu-img convert -f qcow2 -O raw $image /root/disks/debian.raw &&
    dumpe2fs -h /root/disks/debian.raw 2>/dev/null | grep '^Filesystem state: *clean' &&
    e2fsck -f -n /root/disks/debian.raw"
check "what was installed is in it" dom0_sh '
    debugfs -R "stat /srv/sums" /root/disks/debian.raw 2>&1 | grep -q "Size: [1-9]" &&
    debugfs -R "stat /usr/share/perl/5.40/CPAN.pm" /root/disks/debian.raw 2>&1 | grep -q "Size: [1-9]"'
dom0_sh "rm -f /root/disks/debian.raw $image"
exit 0
