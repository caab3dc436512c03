# SPDX-License-Identifier: MIT
# host.sh - what an ordinary host does all day, by stock tools alone: suites
# host-ours (our Xen, protected=on) and host-stock (Debian's), which have to
# pass the same rows
#
# Source lib.sh, guest.sh and net.sh first.  Nothing of Freehold is asked here
# but what suites use to speak to a guest.

HOST_IP=192.168.177.1
GUEST_IP=192.168.177.2

# becomes WHAT SECONDS SCRIPT: until it is true in dom0, which nobody tells.
becomes() {
    check "$1" dom0 timeout "$2" sh -c "until { $3; }; do sleep 0.2; done"
}
FREE_MIB="xl info | sed -n 's/^free_memory *: //p'"
free_mib() { dom0_sh "$FREE_MIB"; }
dom0_ping() { dom0 busybox ping -c "${1:-1}" -W 3 $GUEST_IP; }

# --- what xl and its friends say of the host ------------------------------------
host_says() {
    check_out "xl info" '^free_memory *: [1-9]' dom0 xl info
    check_out "xl dmesg" 'Xen version 4\.20' lab_console 1
    check "xl dmesg is heard" dom0_sh 'xl dmesg | grep -q .'
    check_out "xl list" '^Domain-0 +0 +[0-9]+ +2 +r' dom0 xl list
    check_out "xl list -l" '"domid": 0' dom0 xl list -l
    check_out "xl top" 'Domain-0 +-----r' dom0 xentop -b -i 1
    check_out "xl vcpu-list" '^Domain-0 +0 +1 ' dom0 xl vcpu-list
    check_out "xl uptime" '^Domain-0 +0 ' dom0 xl uptime
    check_out "xl cpupool-list" '^Pool-0 +2 +credit2 ' dom0 xl cpupool-list
    check_out "xl claims" '^Domain-0' dom0 xl claims
    check_out "xenpm tells the CPUs" '^CPU.*core' dom0 xenpm get-cpu-topology
    check_out "xen-cpuid tells their features" '^Raw' dom0 xen-cpuid
    check_out "xenhypfs tells of Xen" ' buildinfo$' dom0 xenhypfs ls /
    check_out "dom0's balloon gives back" '^ok$' dom0_sh '
        a=$(xl list 0 | awk "NR == 2 { print \$3 }") && xl mem-set 0 $((a - 48)) || exit 1
        for i in $(seq 60); do
            b=$(xl list 0 | awk "NR == 2 { print \$3 }")
            [ "$b" -le $((a - 46)) ] && break; sleep 0.5
        done
        xl mem-set 0 "$a" || exit 1
        for i in $(seq 60); do
            c=$(xl list 0 | awk "NR == 2 { print \$3 }")
            [ "$c" -ge $((a - 1)) ] && [ "$b" -le $((a - 46)) ] && echo ok && exit 0
            sleep 0.5
        done; echo "from $a to $b, and back to $c"'
}

# --- dom0's own disk and network ------------------------------------------------
host_dom0() {
    check "dom0's disk keeps 64 MiB" dom0_sh '
        head -c 64M /dev/urandom >/root/own && a=$(sha256sum </root/own) && sync &&
        echo 3 >/proc/sys/vm/drop_caches && b=$(sha256sum </root/own) && rm /root/own &&
        [ "$a" = "$b" ]'
    local f=$FREEHOLD_RESULTS/host-own
    head -c 8M /dev/urandom >"$f"
    same "dom0's network brings 8 MiB" "$(host_ssh 1 sha256sum <"$f")" "$(sha256sum <"$f")"
    same "... and takes them" "$(host_ssh 1 'cat >/root/own'  <"$f"; host_ssh 1 'cat /root/own' | sha256sum)" \
        "$(sha256sum <"$f")"
    rm "$f"
    check "xenstore: what is written is read, listed, told and removed" dom0_sh '
        xenstore-write /tool/host-test/a one /tool/host-test/b two &&
        [ "$(xenstore-read /tool/host-test/a)" = one ] &&
        [ "$(xenstore-list /tool/host-test | xargs)" = "a b" ] || exit 1
        timeout 20 xenstore-watch -n 2 /tool/host-test/a >/tmp/told & w=$!
        sleep 1; xenstore-write /tool/host-test/a three; wait $w || exit 1
        grep -q /tool/host-test/a /tmp/told && xenstore-rm /tool/host-test &&
        ! xenstore-exists /tool/host-test'
}

