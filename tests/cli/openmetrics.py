#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""openmetrics.py - is this OpenMetrics 1.0 text?

usage: openmetrics.py FILE...    (-: standard input)

Checks what the specification demands of gauges and counters, the only types
that Freehold writes: exit status 1 and a line for the first fault.
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(
    rf"^({NAME})(?:\{{((?:{LABEL}(?:,{LABEL})*)?)\}})? ([^ ]+)(?: ([0-9.]+))?$")
META = re.compile(rf"^# (TYPE|UNIT|HELP) ({NAME}) (.*)$")
ESCAPED = re.compile(r'^(?:[^\\"\n]|\\[\\"n])*$')
SUFFIX = {"gauge": [""], "counter": ["_total", "_created"]}


class Fault(Exception):
    pass


def need(good, what):
    if not good:
        raise Fault(what)


class Family:
    def __init__(self, name):
        self.name = name
        self.meta = {}
        self.samples = set()

    def add_meta(self, kind, text):
        need(not self.samples, f"{kind} of {self.name} behind its samples")
        need(kind not in self.meta, f"{self.name} has two {kind} lines")
        if kind == "TYPE":
            need(text in SUFFIX, f"{self.name}: type {text}")
        if kind == "UNIT":
            need(self.name.endswith("_" + text),
                 f"{self.name} does not end with its unit {text}")
        if kind == "HELP":
            need(ESCAPED.match(text), f"{self.name}: HELP is not escaped")
        self.meta[kind] = text

    def add_sample(self, name, labels, value):
        kind = self.meta.get("TYPE")
        need(kind, f"{name}: a sample without a TYPE")
        need(name[len(self.name):] in SUFFIX[kind],
             f"{name}: no sample of the {kind} {self.name}")
        keys = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="', labels)
        pairs = re.findall(LABEL, labels)
        need(len(set(keys)) == len(keys), f"{name}: a label is there twice")
        key = (name, tuple(sorted(pairs)))
        need(key not in self.samples, f"{name}: the same sample again")
        self.samples.add(key)
        number = float(value)
        if kind == "counter":
            need(number >= 0, f"{name}: a counter of {value}")


def family_of(name, families):
    for suffix in ("", "_total", "_created"):
        base = name[:len(name) - len(suffix)] if suffix else name
        if name.endswith(suffix) and base in families:
            return base
    raise Fault(f"{name}: a sample of no family")


def check(raw):
    text = raw.decode("utf-8")
    need(text.endswith("\n# EOF\n") or text == "# EOF\n",
         "it does not end with # EOF")
    lines = text[:-len("# EOF\n")].splitlines()
    need("# EOF" not in lines, "# EOF in the middle")
    families, current = {}, None
    for number, line in enumerate(lines, 1):
        try:
            meta = META.match(line)
            sample = SAMPLE.match(line)
            need(meta or sample, f"neither sample nor head: {line}")
            name = meta.group(2) if meta else family_of(sample.group(1),
                                                        families)
            if current is None or name != current.name:
                need(name not in families, f"{name} is not in one piece")
                current = families[name] = Family(name)
            if meta:
                current.add_meta(meta.group(1), meta.group(3))
            else:
                current.add_sample(sample.group(1), sample.group(2) or "",
                                   sample.group(3))
        except (Fault, ValueError) as fault:
            raise Fault(f"line {number}: {fault}") from None
    need(families, "there is nothing in it")


def main(paths):
    need(paths, "want a file")
    for path in paths:
        with (sys.stdin.buffer if path == "-" else open(path, "rb")) as f:
            check(f.read())


try:
    main(sys.argv[1:])
except (Fault, UnicodeDecodeError, OSError) as why:
    sys.exit(f"openmetrics: {why}")
