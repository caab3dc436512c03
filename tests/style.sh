#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# style.sh - what can be told from the text alone; run by ./dev test style
#
# usage: style.sh BUILD-ROOT (a Debian 13 root with clang-format, shellcheck)
set -uo pipefail
root=$1
cd "$TOP" || exit 1
. lab/common.sh

verdict() { # pass|fail WHAT
    printf '%-4s style: %s\n' "$1" "$2" | tee -a "$RESULTS"
}

# judge WHAT LIST: passes when LIST is empty, else shows it.
judge() {
    if [ -z "$2" ]; then
        verdict pass "$1"
    else
        verdict fail "$1"
        printf '%s\n' "$2" | head -n 30 | sed 's/^/     | /'
    fi
}

c_files=$(git ls-files -co --exclude-standard '*.c' '*.h' '*.S')
sh_files=$(git ls-files -co --exclude-standard dev '*.sh' '.ci/run' \
    lab/dom0 lab/guest 'packaging/debian/*.post*' 'packaging/grub/[0-9]*')

bad=$(for f in $c_files $sh_files; do
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier' || echo "$f"
done)
judge "every source file opens with its licence" "$bad"

bad=$(in_root "$root" "$TOP:/src" -- sh -c "cd /src && clang-format --dry-run \
    $(echo "$c_files" | grep "\.[ch]$" | grep -v abi/xen_steward.h | tr "\n" " ") 2>&1" | grep "warning:" || true)
judge "clang-format agrees" "$bad"

bad=$(in_root "$root" "$TOP:/src" -- sh -c "cd /src && shellcheck -x -S warning \
    -s bash -e SC1090,SC1091,SC2034,SC2046,SC2086,SC2154,SC2206,SC2207 \
    $(echo "$sh_files" | tr '\n' ' ')" 2>&1 | grep '^In\|SC[0-9]*' || true)
judge "shellcheck agrees" "$bad"

bad=$(for f in $c_files; do
    n=$(wc -l <"$f")
    [ "$n" -gt 800 ] && echo "$f: $n lines, want at most 800"
done)
judge "no file has more than 800 lines" "$bad"

bad=$(grep -rlE 'xenforeignmemory|xc_map_foreign' --include='*.[ch]' \
    --include=CMakeLists.txt . 2>/dev/null |
    grep -v -e '^./tests/intruder/' -e '^./build/' || true)
judge "foreign mapping is called by the intruder alone" "$bad"

series=$(grep -v '^#' xen/patches/series 2>/dev/null)
bad=
[ -n "$series" ] || bad="xen/patches/series is missing"
for p in $series; do
    [ -f "xen/patches/$p" ] || bad+="xen/patches/$p is missing"$'\n'
done
judge "every patch of the series is there" "$bad"

# The public header that the series installs is ours, byte for byte.
made=$(mktemp -d)
for p in $series; do
    awk '/^diff --git/ { on = / b\/xen\/include\/public\/steward.h$/ }
        /^-- $/ { on = 0 }
        on' "xen/patches/$p" | patch -d "$made" -p1 -s -f
done >/dev/null 2>&1
cmp "$made/xen/include/public/steward.h" abi/xen_steward.h >/dev/null 2>&1
differs=$?
rm -rf "$made"
if [ $differs = 0 ]; then
    verdict pass "Xen's public/steward.h is abi/xen_steward.h"
else
    verdict fail "Xen's public/steward.h differs from abi/xen_steward.h"
fi

# Names in ARCHITECTURE.md: `path/file.c` must exist; `file.c:function` must
# stand in that file.
bad=$(grep -o '`[A-Za-z0-9_./-]*`' ARCHITECTURE.md | tr -d '`' |
    grep -E '/.*\.(c|h|S|sh|md|lds)$|^(common|toolstack|steward|xen|lab|tests|bench|abi)/[a-z]' |
    sort -u | while read -r f; do [ -e "$f" ] || echo "$f: no such file"; done
    grep -o '`[A-Za-z0-9_./-]*\.[chS]:[a-z_0-9]*`' ARCHITECTURE.md | tr -d '`' |
    sort -u | while IFS=: read -r f fn; do
        paths=$(git ls-files -co --exclude-standard "$f" "*/$f")
        if [ -z "$paths" ]; then
            echo "$f: no such file"
        else
            grep -qw "$fn" $paths || echo "$f: no $fn in it"
        fi
    done)
judge "ARCHITECTURE.md names what exists" "$bad"

# Tests that SECURITY.md names, `suite: row`, are there.
refs=$(grep -o '`[a-z0-9-]*: [^`]*`' SECURITY.md | tr -d '`' | sort -u)
bad=$(while IFS= read -r ref; do
    suite=${ref%%: *} row=${ref#*: }
    case $suite in
    unit) where=tests/unit row="TEST($row)" ;;
    model) where=tests/model ;;
    intruder) where=tests/intruder row="\"$row" ;;
    evil-dom0) where=tests/evil row="\"$row\"" ;;
    xen-inside) where=xen/test ;;
    xen-migrate) where="tests/lab/xen-migrate.sh tests/lab/tools/passage.c" ;;
    host-*) where="tests/lab/$suite.sh tests/lab/host.sh" ;;
    *) where=tests/lab/$suite.sh ;;
    esac
    grep -rqF -e "$row" $where || echo "$ref: no such row"
done <<<"$refs" 2>&1)
judge "SECURITY.md names tests that exist" "$bad"
