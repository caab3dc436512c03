# SPDX-License-Identifier: MIT
# cache.sh - what is made once and kept outside the tree
#
# Each need_X prints the path of X and makes it first where it is missing.  A
# path carries the key of everything that went into it, so a change makes a
# new one; an unfinished one has the suffix .new and is made again.

CACHE=${FREEHOLD_CACHE:-/var/cache/freehold}

# The Debian mirror this machine itself uses, unless told otherwise.
mirror() {
    local m=${FREEHOLD_MIRROR:-}
    [ -n "$m" ] || m=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' \
        'Created-By: Packages' | awk '$1 == "Debian" && !m { print m = $2 }')
    [ -n "$m" ] || die "no Debian mirror in apt's sources: set FREEHOLD_MIRROR"
    echo "${m%/}"
}

BUILD_PACKAGES="gcc libc6-dev clang libclang-rt-dev llvm make cmake ninja-build
    pkgconf bison flex python3 patch xz-utils bc libxen-dev libuv1-dev
    libjson-c-dev libseccomp-dev libmnl-dev liburing-dev libnbd-dev
    libbearssl-dev libcmocka-dev libsystemd-dev zlib1g-dev libelf-dev scdoc
    clang-format cpio busybox-static zstd ca-certificates git shellcheck
    debhelper lintian"
DOM0_PACKAGES="linux-image-amd64 xen-hypervisor-4.20-amd64 xen-utils-4.20
    xen-utils-common xenstore-utils openssh-server iproute2 kmod udev
    busybox-static procps e2fsprogs strace libuv1t64 libjson-c5 libseccomp2
    libmnl0 liburing2 libnbd0 libsystemd0 initramfs-tools zstd fio iperf3
    python3-minimal ethtool xz-utils cpio systemd systemd-sysv dbus qemu-utils
    grub-common grub2-common grub-pc-bin"
# What ./dev itself needs of the machine it runs on, Debian 12 or 13.
HOST_PACKAGES="mmdebstrap debian-archive-keyring e2fsprogs openssh-client
    util-linux mount iproute2 xz-utils patch"

need_host() {
    local p missing=()
    for p in $HOST_PACKAGES; do
        dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    logged "$CACHE/log/apt-host.log" apt-get update
    DEBIAN_FRONTEND=noninteractive logged "$CACHE/log/apt-host.log" \
        apt-get install -y --no-install-recommends "${missing[@]}"
}

# locked NAME CMD...: one maker at a time, over all checkouts of a machine.
locked() {
    local name=$1
    shift
    mkdir -p "$CACHE/lock"
    (
        flock 9
        "$@"
    ) 9>"$CACHE/lock/$name"
}

# cached PATH LABEL MAKER ARG...: MAKER gets PATH.new as its first argument.
cached() {
    local path=$1 label=$2
    shift 2
    if [ ! -e "$path" ]; then
        locked "$(basename "$path")" make_cached "$path" "$label" "$@" >&2
    fi
    echo "$path"
}

make_cached() {
    local path=$1 label=$2 maker=$3
    shift 3
    [ -e "$path" ] && return
    need_host
    say "$label"
    rm -rf "$path.new"
    "$maker" "$path.new" "$@"
    mv "$path.new" "$path"
}

# The Debian 13 root that everything is built and QEMU is run in.
need_build_root() {
    cached "$CACHE/build-$(key trixie "$BUILD_PACKAGES" \
        "$(bash "$TOP/lab/qemu/build.sh" --packages)")" \
        "making the Debian 13 root to build in" make_build_root
}

make_build_root() {
    local pkgs
    pkgs=$(echo $BUILD_PACKAGES $(bash "$TOP/lab/qemu/build.sh" --packages) | tr ' ' ,)
    logged "$CACHE/log/build-root.log" mmdebstrap --variant=minbase \
        --include="$pkgs" --aptopt='Acquire::Languages "none"' \
        trixie "$1" "deb $(mirror) trixie main" "deb-src $(mirror) trixie main"
    logged "$CACHE/log/build-root.log" chroot "$1" apt-get update
}

# The Debian 13 root that becomes dom0's disk.
need_dom0_root() {
    cached "$CACHE/dom0-$(key trixie "$DOM0_PACKAGES")" \
        "making the Debian 13 root of dom0" make_dom0_root
}

make_dom0_root() {
    logged "$CACHE/log/dom0-root.log" mmdebstrap --variant=minbase \
        --include="$(echo $DOM0_PACKAGES | tr ' ' ,)" \
        --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-include=/usr/share/doc/*freehold*' \
        --dpkgopt='path-include=/usr/share/man/man*/freehold*' \
        trixie "$1" "deb $(mirror) trixie main"
}

