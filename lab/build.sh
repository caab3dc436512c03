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

build_main() {
    local preset=dev
    for a in "$@"; do
        case $a in
        --asan) preset=asan ;;
        --tsan) preset=tsan ;;
        --clang) preset=clang ;;
        *) die "./dev build: $a: want --asan, --tsan or --clang" ;;
        esac
    done
    project_build $preset
    say "built: build/$preset"
}
