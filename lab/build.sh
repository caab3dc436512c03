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

# Collect what dom0 sees under /freehold into build/stage.
project_stage() {
    local guests
    guests=$(need_guests)
    mkdir -p "$TOP/build/stage/bin" "$TOP/build/stage/guest"
    cp -u "$guests"/* "$TOP/build/stage/guest/"
    local f
    for f in "$TOP"/build/dev/bin/*; do
        [ -f "$f" ] && cp -u "$f" "$TOP/build/stage/bin/"
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
