#!/usr/bin/env python3
"""The public headers are documented in full, and docs/api.md leaves nothing out.

    api_reference.py [ROOT]     status 1 with a line per breach

1. Doxygen over include/evergate, warnings as errors (docs/Doxyfile).
2. Every method, event and kind of state of the headers is named in docs/api.md.
3. tests/api_names.txt (what managers of other eras and libraries offer) has a row for each name in the tables
   of docs/api.md, and what a row names exists: an option, a method, an event, a state, a controller.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def doxygen(root):
    with tempfile.TemporaryDirectory() as place:
        settings = (root / "docs/Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {place}\n"
        done = subprocess.run(["doxygen", "-"], cwd=root, input=settings, text=True, capture_output=True, check=False)
    for line in done.stderr.splitlines():
        yield line.replace(f"{root}/", "")
    if done.returncode != 0 and not done.stderr:
        yield f"doxygen ended with {done.returncode}"


def body_of(text, head):
    """What stands between the braces of a struct or class."""
    start = re.search(rf"^(?:struct|class) {head}\b[^;]*?\{{", text, re.M)
    if start is None:
        return ""
    return text[start.end():text.index("\n};", start.end())]


def members_of(body):
    """Names of a body's own members, without comments and nested bodies."""
    body = re.sub(r"//[^\n]*", "", body)
    found = set()
    for statement in body.split(";"):
        statement = re.sub(r"<[^;]*>", "", re.sub(r"\{.*\}", "", statement, flags=re.S))
        named = re.search(r"(\w+)\s*(?:=[^;]*)?$", statement.strip())
        if named:
            found.add(named.group(1))
    return found


class Api:
    def __init__(self, root):
        headers = {path.name: path.read_text() for path in sorted((root / "include/evergate").glob("*.h"))}
        manager = re.sub(r"//[^\n]*", "", body_of(headers["gateway_manager.h"], "gateway_manager"))
        self.methods = set(re.findall(r"\bvirtual [^;(]*?(\w+)\(", manager)) - {"gateway_manager"}
        self.events = members_of(body_of(headers["gateway_events.h"], "gateway_events"))
        self.controllers = members_of(body_of(headers["controllers.h"], "controller_table"))
        self.states = set(re.findall(r"^struct (\w+)", headers["gateway_state.h"], re.M))
        self.options = set(re.findall(r"^\| `([\w.]+)` \|", (root / "docs/configuration.md").read_text(), re.M))
        self.in_code = members_of(body_of(headers["gateway_options.h"], "gateway_options"))
        fields = {name: members_of(body_of(headers["gateway_state.h"], name)) for name in self.states}
        self.fields = {f"{struct}::{field}" for struct, all_of in fields.items() for field in all_of}

    def has(self, reference):
        """`options.KEY`, `events.NAME`, `controllers.NAME`, `NAME()`, `STRUCT::FIELD` or `STRUCT`."""
        kind, _, name = reference.partition(".")
        if kind == "options":
            return name in self.options or name in self.in_code
        if kind in ("events", "controllers"):
            return name in getattr(self, kind)
        if reference.endswith("()"):
            return reference[:-2] in self.methods
        return reference in self.states or reference in self.fields


def rows_of(text):
    """(name, what serves it) of the tables whose first head is `Name there`."""
    for table in re.findall(r"^\| Name there \|[^\n]*\n\|[-|]+\n((?:\|[^\n]*\n)+)", text, re.M):
        for line in table.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield cells[0], cells[-1]


def breaches(root):
    api = Api(root)
    text = (root / "docs/api.md").read_text()
    if len(api.methods) < 30 or len(api.events) < 15 or len(api.controllers) < 10:
        yield "the headers are not understood any more: this test has to be mended"
    for name in sorted(api.methods):
        if f"`{name}(" not in text:
            yield f"docs/api.md: {name}() is missing"
    for name in sorted(api.events | api.states):
        if f"`{name}`" not in text:
            yield f"docs/api.md: {name} is missing"
    rows = dict(rows_of(text))
    wanted = [line.strip() for line in (root / "tests/api_names.txt").read_text().splitlines()
              if line.strip() and not line.startswith("#")]
    for name in wanted:
        if f"`{name}`" not in rows:
            yield f"docs/api.md: no row for {name}"
    for name in sorted(set(rows) - {f"`{name}`" for name in wanted}):
        yield f"docs/api.md: a row for {name}, which is not in tests/api_names.txt"
    for name, served in rows.items():
        references = re.findall(r"`([^`]+)`", served)
        known = [one for one in references if re.fullmatch(r"(options|events|controllers)\.[\w.]+|\w+\(\)|\w+::\w+", one)]
        for one in known:
            if not api.has(one):
                yield f"docs/api.md: {name} is said to be {one}, which does not exist"
        if not known and not served.startswith("–"):
            yield f"docs/api.md: {name} has neither what serves it nor a reason (– …)"


def main(arguments):
    root = Path(arguments[0] if arguments else Path(__file__).resolve().parent.parent).resolve()
    found = [*doxygen(root), *breaches(root)]
    for one in found:
        print(one)
    print(f"public library: {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
