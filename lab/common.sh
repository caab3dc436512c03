# SPDX-License-Identifier: MIT
# common.sh - messages, private mount namespaces and cache keys for ./dev

die() {
    echo "$*" >&2
    exit 1
}

# say TEXT: one line of progress with the seconds since ./dev started.
say() {
    printf '[%4ds] %s\n' "$SECONDS" "$*" >&2
}

# key FILE-OR-WORD...: 12 hex digits naming everything that is listed.  A
# folder counts with all its files, a file with its content.
key() {
    local x
    for x in "$@"; do
        if [ -d "$x" ]; then
            (cd "$x" && find . -type f ! -name '*.md' -print0 | LC_ALL=C sort -z |
                xargs -0 sha256sum)
        elif [ -f "$x" ]; then
            sha256sum <"$x"
        else
            printf '%s\n' "$x"
        fi
    done | sha256sum | cut -c1-12
}

# logged LOG CMD...: run quietly; on failure show the log's end and stop.
logged() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "$1 failed: the whole log is $log"
    fi
}

# in_root ROOT [HOST-DIR:DIR-IN-ROOT]... -- CMD...: run CMD inside a Debian
# root, with folders of the host bound into it.  All mounts live in a private
# namespace and vanish with the command.
in_root() {
    local root=$1 binds=()
    shift
    while [ "$1" != -- ]; do
        binds+=("$1")
        shift
    done
    shift
    for b in "${binds[@]}"; do
        mkdir -p "$root${b##*:}"
    done
    # shellcheck disable=SC2016
    FH_ROOT=$root FH_BINDS="${binds[*]}" \
        unshare -m --propagation private bash -c '
        set -e
        for b in $FH_BINDS; do
            mount --bind "${b%%:*}" "$FH_ROOT${b##*:}"
        done
        mount -t proc proc "$FH_ROOT/proc"
        mount --rbind /dev "$FH_ROOT/dev"
        mount -t tmpfs tmpfs "$FH_ROOT/tmp"
        exec chroot "$FH_ROOT" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" \
            LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' in_root "$@"
}
