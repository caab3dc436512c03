#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# strict.sh - protected=strict: nobody maps any guest, so xl can build none
# lab: strict
. "$(dirname "$0")/lib.sh"

check_out "Xen says that it is strict" 'Protected guests: strict,lab' lab_console 1
for name in plain ours; do
    host_ssh 1 "cat >/root/$name.cfg" <<CFG
name = "$name"
type = "pvh"
kernel = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-small"
cmdline = "console=hvc0 fh.run=poweroff"
memory = 192
vcpus = 1
CFG
done
check_fails "stock xl create of an ordinary PVH guest fails with a permission error" \
    '[Nn]ot permitted|[Pp]ermission' dom0 timeout 120 xl create /root/plain.cfg
check "xl left no domain behind" dom0_sh '! xl domid plain 2>/dev/null'
check "freehold boots its guest to the end" \
    dom0 timeout 300 freehold create -F /root/ours.cfg
check_out "it came to its init" FREEHOLD-INIT dom0 cat /var/log/freehold/ours.log
exit 0