# keep BYTES: in the PVH guest's memory, and here their sum, for works.
keep() {
    secret=$(guest_run io "head -c $1 /dev/urandom >/tmp/kept && md5sum </tmp/kept")
    secret=${secret%% *}
    [[ $secret =~ ^[0-9a-f]{32}$ ]] || fail "it keeps $1 bytes" "$secret"
}
# works WHEN: the PVH guest has what it had, in memory, on disk and by network.
works() {
    check_out "$1: its memory is what it was" "^$secret " guest_run io 'md5sum </tmp/kept'
    check "$1: its disk writes and reads" guest_run io "head -c 4194304 /dev/urandom >/tmp/x &&
dd if=/tmp/x of=/dev/xvda bs=1M oflag=direct 2>/dev/null && echo 3 >/proc/sys/vm/drop_caches &&
dd if=/dev/xvda bs=1M count=4 iflag=direct 2>/dev/null | cmp - /tmp/x"
    same "$1: what it wrote is on dom0's disk" \
        "$(dom0_sh 'head -c 4194304 /root/host.img | sha256sum')" \
        "$(guest_run io 'sha256sum </tmp/x')"
    both_ways "$1: its card" io $HOST_IP 1000000
}

# --- a PVH guest's life ------------------------------------------------------------
host_pvh() {
    local how
    dom0_sh 'rm -f /root/host.img && truncate -s 64M /root/host.img && modprobe loop &&
        modprobe xen-blkback'
    check_out "xl create: PVH, a disk by blkback, a card by netback" GUEST-UP \
        guest_up xl io 'disk = [ "/root/host.img,raw,xvda,w" ]' \
        "vif = [ \"mac=$NET_MAC:01,bridge=$NET_BR\" ]" || return 0
    check "dom0 and it answer one another" guest_net io eth0 177 2 || return 0
    keep 8388608
    works "at first"
    check_out "xl console: what is typed comes and what it says goes" '^on-its-console-42' dom0_sh '
        : >/tmp/seen; n=0
        { until grep -q "^on-its-console-42" /tmp/seen || [ $((n += 1)) -gt 20 ]; do
            echo "typed$n echo on-its-console-\$((6 * 7))"; sleep 2
        done; printf "\035"; sleep 1; } |
            timeout 90 script -qefc "xl console io" /tmp/seen >/dev/null
        tr -d "\r" </tmp/seen'

    check "xl pause" dom0 xl pause io
    check_out "xl list shows it" '^io .* [r-][b-]p--- ' dom0 xl list
    check_fails "it does not answer" '100% packet loss' dom0_ping
    check "xl unpause" dom0 xl unpause io
    check "it answers" dom0_ping 3

    check_out "xl vcpu-pin" '^io +[0-9]+ +0 +[0-9-]+ +[-rbp]+ +[0-9.]+ +1 / ' \
        dom0_sh 'xl vcpu-pin io 0 1 && sleep 1 && xl vcpu-list io'
    check "... and anywhere again" dom0 xl vcpu-pin io all all all
    check "xl vcpu-set takes a vCPU" dom0 xl vcpu-set io 1
    becomes "its kernel let it go" 60 'xl vcpu-list io | grep -q -- "--p"'
    check "xl vcpu-set gives it back" dom0 xl vcpu-set io 2
    check_out "its kernel can use it" '^2$' guest_run io \
        'n=0; until echo 1 >/sys/devices/system/cpu/cpu1/online; do n=$((n + 1))
[ $n -gt 50 ] && break; usleep 100000; done 2>/dev/null; grep -c ^processor /proc/cpuinfo'
    check "xl mem-set: its balloon gives back" dom0 xl mem-set io 200
    becomes "xl list shows less" 60 '[ "$(xl list io | awk "NR == 2 { print \$3 }")" -le 201 ]'
    check "xl mem-set: it takes memory again" dom0 xl mem-set io 256
    becomes "xl list shows all of it" 60 '[ "$(xl list io | awk "NR == 2 { print \$3 }")" -ge 255 ]'
    check_out "xl sched-credit2" '^io .* 512' \
        dom0_sh 'xl sched-credit2 -d io -w 512 && xl sched-credit2 -d io'

    check "xl cpupool-create: a pool of its own by the credit scheduler" dom0_sh '
        xl cpupool-cpu-remove Pool-0 1 &&
        xl cpupool-create "name=\"apart\"" "sched=\"credit\"" "cpus=[\"1\"]" &&
        xl cpupool-migrate io apart'
    check_out "xl sched-credit there" '^io .* 400 ' \
        dom0_sh 'xl sched-credit -d io -w 400 && xl sched-credit -d io'
    check "it answers there" dom0_ping 3
    check "xl cpupool-destroy: and back" dom0_sh 'xl cpupool-migrate io Pool-0 &&
        xl cpupool-destroy apart && xl cpupool-cpu-add Pool-0 1 &&
        xl cpupool-list Pool-0 | grep -q "^Pool-0 *2 "'

    check "xl block-attach" dom0_sh 'truncate -s 16M /root/more.img &&
        xl block-attach io /root/more.img,raw,xvdb,w'
    check "it sees the disk" guest_run io 'n=0; until [ -b /dev/xvdb ]; do n=$((n + 1))
[ $n -gt 500 ] && exit 1; usleep 20000; done; head -c 1048576 /dev/urandom | dd of=/dev/xvdb oflag=direct bs=1M'
    check "xl block-detach" dom0 xl block-detach io xvdb
    check "xl network-attach" dom0 xl network-attach io "mac=$NET_MAC:02" "bridge=$NET_BR"
    check "it sees the card" guest_run io 'n=0; until [ -e /sys/class/net/eth1 ]; do n=$((n + 1))
[ $n -gt 500 ] && exit 1; usleep 20000; done'
    check "xl network-detach" dom0 xl network-detach io 1
    works "after all that"

    check "xl save" dom0 timeout 120 xl save io /root/io.save
    becomes "it is gone" 60 "! xl domid io 2>/dev/null"
    check "xl restore" dom0 timeout 120 xl restore /root/io.save
    dom0 rm /root/io.save
    works "restored"
    check "xl migrate to this host" dom0 timeout 200 xl migrate -s '' io 'xl migrate-receive'
    # xenconsoled goes on in a file of the name that it came by.
    dom0_sh 'cd /var/log/xen/console && mv guest-io--incoming.log guest-io.log'
    works "migrated"
    for how in reboot poweroff; do
        if [ $how = reboot ]; then
            check "xl reboot" dom0 xl reboot io
            check_out "it comes again" GUEST-UP guest_await io 1
        else
            check "xl shutdown -w" dom0 timeout 120 xl shutdown -w io
        fi
    done
    becomes "it is gone" 60 "! xl domid io 2>/dev/null"
}

