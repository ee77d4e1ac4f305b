#!/usr/bin/env python3
"""Compiles every header of ours alone, and twice.

    headers_alone.py BUILD_FOLDER      (test house.headers_alone)

A header that others include need not have a compilation of its own: first in one, with the header that includes it
next, it stands alone, and what it brings to the next one comes with that one's own includes. So the headers are
compiled in chains, each of which includes the one before it; as few of them as there can be. What has not changed
since the last time is not compiled again. Status 1 when one does not compile.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
UNWANTED = re.compile(r" -include-pch \S+| -Xclang -fno-pch-timestamp| -Winvalid-pch| -MD| -M[TF] \S+| -[oc] \S+")


def headers():
    """Name as it is included → names of the headers it includes."""
    files = {str(path.relative_to(ROOT / "src")): path for path in sorted((ROOT / "src").rglob("*.h"))}
    return {name: {other for other in INCLUDE.findall(path.read_text()) if other in files} for name, path in files.items()}


def closures(direct):
    """The same, with what those include in turn."""
    done = {}

    def visit(name):
        if name not in done:
            done[name] = set()  # folders have no cycle (house.rules)
            done[name] = direct[name].union(*(visit(other) for other in direct[name])) if direct[name] else set()
        return done[name]

    for name in direct:
        visit(name)
    return done


def chains(below):
    """As few lists as possible in which each header includes the one before it: a largest matching of headers with
    headers that include them."""
    above = {name: [other for other in below if name in below[other]] for name in below}
    next_of, before = {}, {}

    def find(name, seen):
        for other in above[name]:
            if other in seen:
                continue
            seen.add(other)
            if other not in before or find(before[other], seen):
                next_of[name], before[other] = other, name
                return True
        return False

    for name in below:
        find(name, set())
    out = []
    for name in below:
        if name not in before:
            chain = [name]
            while chain[-1] in next_of:
                chain.append(next_of[chain[-1]])
            out.append(chain)
    return out


def compiler(build):
    """The command of a source of src/app, which may include every folder, without what is the source's own."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if re.search(r"/app_\d+\.cpp$|/src/app/[^/]+\.cpp$", entry["file"]):
            words = re.sub(UNWANTED, " ", entry["command"]).split()
            return " ".join(words[next(i for i, word in enumerate(words) if "clang++" in word):])
    sys.exit("headers_alone: no source of src/app in compile_commands.json")


def write_if_new(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    build = Path(sys.argv[1]).resolve()
    folder = build / "headers_alone"
    folder.mkdir(exist_ok=True)
    lines = ["rule alone", f"  command = {compiler(build)} -fsyntax-only -MD -MF $out.d $in && touch $out",
             "  depfile = $out.d", "  deps = gcc", "  description = $in"]
    below = closures(headers())
    all_chains = chains(below)
    for chain in all_chains:
        source = folder / (chain[-1].replace("/", "_") + ".cpp")
        write_if_new(source, "".join(f'#include "{name}"\n' * 2 for name in chain))
        lines.append(f"build {source}.ok: alone {source}")
    write_if_new(folder / "build.ninja", "\n".join(lines) + "\n")
    print(f"headers_alone: {len(below)} headers in {len(all_chains)} compilations", flush=True)
    return subprocess.run(["ninja", "-C", folder, "-k", "0"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
