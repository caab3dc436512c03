#!/bin/bash
# SPDX-License-Identifier: MIT
# build.sh - Xen as Debian 13 ships it, with the series, built in a given root
#
# usage: build.sh [--each] ROOT SRC_TAR_DIR OUTDIR
#
# ROOT is a Debian 13 root with compiler, bison, flex and deb-src lines, or /
# where this is one; only a root other than / needs root's rights.  The source
# tar (XEN_VERSION below) is taken from SRC_TAR_DIR, or fetched to there.  Leaves
# xen.gz, xen-syms and config in OUTDIR; with --each, builds after each patch too.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
each=
if [ "${1:-}" = --each ]; then
    each=1
    shift
fi
[ $# = 3 ] || { sed -n '/^# usage/s/^# //p' "$0" >&2; exit 2; }
root=$(realpath "$1")
mkdir -p "$2" "$3"
tars=$(realpath "$2")
out=$(realpath "$3")

work=$(mktemp -d "$root/tmp/xen-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
inside=${work#"$root"}

die() {
    echo "xen/build.sh: $*" >&2
    exit 1
}

in_root() {
    local how=(chroot "$root")
    [ "$root" != / ] || how=()
    "${how[@]}" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C "$@"
}

# The upstream source that the series was made on and tested with, and its
# SHA-256.  Debian's index runs ahead of a mirror's pool, and a newer source may
# want the series moved to it, so what is built is named here.
XEN_VERSION=4.20.3+127-gc42374a105
XEN_SHA256=df0831854a55a8f31cb3cb85036f2edc928e2ef098d77f815f5714bfafac68f3

find_tar() {
    local known=$tars/xen_$XEN_VERSION.orig.tar.xz
    if [ -e "$known" ]; then
        echo "$known"
    else
        find "$tars" -maxdepth 1 -name 'xen_4.20*.orig.tar.xz' | sort -V | tail -n 1
    fi
}

# The mirrors of the root's deb-src lines, each with where its pool has Xen.
pools() {
    in_root apt-get indextargets --format '$(REPO_URI)' 'Created-By: Sources' |
        sort -u | while read -r uri; do
        case $uri in
        *-security*) echo "${uri%/}/pool/updates/main/x/xen" ;;
        *) echo "${uri%/}/pool/main/x/xen" ;;
        esac
    done
}

# The tar alone: mirrors may lack the rest of the same version.  One that has
# dropped this version has a newer one.
fetch() {
    local pool name=xen_$XEN_VERSION.orig.tar.xz
    mkdir "$work/fetch"
    for pool in $(pools); do
        if in_root /usr/lib/apt/apt-helper -qq download-file "$pool/$name" \
            "$inside/fetch/$name" "SHA256:$XEN_SHA256" >&2; then
            mv "$work/fetch/$name" "$tars/"
            return
        fi
    done
    echo "xen/build.sh: no mirror has $name: taking Debian 13's newest" >&2
    in_root sh -c "cd $inside/fetch && apt-get update -qq &&
        apt-get -qq source --tar-only xen/trixie ||
        apt-get -qq source --tar-only xen" >&2 ||
        die "source: apt-get source: no deb-src line, or no network"
    rm -f "$work"/fetch/*.orig-*.tar.* # components that are not built
    mv "$work"/fetch/xen_4.20*.orig.tar.xz "$tars/" ||
        die "source: got $(ls "$work/fetch"), want xen_4.20*.orig.tar.xz"
}

configure() {
    in_root make -s -C "$inside/src/xen" XEN_TARGET_ARCH=x86_64 defconfig \
        >/dev/null
    cat "$here/config" >>"$work/src/xen/.config"
    in_root make -s -C "$inside/src/xen" XEN_TARGET_ARCH=x86_64 olddefconfig \
        >/dev/null 2>&1
}

# A dependency that changed upstream may have turned one of ours over.
check_config() {
    local line
    while read -r line; do
        case $line in
        CONFIG_*=y) grep -qx "$line" "$work/src/xen/.config" ||
            die "config: $line: not possible with this source" ;;
        '# CONFIG_'*) ! grep -q "^$(echo "$line" | cut -d' ' -f2)=" \
            "$work/src/xen/.config" ||
            die "config: $line: not possible with this source" ;;
        esac
    done <"$here/config"
}

build() {
    configure
    in_root nice make -s -C "$inside/src/xen" XEN_TARGET_ARCH=x86_64 \
        XEN_BUILD_DATE=- XEN_BUILD_TIME=- XEN_BUILD_HOST=freehold \
        XEN_WHOAMI=freehold XEN_DOMAIN=local -j"$(nproc)"
}

apply() {
    patch -d "$work/src" -p1 -s -f --no-backup-if-mismatch <"$here/patches/$1" ||
        die "$1: does not apply to $(basename "$tar")"
}

tar=$(find_tar)
if [ -z "$tar" ]; then
    fetch
    tar=$(find_tar)
fi
[ -n "$tar" ] || die "$tars: no xen_4.20*.orig.tar.xz"

mkdir "$work/src"
tar -xf "$tar" -C "$work/src" --strip-components=1

while read -r name; do
    case $name in '' | '#'*) continue ;; esac
    apply "$name"
    if [ -n "$each" ]; then
        echo "== $name"
        build || die "$name: does not build"
    fi
done <"$here/patches/series"

[ -n "$each" ] || build
check_config
install -m 644 "$work/src/xen/xen.gz" "$work/src/xen/xen-syms" "$out/"
install -m 644 "$work/src/xen/.config" "$out/config"