# --- a PV guest ---------------------------------------------------------------------
host_pv() {
    check_out "xl create: PV, with a disk and a card" GUEST-UP \
        guest_up xl pv 'type = "pv"' 'disk = [ "/root/host.img,raw,xvda,w" ]' \
        "vif = [ \"mac=$NET_MAC:03,bridge=$NET_BR\" ]" || return 0
    check_out "it is one" '^PV$' guest_run pv 'cat /sys/hypervisor/guest_type'
    check "its card answers" guest_net pv eth0 177 2
    check "its disk writes and reads" guest_run pv "head -c 4194304 /dev/urandom >/tmp/x &&
dd if=/tmp/x of=/dev/xvda bs=1M oflag=direct 2>/dev/null &&
dd if=/dev/xvda bs=1M count=4 iflag=direct 2>/dev/null | cmp - /tmp/x"
    both_ways "its card" pv $HOST_IP 1000000
    # Not of the PVH guest: libxenguest tries each frame up to 4 GiB by itself.
    check_out "xl dump-core takes its memory" '^[1-9]' dom0_sh '
        mark=dumped-$(date +%s%N)
        printf "c2 m=%s; sleep 2\n" $mark >"$(xenstore-read /local/domain/$(xl domid pv)/console/tty)"
        sleep 1; timeout 150 xl dump-core pv /root/core >&2 && grep -ac $mark /root/core
        rm -f /root/core'
    check "xl save" dom0 timeout 120 xl save pv /root/pv.save
    check "xl restore" dom0 timeout 120 xl restore /root/pv.save
    both_ways "restored: its card" pv $HOST_IP 1000000
    check "xl destroy" dom0 xl destroy pv
    dom0_sh 'rm -f /root/pv.save'
}

host_work() {
    local before
    net_tools || fail "dom0 has bridges and servers"
    host_says
    host_dom0
    before=$(free_mib)
    host_pvh
    host_pv
    becomes "all of their memory is free again" 60 \
        "[ \$((${before:-0} - \$($FREE_MIB))) -le 4 ]"
    check_out "nothing of them is left in xenstore" '^0$' \
        dom0_sh 'xenstore-ls /local/domain/0/backend/vif /local/domain/0/backend/vbd 2>/dev/null |
            grep -c frontend || true'
    net_tools_gone
}

# --- and last -------------------------------------------------------------------
ended() { timeout "$1" tail --pid="$(cat "$LAB/1/pid")" -f /dev/null; }
host_off() {
    dom0 systemctl --no-block poweroff
    check "dom0 switches the host off" ended 120
    check_out "Xen went by S5" 'Entering ACPI S5 state' cat "$LAB/1/serial.log"
}
