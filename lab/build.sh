# SPDX-License-Identifier: MIT
# build.sh - compile the project inside the Debian 13 root

# project_build PRESET: configure and build into build/PRESET.
project_build() {
    local preset=$1 root
    root=$(need_build_root)
    mkdir -p "$TOP/build"
    in_root "$root" "$TOP:/src" -- sh -c "cd /src &&
        { [ -e build/$preset/build.ninja ] ||
          cmake --preset $preset >build/$preset.log 2>&1 ||
          { cat build/$preset.log; exit 1; }; } &&
        cmake --build build/$preset -- -j$(nproc)" >&2
}

# Collect what dom0 sees under /freehold into build/stage: guests, the tests'
# programs, the packages.  `freehold` itself comes by the package alone.
project_stage() {
    local guests disk
    guests=$(need_guests)
    disk=$(need_guest_disk)
    mkdir -p "$TOP/build/stage/bin" "$TOP/build/stage/guest" "$TOP/build/stage/deb"
    cp -u "$guests"/* "$TOP/build/stage/guest/"
    cp -u "$disk" "$TOP/build/stage/guest/debian.qcow2"
    rm -f "$TOP/build/stage/bin/freehold" "$TOP"/build/stage/deb/*
    cp "$TOP"/build/deb/*.deb "$TOP/build/stage/deb/"
    local f
    for f in "$TOP"/build/dev/bin/*; do
        [ -f "$f" ] && [ "${f##*/}" != freehold ] && cp -u "$f" "$TOP/build/stage/bin/"
    done
    for f in "$TOP"/build/dev/guest/*; do
        [ -f "$f" ] && cp -u "$f" "$TOP/build/stage/guest/"
    done
    return 0
}

# tree_files [PATHSPEC...]: the checkout's files, zero-terminated.
tree_files() {
    git -C "$TOP" ls-files -z -co --exclude-standard -- "$@" |
        while IFS= read -r -d '' f; do
            [ ! -f "$TOP/$f" ] || printf '%s\0' "$f"
        done
}

# Build the Debian packages into build/deb, out of a copy of the tree in
# build/deb/src.  Times are copied and objects stay in build/deb/obj, so only
# what changed is compiled; if nothing did, the packages stand.
project_debs() {
    local root xen out=$TOP/build/deb made
    root=$(need_build_root)
    xen=$(need_xen)
    made=$(key "${root##*/}" "${xen##*/}" \
        "$(cd "$TOP" && tree_files ':!/tests' ':!/lab' ':!/bench' ':!/xen' |
            LC_ALL=C sort -z | xargs -0 sha256sum)")
    [ "$(cat "$out/made" 2>/dev/null)" = "$made" ] && return
    rm -rf "$out/made" "$out/src" "$out"/*.deb \
        "$out"/*.changes "$out"/*.buildinfo
    mkdir -p "$out/src/debian"
    tree_files | tar -C "$TOP" --null -T - -cf - | tar -C "$out/src" -xf -
    cp -r "$TOP"/packaging/debian/. "$out/src/debian/"
    say "building the packages"
    logged "$out/build.log" in_root "$root" "$TOP:/src" "$xen:/xen" -- \
        sh -c 'cd /src/build/deb/src && FREEHOLD_OBJ=/src/build/deb/obj \
            FREEHOLD_XEN=/xen DEB_BUILD_OPTIONS="nocheck noautodbgsym" \
            dpkg-buildpackage -b -d -nc -us -uc -Pnocheck' # -d: no C++ there
    echo "$made" >"$out/made"
}

# dom0's disk with the packages installed, in build/dom0: disk.img, and what
# QEMU boots of theirs, xen and steward.bin.
project_disk() {
    local out=$TOP/build/dom0 base made work
    project_debs
    base=$(need_dom0_base)
    made=$(key "${base##*/}" "$TOP"/build/deb/*.deb)
    [ "$(cat "$out/made" 2>/dev/null)" = "$made" ] && return
    say "making dom0's disk"
    mkdir -p "$out"
    rm -f "$out"/*
    (
        # In the cache, for the root is made of links to it.
        work=$(mktemp -d "$CACHE/disk.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        make_disk "$base/root" "$work/root" "$out"
    )
    echo "$made" >"$out/made"
}

make_disk() {
    local root=$2 out=$3
    link_root "$1" "$root"
    logged "$out/apt.log" in_root "$root" "$TOP/build/deb:/mnt" -- \
        sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y \
            --no-install-recommends /mnt/*.deb'
    zcat "$root/boot/freehold-xen-4.20.gz" >"$out/xen"
    cp "$root/boot/freehold-steward.bin" "$out/steward.bin"
    # A name of its own until it is whole.
    logged "$out/disk.log" \
        mke2fs -q -t ext4 -O ^has_journal -d "$root" "$out/disk.new" 3G
    mv "$out/disk.new" "$out/disk.img"
}

build_main() {
    local preset=dev
    for a in "$@"; do
        case $a in
        --deb)
            project_debs
            say "built: $(cd "$TOP" && echo build/deb/*.deb)"
            return
            ;;
        --asan) preset=asan ;;
        --tsan) preset=tsan ;;
        --clang) preset=clang ;;
        *) die "./dev build: $a: want --deb, --asan, --tsan or --clang" ;;
        esac
    done
    project_build $preset
    say "built: build/$preset"
}
