#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# host-ours.sh - stock workloads on our Xen with protected=on: unharmed
# lab: ours
# more
# last
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/lab/guest.sh"
. "$TOP/tests/lab/net.sh"
. "$TOP/tests/lab/host.sh"

check_out "this is our Xen, and it protects" '^xen_commandline.* protected=on' dom0 xl info
host_work

# And beside a protected guest.
net_tools
check_out "a protected guest" GUEST-UP guest_up freehold web
check_out "an ordinary one beside it" GUEST-UP guest_up xl io \
    'disk = [ "/root/host.img,raw,xvda,w" ]' "vif = [ \"mac=$NET_MAC:01,bridge=$NET_BR\" ]"
check "dom0 and it answer one another" guest_net io eth0 177 2
keep 1048576
works "beside it"
check "xl save" dom0 timeout 120 xl save io /root/io.save
check "xl restore" dom0 timeout 120 xl restore /root/io.save
works "restored beside it"
check "xl destroy" dom0 xl destroy io
check_out "the protected one was not asked" '^here$' guest_run web 'echo here'
check "freehold destroy" dom0 freehold destroy web
dom0_sh 'rm -f /root/io.save /root/host.img'
net_tools_gone
host_off
exit 0
