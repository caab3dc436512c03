# SPDX-License-Identifier: MIT
# demo.sh - ./dev demo: the main job from nothing, shown to a stranger

. "$TOP/lab/build.sh"
. "$TOP/lab/host.sh"

title() { printf '\n== %s\n\n' "$*"; }

# A command as it is typed in dom0, and what it prints.
shown() {
    printf '# %s\n' "$*"
    host_ssh 1 "$*"
}

demo_main() {
    [ $# = 0 ] || die "./dev demo: $1: no argument is wanted"
    lab_own demo
    lab_up >/dev/null

    title "A real Xen host, inside QEMU: Xen with our patches, Debian 13 in dom0"
    host_ssh 1 'xl info | grep -E "^(release|xen_version|xen_commandline|total_memory)"'
    shown freehold check

    title "Debian's stock kernel as a protected guest"
    host_ssh 1 'cat >/root/web.cfg' <<'CFG'
name    = "web"
type    = "pvh"
kernel  = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-small"
cmdline = "console=hvc0"
memory  = 256
vcpus   = 2
CFG
    shown cat /root/web.cfg
    shown freehold measure /root/web.cfg
    shown freehold create /root/web.cfg
    host_ssh 1 'timeout 300 bash -c "tail -n +1 -F /var/log/freehold/web.log \
        2>/dev/null | grep -m1 -A1 FREEHOLD-INIT"' >/dev/null ||
        die "the guest did not come to its init; ./dev lab console shows more"
    shown freehold list
    shown freehold info web
    echo "The end of its console:"
    host_ssh 1 'tail -n 12 /var/log/freehold/web.log | tr -d "\r"' | sed 's/^/  | /'

    title "A secret, held by an ordinary guest (xl) and by a protected one"
    demo_canaries
    title "An intruder in dom0 tries every way in"
    host_ssh 1 "freehold-intruder table --ordinary $ORDINARY:1 --protected $PROTECTED:2" ||
        die "a way in was open that should be shut: see the table"

    title "Stopped by its administrator, who could do no more than that"
    shown freehold shutdown -w web
    shown freehold list
    say "done: that was Xen, dom0 and the guests for real; ./dev test runs all tests"
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