# Debian's part of dom0's disk: its root as the lab sets it up, what QEMU boots
# (vmlinuz, initrd, xen-stock) and the keys for ssh.
need_dom0_base() {
    local root
    root=$(need_dom0_root)
    cached "$CACHE/base-$(key "${root##*/}" "$TOP/lab/dom0")" \
        "setting up dom0's root" make_dom0_base "$root"
}

make_dom0_base() {
    local out=$1 root=$1/root
    mkdir -p "$out"
    link_root "$2" "$root"
    mkdir -p "$root/usr/lib/freehold-lab" "$root/freehold" "$root/root/.ssh"
    cp "$TOP"/lab/dom0/* "$root/usr/lib/freehold-lab/"
    rm -f "$root"/etc/ssh/ssh_host_*
    ssh-keygen -q -t ed25519 -N '' -C lab \
        -f "$root/etc/ssh/ssh_host_ed25519_key" </dev/null
    ssh-keygen -q -t ed25519 -N '' -C lab -f "$out/ssh-key" </dev/null
    cp "$out/ssh-key.pub" "$root/root/.ssh/authorized_keys"
    logged "$CACHE/log/dom0-setup.log" \
        chroot "$root" /usr/lib/freehold-lab/setup
    logged "$CACHE/log/dom0-initrd.log" \
        chroot "$root" /usr/lib/freehold-lab/make-initrd /boot/lab-initrd
    cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
    mv "$root/boot/lab-initrd" "$out/initrd"
    zcat "$root"/boot/xen-4.20-amd64.gz >"$out/xen-stock"
}

# link_root FROM TO: a root like FROM.  Its files are links, but for those that
# installing a package may write to in place.
link_root() {
    cp -al "$1" "$2"
    rm -rf "${2:?}/etc" "${2:?}/var"
    cp -a "$1/etc" "$1/var" "$2/"
}

# Our Xen: xen/build.sh applies the series to Debian 13's source.
need_xen() {
    local root
    root=$(need_build_root)
    cached "$CACHE/xen-$(key "$TOP/xen" "${root##*/}")" \
        "building Xen with our patches (about 2 minutes)" make_xen "$root"
}

make_xen() {
    logged "$CACHE/log/xen-build.log" \
        bash "$TOP/xen/build.sh" "$2" "$CACHE/src" "$1"
}

need_qemu() {
    local root
    if [ -n "${FREEHOLD_QEMU:-}" ]; then # to try another: bin/ and share/qemu/
        echo "$FREEHOLD_QEMU"
        return
    fi
    root=$(need_build_root)
    cached "$CACHE/qemu-$(key "$TOP/lab/qemu" "${root##*/}")" \
        "building QEMU with the lab's patches (some minutes)" make_qemu "$root"
}

make_qemu() {
    logged "$CACHE/log/qemu-build.log" bash "$TOP/lab/qemu/build.sh" "$2" "$1"
}

# Debian's QEMU as a device model of Xen, a peer in bench/blk; its libraries
# beside it, and nothing installed: no test shall see it.
need_xen_qemu() {
    local root dom0
    root=$(need_build_root)
    dom0=$(need_dom0_root)
    cached "$CACHE/xen-qemu-$(key xen-qemu-1 "${dom0##*/}")" \
        "fetching Debian's QEMU for Xen" make_xen_qemu "$root" "$dom0"
}

make_xen_qemu() {
    mkdir -p "$1/deb/partial"
    logged "$CACHE/log/xen-qemu.log" in_root "$2" "$1:/mnt" \
        "$3/var/lib/dpkg:/srv" -- sh -c 'apt-get install -y --download-only \
            --no-install-recommends -o Dir::State::status=/srv/status \
            -o Dir::Cache::archives=/mnt/deb -o APT::Sandbox::User=root \
            -o Debug::NoLocking=1 qemu-system-xen &&
        for p in /mnt/deb/qemu-system-xen_* /mnt/deb/lib*; do
            dpkg-deb -x $p /mnt/x || exit 1
        done
        mkdir -p /mnt/bin /mnt/lib &&
        cp $(find /mnt/x -type f -name "*qemu-system-i386*" -size +1M) /mnt/bin/ &&
        cp -P /mnt/x/usr/lib/x86_64-linux-gnu/*.so* /mnt/lib/ &&
        rm -rf /mnt/x /mnt/deb'
}

# Kernels and initrds for guests.
need_guests() {
    local root dom0
    root=$(need_build_root)
    dom0=$(need_dom0_root)
    cached "$CACHE/guests-$(key "$TOP/lab/guest" "$TOP/tests/lab/tools/nettool.c" \
        "$TOP/tests/lab/tools/memcheck.c" \
        "${dom0##*/}")" \
        "fetching guests' kernels and making initrds" \
        make_guests "$root" "$dom0"
}

# A Debian root filesystem for guests, a qcow2 image.
need_guest_disk() {
    local dom0
    dom0=$(need_dom0_root)
    cached "$CACHE/guest-disk-$(key "$TOP/lab/guest/make-disk" \
        "$TOP/lab/guest/agent" "${dom0##*/}")" \
        "making a Debian root filesystem for guests" make_guest_disk "$dom0"
}

make_guest_disk() {
    logged "$CACHE/log/guest-disk.log" \
        "$TOP/lab/guest/make-disk" "$2" "$1" "$(mirror)"
}

make_guests() {
    logged "$CACHE/log/guests.log" "$TOP/lab/guest/make" "$2" "$3" "$1" "$(mirror)"
}
