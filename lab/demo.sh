# SPDX-License-Identifier: MIT
# demo.sh - ./dev demo: the main job from nothing, shown to a stranger

. "$TOP/lab/build.sh"
. "$TOP/lab/host.sh"
. "$TOP/tests/lab/guest.sh"

HOST=1 # whose dom0 it is that the commands below are typed in
dom0() { host_ssh $HOST "$(printf '%q ' "$@")"; }
dom0_sh() { host_ssh $HOST "$1"; }
title() { printf '\n== %s\n\n' "$*"; }

# A command as it is typed in dom0, and what it prints.
shown() {
    printf 'host%s# %s\n' $HOST "$*"
    host_ssh $HOST "$*"
}

# A command as it is typed in a guest, and what it prints.
inside() {
    printf '%s# %s\n' "$1" "$2"
    guest_run "$1" "$2" | sed 's/^/  | /'
}

demo_main() {
    [ $# = 0 ] || die "./dev demo: $1: no argument is wanted"
    lab_own demo
    lab_up --hosts 2 >/dev/null

    title "Real Xen hosts, inside QEMU: Xen with our patches, Debian 13 in dom0"
    host_ssh 1 'xl info | grep -E "^(release|xen_version|xen_commandline|total_memory)"'
    shown freehold check

    title "Debian 13, kernel and all, as a protected guest with a disk and a card"
    demo_hosts
    host_ssh 1 'cp /freehold/guest/debian.qcow2 /root/web.qcow2
        qemu-nbd -t -f qcow2 -x web --shared=4 -b 192.168.77.1 --fork /root/web.qcow2
        cat >/root/web.cfg' <<'CFG'
name    = "web"
type    = "pvh"
kernel  = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-blk-6.12"
cmdline = "console=hvc0 quiet fh.ip=192.168.77.10/24 fh.root=/dev/xvda"
memory  = 384
vcpus   = 2
disk    = [ "format=raw,vdev=xvda,access=w,target=nbd://192.168.77.1/web" ]
vif     = [ "bridge=xenbr0" ]
CFG
    shown cat /root/web.cfg
    shown freehold measure /root/web.cfg
    shown freehold create /root/web.cfg
    guest_tools
    guest_await web 1 300 >/dev/null ||
        die "the guest did not come up; ./dev lab console shows more"
    shown freehold list
    shown freehold info web
    title "Its disk, served by a process that may look at no page it was not lent"
    inside web 'grep " / " /proc/mounts; df -h / | tail -n 1'
    inside web 'dpkg -i /var/cache/packages/libgdbm6*.deb && sync'
    shown freehold stats web
    echo "The process is killed; the guest sees a pause:"
    shown "kill -9 \$(pgrep -f '[f]reehold-blk web/xvda')"
    inside web 'echo 3 >/proc/sys/vm/drop_caches; md5sum /usr/lib/x86_64-linux-gnu/libgdbm.so.6'
    shown freehold block-list web

    title "Its network card, served in the same way"
    shown freehold network-list web
    demo_network
    title "A secret, held by an ordinary guest (xl) and by a protected one"
    demo_canaries
    title "An intruder in dom0 tries every way in"
    host_ssh 1 "freehold-intruder table --ordinary $ORDINARY:1 --protected $PROTECTED:2" ||
        die "a way in was open that should be shut: see the table"

    demo_move
    title "Stopped by its administrator, who could do no more than that"
    shown freehold shutdown -w web
    shown freehold list
    say "done: that was Xen, dom0 and the guests for real; ./dev test runs all tests"
}

# Both hosts have their second card in a bridge of the same name, and root of the
# first may log in at the second.
demo_hosts() {
    local n
    for n in 1 2; do
        host_ssh $n "modprobe bridge && modprobe tun
            ip link add xenbr0 type bridge forward_delay 0 mcast_snooping 0 &&
            ip addr flush dev eth1 && ip link set eth1 up master xenbr0 &&
            ip addr add 192.168.77.$n/24 dev xenbr0 && ip link set xenbr0 up"
    done
    # By a cipher that the emulated CPU has instructions for.
    host_ssh 1 'umask 077; mkdir -p /root/.ssh; cat >/root/.ssh/id_ed25519
        printf "Host 192.168.77.*\n  StrictHostKeyChecking no\n  LogLevel ERROR\n  Ciphers aes128-gcm@openssh.com\n" \
            >/root/.ssh/config' <"$LAB/1/key"
}

# The guest says the time four times a second, here and then there.
demo_move() {
    local log=/var/log/freehold/web.log
    title "To another host while it runs; what dom0 carries, it cannot read"
    # By what bash has in itself: a program's start costs more than the move.
    inside web 'bash -c "mkfifo /run/tick; exec 9<>/run/tick; until [ -e /run/quiet ]; do
        t=\$EPOCHREALTIME; printf \"it is %(%T)T.%.3s\\n\" \${t%.*} \${t#*.}
        read -t 0.25 -u 9; done >/dev/hvc0 2>&1 &"'
    shown freehold migrate --check web 192.168.77.2
    shown freehold migrate web 192.168.77.2
    shown freehold list
    echo "What its clock said here last, and there first:"
    host_ssh 1 "grep -a '^it is ' $log | tail -n 3 | sed 's/^/  host1 | /'"
    HOST=2
    host_ssh 2 "tail -n +1 -F $log 2>/dev/null | grep -a -m 3 '^it is ' | sed 's/^/  host2 | /'"
    guest_tools
    shown freehold list
    shown freehold info web
    shown busybox ping -c 3 192.168.77.10 || die "the guest does not answer"
    inside web '>/run/quiet; sleep 1; md5sum /usr/lib/x86_64-linux-gnu/libgdbm.so.6'
}

# A file goes to the guest, and its card's process is killed meanwhile.
demo_network() {
    local tap
    shown busybox ping -c 3 192.168.77.10 || die "the guest does not answer"
    tap=$(host_ssh 1 'ls /sys/class/net/xenbr0/brif | grep -vx eth1')
    host_ssh 1 'head -c 64M /dev/urandom >/root/data; sha256sum </root/data
        (setsid busybox nc -l -p 7000 </root/data >/dev/null 2>&1 &)'
    echo "64 MiB to the guest; the card's process is killed when 8 are over:"
    host_ssh 1 "until [ \$(cat /sys/class/net/$tap/statistics/tx_bytes) -gt 8000000 ]; do :; done
        kill -9 \$(pgrep -f '[f]reehold-net web/')" &
    inside web 'bash -c "sha256sum </dev/tcp/192.168.77.1/7000"'
    wait $!
    shown freehold stats web
}

demo_canaries() {
    local kind seed
    for kind in ordinary protected; do
        seed=1
        [ $kind = protected ] && seed=2
        host_ssh 1 "cat >/root/$kind.cfg" <<CFG
name     = "$kind"
type     = "pvh"
kernel   = "/freehold/guest/canary.elf"
cmdline  = "canary.seed=$seed"
memory   = 64
vcpus    = 1
CFG
    done
    shown xl create -q /root/ordinary.cfg
    shown freehold create /root/protected.cfg
    ORDINARY=$(host_ssh 1 xl domid ordinary)
    PROTECTED=$(host_ssh 1 xl domid protected)
    host_ssh 1 'for f in /var/log/xen/console/guest-ordinary.log \
            /var/log/freehold/protected.log; do
        timeout 60 bash -c "tail -n +1 -F $f 2>/dev/null | grep -m1 CANARY" || exit 1
    done'
}
