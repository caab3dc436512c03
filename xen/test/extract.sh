#!/bin/bash
# SPDX-License-Identifier: MIT
# extract.sh - files that the series adds to Xen, as it leaves them
#
# usage: extract.sh OUTDIR PATH...
#
# PATH is as in Xen's tree, xen/ in front.  They come to stand in OUTDIR/PATH.
set -euo pipefail

patches=$(cd "$(dirname "$0")/../patches" && pwd)
out=$1
shift
for path in "$@"; do
    rm -f "$out/$path"
    mkdir -p "$out/$(dirname "$path")"
    grep -v '^#' "$patches/series" | while read -r name; do
        awk -v path=" b/$path" '
            /^diff --git/ { on = substr($0, length($0) - length(path) + 1) == path }
            /^-- $/ { on = 0 }
            on' "$patches/$name" | patch -d "$out" -p1 -s -f
    done
    [ -s "$out/$path" ] || {
        echo "xen/test/extract.sh: $path: no patch adds it" >&2
        exit 1
    }
done
