#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# packages.sh - dom0 runs the Debian packages, and they come, go and boot
# lab: ours
. "$(dirname "$0")/lib.sh"

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/packaging/debian/changelog")
both='freehold xen-hypervisor-4.20-freehold'

check "the changelog and CMake agree on the version" \
    grep -q "^project(freehold VERSION $version " "$TOP/CMakeLists.txt"
check "both packages are installed, in this version" dom0_sh "
    for p in $both; do
        s=\$(dpkg-query -W -f '\${db:Status-Abbrev}\${Version}' \$p) || exit 1
        [ \"\$s\" = 'ii $version' ] || { echo \"\$p: \$s\"; exit 1; }
    done"
check "no file of theirs was changed" dom0_sh "
    out=\$(dpkg --verify $both 2>&1) && [ -z \"\$out\" ] || { echo \"\$out\"; exit 1; }"
check "\`freehold\` is the package's" dom0_sh '
    [ "$(command -v freehold)" = /usr/bin/freehold ] &&
        dpkg -S /usr/bin/freehold | grep -qx "freehold: /usr/bin/freehold"'
check "what is installed is what was built" dom0_sh '
    for deb in /freehold/deb/*.deb; do
        dpkg-deb -f "$deb" Package Version
        t=$(mktemp -d) && dpkg-deb -x "$deb" "$t" || exit 1
        (cd "$t" && find . -type f) | while read -r f; do
            cmp "$t/$f" "/$f" || exit 1
        done || exit 1
    done'
# What QEMU booted, by Xen's own word: its build id.
check "the Xen that runs is the package's" dom0_sh '
    runs=$(xl info | sed -n "s/^build_id *: //p")
    [ ${#runs} = 40 ] || { echo "no build id: $runs"; exit 1; }
    zcat /boot/freehold-xen-4.20.gz >/tmp/xen.bin
    hex=$(od -An -v -tx1 /tmp/xen.bin | tr -d " \n")
    case $hex in *"$runs"*) ;; *) echo "$runs is not in the file"; exit 1 ;; esac'
check "each backend's program is installed, and that of transfers" dom0_sh '
    for p in blk image migrate net; do
        [ "$(stat -c "%a %U" /usr/libexec/freehold/freehold-$p)" = "755 root" ] || exit 1
    done'
check "what settles a transfer has its place, which is root's alone" dom0_sh '
    [ "$(stat -c "%a %U" /var/lib/freehold/migrate)" = "700 root" ]'
check "the manual is there" dom0_sh '
    for page in man1/freehold.1 man5/freehold.cfg.5; do
        zcat /usr/share/man/$page.gz | grep -q "^\.TH" || exit 1
    done'
if [ -e "$TOP/toolstack/completion/freehold.bash" ]; then
    check "bash completes its commands" dom0_sh '
        . /usr/share/bash-completion/completions/freehold && complete -p freehold'
fi
units=$(cd "$TOP" && ls packaging/systemd/ 2>/dev/null)
if [ -n "$units" ]; then
    check "systemd finds no fault in the units" dom0_sh "
        cd /usr/lib/systemd/system &&
            out=\$(systemd-analyze verify --man=no $(echo $units) 2>&1) &&
            [ -z \"\$out\" ] || { echo \"\$out\"; exit 1; }"
fi

guest_cfg() { # NAME LINE...
    { printf 'name = "%s"\ntype = "pvh"\nvcpus = 1\n' "$1"; printf '%s\n' "${@:2}"; } |
        host_ssh 1 "cat >/root/$1.cfg; rm -f /var/log/freehold/$1.log"
}
# No network in dom0: what apt needs must be there.
apt_in_dom0() {
    dom0_sh "DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -q -y \
        --no-install-recommends $* </dev/null"
}
debians_entries() {
    dom0_sh 'sed -n "/BEGIN .*linux_xen/,/END .*linux_xen/p" /boot/grub/grub.cfg'
}

# apt takes minutes in a dom0 that is emulated: the rest is for --long.  An
# upgrade under a running guest is in the suite service.
[ -n "${LONG:-}" ] || exit 0

# Packages go and come while a guest runs, which is not to notice.  GRUB's menu
# is made by their scripts, as on a host that boots by it.
guest_cfg over 'kernel = "/freehold/guest/tiny.elf"' 'memory = 16'
check "a guest starts" dom0 timeout 240 freehold create /root/over.cfg
id=$(dom0 xl domid over)
check "the default is protected=on" dom0 grep -qx \
    'export FREEHOLD_CMDLINE_XEN="protected=on dom0-iommu=strict"' /etc/default/grub.d/freehold.cfg
check "an administrator changes that, and the default entry" dom0_sh '
    mkdir -p /boot/grub && sed -i "s/protected=on /protected=strict /
        s/^#GRUB_DEFAULT/GRUB_DEFAULT/" /etc/default/grub.d/freehold.cfg'

check "apt removes both" apt_in_dom0 remove $both
check_fails "the command is gone" 'not found' dom0_sh 'freehold list'
check "so are Xen, the steward and their entries" dom0_sh '
    [ -s /boot/grub/grub.cfg ] &&
        ! ls /boot | grep freehold && ! grep "freehold-xen" /boot/grub/grub.cfg'
check "logs of guests stay" dom0 test -e /var/log/freehold/over.log
without=$(debians_entries)

check "apt installs both again" apt_in_dom0 install '/freehold/deb/*.deb'
check "the guest ran on, and the new \`freehold\` knows it" dom0_sh "
    [ \"\$(xl domid over)\" = $id ] && freehold info over"
check "destroy ends it" dom0 freehold destroy over
check "the menu is one that GRUB can read" dom0 grub-script-check /boot/grub/grub.cfg
if [ -n "$without" ] && [ "$without" = "$(debians_entries)" ]; then
    pass "the entries of Debian's Xen are the same with the package and without"
else
    fail "the entries of Debian's Xen are the same with the package and without" \
        "$(diff <(echo "$without") <(debians_entries))"
fi
menu=$(dom0_sh 'sed -n "/^menuentry.*.freehold. {/,/^}/p" /boot/grub/grub.cfg' | tr -s ' \t' ' ')
check_out "the entry boots our Xen, with the administrator's option" \
    '^ multiboot2 /boot/freehold-xen-4.20.gz placeholder protected=strict dom0-iommu=strict \$\{xen_rm_opts\}$' \
    echo "$menu"
want='module2 /boot/vmlinuz-*
module2 --nounzip /boot/initrd.img-*
module2 --nounzip /boot/freehold-steward.bin'
got=$(grep '^ module2' <<<"$menu" | sed -E 's/^ //; s,(vmlinuz-|initrd.img-).*,\1*,')
if [ "$want" = "$got" ]; then
    pass "its modules are kernel, initrd and, last, the steward"
else
    fail "its modules are kernel, initrd and, last, the steward" "$got"
fi
check "it is the default that was asked for" \
    dom0 grep -q '^ *set default="freehold"$' /boot/grub/grub.cfg

check "the host is fit" dom0 freehold check
guest_cfg fresh 'kernel = "/freehold/guest/vmlinuz-6.12"' \
    'ramdisk = "/freehold/guest/initrd-small"' 'cmdline = "console=hvc0"' 'memory = 192'
check "a guest of what was just installed starts" \
    dom0 timeout 240 freehold create /root/fresh.cfg
check "it comes to its init" wait_log 240 FREEHOLD-INIT /var/log/freehold/fresh.log
check "destroy ends it, too" dom0 freehold destroy fresh

# Last, for the suites behind this one: everything as it was.
check "purge takes the logs along" dom0_sh "
    rm -rf /boot/grub && dpkg --purge $both || exit 1
    for f in /var/log/freehold /var/lib/freehold /etc/freehold /etc/grub.d/21_freehold; do
        [ ! -e \$f ] || { echo \"\$f is left\"; exit 1; }
    done"
check "dpkg installs both once more" dom0_sh 'dpkg -i /freehold/deb/*.deb'
exit 0
