#!/bin/bash
# SPDX-License-Identifier: MIT
#
# build.sh - build the patched QEMU that the lab's hosts run on
#
#   build.sh --packages        print the Debian packages ROOT must have
#   build.sh ROOT OUTDIR       build inside ROOT, install into OUTDIR
#
# ROOT is a Debian 13 root with those packages and a deb-src line; the caller
# is root on Debian 12 or 13.  Source and objects go to ROOT/src/freehold-qemu
# and are removed at the end (KEEP=1 keeps them).
#
# OUTDIR gets bin/qemu-system-x86_64 (a small wrapper), libexec/ (the program),
# lib/ (the loader and every library it needs, copied from ROOT) and
# share/qemu/ (firmware).  It needs neither ROOT nor a chroot afterwards and
# may be moved: the wrapper starts the program by OUTDIR's own loader, so the
# host's C library does not matter.

set -euo pipefail

VERSION=10.0.13+ds
PACKAGES="gcc libc6-dev make ninja-build pkgconf patch xz-utils ca-certificates
          meson python3 python3-venv python3-pycotap
          libglib2.0-dev libpixman-1-dev zlib1g-dev libslirp-dev libattr1-dev
          libcap-ng-dev seabios qemu-system-data"
FIRMWARE="seabios/bios-256k.bin qemu/kvmvapic.bin qemu/linuxboot.bin
          qemu/linuxboot_dma.bin qemu/multiboot.bin qemu/multiboot_dma.bin
          qemu/pvh.bin"

here=$(cd "$(dirname "$0")" && pwd)

die() {
    echo "build.sh: $*" >&2
    exit 1
}

fetch() {               # the tar only: a mirror may lack the rest of the version
    in_root apt-get -q update
    in_root sh -c "cd $work &&
        apt-get -q -o APT::Sandbox::User=root source --tar-only qemu"
    tar=$(ls "$root$work"/qemu_*.orig.tar.xz)
    case $tar in
    */qemu_$VERSION.orig.tar.xz) ;;
    *)  echo "build.sh: patches are for $VERSION, building ${tar##*/}" >&2 ;;
    esac
    mkdir "$root$work/qemu"
    tar xJf "$tar" -C "$root$work/qemu" --strip-components=1 --no-same-owner
}

patch_source() {
    local p

    for p in "$here"/*.patch; do
        echo "build.sh: ${p##*/}"
        patch -d "$root$work/qemu" -p1 -s -F0 <"$p"
    done
    cp "$here/lab.mak" "$root$work/qemu/configs/devices/x86_64-softmmu/"
    # Debian's tar has no EDK2 images, which are unpacked wherever bzip2 is.
    sed -i 's/^if unpack_edk2_blobs$/if false/' \
        "$root$work/qemu/pc-bios/meson.build"
}

compile() {
    in_root sh -c "mkdir $work/build && cd $work/build &&
        ../qemu/configure --target-list=x86_64-softmmu \
            --without-default-features --without-default-devices \
            --with-devices-x86_64=lab --enable-system --enable-tcg \
            --enable-slirp --enable-virtfs --enable-attr --enable-cap-ng \
            --enable-pixman --disable-debug-info --disable-install-blobs \
            --disable-download --disable-docs --disable-tools >configure.log ||
        { tail -n 40 configure.log; exit 1; }
        ninja qemu-system-x86_64"
}

install_out() {
    local f lib

    rm -rf "$out.new"
    mkdir -p "$out.new"/{bin,libexec,lib,share/qemu}
    cp "$root$work/build/qemu-system-x86_64" "$out.new/libexec/"
    in_root ldd "$work/build/qemu-system-x86_64" |
        sed -n 's/.* => \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\).*/\1/p' |
        while read -r lib; do
            cp -L "$root$lib" "$out.new/lib/"
        done
    for f in $FIRMWARE; do
        cp -L "$root/usr/share/$f" "$out.new/share/qemu/"
    done
    cat >"$out.new/bin/qemu-system-x86_64" <<'EOF'
#!/bin/sh
# SPDX-License-Identifier: MIT
# Start the lab's QEMU by its own loader and libraries, its network cards
# without a PXE ROM.  Written by build.sh.
d=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$d/lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$d/lib" \
    --argv0 qemu-system-x86_64 \
    "$d/libexec/qemu-system-x86_64" -L "$d/share/qemu" \
    -global virtio-net-pci.romfile= "$@"
EOF
    chmod 755 "$out.new/bin/qemu-system-x86_64"
    "$out.new/bin/qemu-system-x86_64" --version
    rm -rf "$out"
    mv "$out.new" "$out"
}

in_root() {
    chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

cleanup() {
    local m

    for m in $mounted; do
        umount "$root/$m"
    done
    if [ "${KEEP:-0}" = 0 ]; then
        rm -rf "$root$work"
    fi
}

if [ "${1:-}" = --packages ]; then
    echo "$PACKAGES" | xargs
    exit 0
fi
[ $# = 2 ] || die "usage: build.sh --packages | build.sh ROOT OUTDIR"
[ -x "$1/usr/bin/apt-get" ] || die "$1: not a Debian root"
root=$(cd "$1" && pwd)
mkdir -p "$(dirname "$2")"
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
work=/src/freehold-qemu
mounted=

for p in $PACKAGES; do
    in_root dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
        grep -qx installed || die "$root: package $p is missing"
done

trap cleanup EXIT
rm -rf "${root:?}$work"
mkdir -p "$root$work"
for m in proc dev; do
    if ! mountpoint -q "$root/$m"; then
        mount --bind "/$m" "$root/$m"
        mounted="$m $mounted"
    fi
done
[ -e "$root/etc/resolv.conf" ] || cp -L /etc/resolv.conf "$root/etc/"

fetch
patch_source
compile
install_out
