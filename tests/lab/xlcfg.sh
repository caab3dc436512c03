#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xlcfg.sh - xl itself and freehold read each file of the corpus the same
# lab: stock
#
# unit_xlcfg compares with libxlutil; this adds what xl's own program makes of
# the settings, by its dry run, which asks Xen for the host's CPUs.
. "$(dirname "$0")/lib.sh"

dom0_sh 'rm -rf /root/corpus; mkdir /root/corpus'
tar -C "$TOP/tests/xlcfg/corpus" -c . | host_ssh 1 'tar -C /root/corpus -x'

out=$(dom0_sh 'cd /root/corpus && xlcfg-compare *.cfg')
files=$(ls "$TOP"/tests/xlcfg/corpus/*.cfg | wc -l)
accepted=$(grep -c ': same$' <<<"$out")
refused=$(grep -cE ': refused(, by xl too)?$' <<<"$out")
if [ $((accepted + refused)) = "$files" ] && [ "$files" -ge 40 ]; then
    pass "$files configurations: $accepted read as xl reads them, $refused refused as their heads say"
else
    fail "$files configurations are read as xl reads them" \
        "$(grep -vE ': (same|refused|refused, by xl too)$' <<<"$out")"
fi

check_out "settings of the command line come after the file" '"max_memkb": 98304' \
    dom0 freehold create -n /root/corpus/xen-pvh.cfg memory=96 'vif=[]'
check_out "and as with xl: one may go on in the next word" '"vdev":"xvdb"' \
    dom0_sh 'freehold create -n /root/corpus/xen-pvh.cfg "disk=[\"/a,raw,xvda\"," \
        "\"/b,raw,xvdb\"]" | tr -d " \n"'
check_fails "an error there says which word" '^freehold: command line:2:8: value: got' \
    dom0 freehold create -n /root/corpus/xen-pvh.cfg memory=96 memory=x
check_fails "--strict: an unknown key is an error" \
    'typo.cfg:[0-9]+:1: ramdsk: unknown key, no effect; did you mean ramdisk\?' \
    dom0 freehold --strict check /root/corpus/typo.cfg
check_out "without it: a warning" 'on_chrash: unknown key, no effect; did you mean on_crash\?' \
    dom0 freehold check /root/corpus/typo.cfg
exit 0
