#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# launch-large.sh - a guest with memory above 4 GiB, and a distribution's initrd
# lab: ours
# mem: 7168
# long
. "$(dirname "$0")/lib.sh"

host_ssh 1 'cat >/root/large.cfg; rm -f /var/log/freehold/large.log' <<'CFG'
name = "large"
type = "pvh"
kernel = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-25m"
cmdline = "console=hvc0 fh.run=poweroff"
memory = 5120
vcpus = 2
CFG
check "5 GiB: boots, powers off, is gone" \
    dom0 timeout 580 freehold create -F /root/large.cfg
check_out "it has its memory" ' (49|50|51)[0-9]{5} kB' dom0 cat /var/log/freehold/large.log
exit 0
