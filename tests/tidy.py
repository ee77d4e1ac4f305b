#!/usr/bin/env python3
"""The house rules as a test: what a machine can check of style and layout.

    tidy.py [ROOT]            every rule over the tree, one line per breach, status 1 if there is one
    tidy.py --format [ROOT]   clang-format over every C++ file, nothing is changed

Each rule is a function that yields breaches as (path, line, text). tests/tidy_test.py breaks each of them.
"""
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = {"src": 70, "include": 70, "sim": 70, "tests": 120, "bench": 120, "fuzz": 70}
README_LINES_MAX = 25
OPENING_LINES_MAX = 10
CODE_FOLDERS = ("src", "include", "sim", "tests", "bench", "fuzz", "examples")
CPP = {".h", ".cpp"}
TEXT = CPP | {".py", ".mjs", ".sh", ".md", ".txt", ".cmake", ".toml", ".json", ".yml", ".lua"}
SKIPPED = {"build", "node_modules", ".git", "var"}
FORBIDDEN_WORDS = {"manager", "util", "utils", "helper", "helpers", "common", "impl"}
ALLOWED_NAMES = {"gateway_manager"}
# A header that only one folder may name, and the folder. Tests of that folder may as well.
OWNED_HEADERS = {
    r"(boost/)?(asio|beast)(/|\.hpp)|openssl/|curl/": ("net", "sockets, TLS and HTTP"),
    r"lmdb(\+\+)?\.h": ("journal", "the store"),
    r"(lua|lauxlib|lualib)\.h(pp)?$": ("controllers", "Lua"),
}
PURE_FOLDERS = ("proto", "flow")
IMPURE = re.compile(
    r"\b(boot_clock::now|system_clock|steady_clock|high_resolution_clock|unix_time_ms|clock_gettime|gettimeofday"
    r"|random_device|std::j?thread|std::async|this_thread|getenv|std::[io]?fstream)\b|#include <(thread|fstream|unistd\.h|sys/\w+\.h)>")
INCLUDE = re.compile(r'^\s*#include\s+(?:"([^"]+)"|<([^>]+)>)')
ADDRESS = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\d.])")
DOCUMENTATION_NETS = ("192.0.2.", "198.51.100.", "203.0.113.")


class Tree:
    """The files under test, read once."""

    def __init__(self, root):
        self.root = Path(root)

    @cached_property
    def files(self):
        found = []
        for path in sorted(self.root.rglob("*")):
            inside = path.relative_to(self.root)
            if not SKIPPED.intersection(inside.parts) and path.is_file():
                found.append(inside)
        return found

    @cached_property
    def cpp(self):
        return [path for path in self.files if path.suffix in CPP and path.parts[0] in CODE_FOLDERS]

    def lines(self, path):
        cache = self.__dict__.setdefault("_lines", {})
        if path not in cache:
            cache[path] = (self.root / path).read_text(encoding="utf-8", errors="replace").splitlines()
        return cache[path]

    def includes(self, path):
        """(line number, quoted or None, angled or None) of each #include."""
        for number, line in enumerate(self.lines(path), 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1), match.group(2)

    @cached_property
    def depends(self):
        """folder → the folders it declares in its CMakeLists.txt."""
        declared = {}
        for path in self.files:
            if path.name != "CMakeLists.txt" or path.parts[0] not in ("src", "sim"):
                continue
            match = re.search(r"evergate_library\(\s*(\w+)([^)]*)\)", "\n".join(self.lines(path)))
            if match:
                words = match.group(2).split()
                start = words.index("DEPENDS") + 1 if "DEPENDS" in words else len(words)
                stop = words.index("LIBRARIES") if "LIBRARIES" in words[start:] else len(words)
                declared[match.group(1)] = set(words[start:stop])
        return declared

    def folder(self, path):
        """The library a source file belongs to, or None."""
        if path.parts[0] == "src" and len(path.parts) > 2:
            return path.parts[1]
        return "sim" if path.parts[0] == "sim" else None


def includes_are_declared(tree):
    for path in tree.cpp:
        folder = tree.folder(path)
        if folder is None:
            continue
        if folder not in tree.depends:
            yield path, 1, f"no evergate_library({folder} ...) declares this folder"
            continue
        for number, quoted, _ in tree.includes(path):
            other = quoted.split("/")[0] if quoted and "/" in quoted else None
            if other in tree.depends and other != folder and other not in tree.depends[folder]:
                yield path, number, f"{folder} includes {quoted}, but DEPENDS does not name {other}"


def folders_have_no_cycle(tree):
    done, trail = set(), []

    def visit(folder):
        if folder in trail:
            yield Path("src") / folder / "CMakeLists.txt", 1, "cycle: " + " -> ".join(trail[trail.index(folder):] + [folder])
            return
        if folder in done:
            return
        trail.append(folder)
        for other in sorted(tree.depends.get(folder, ())):
            yield from visit(other)
        trail.pop()
        done.add(folder)

    for folder in sorted(tree.depends):
        yield from visit(folder)


def headers_stay_with_their_owner(tree):
    for path in tree.cpp:
        home = path.parts[1] if len(path.parts) > 2 else path.parts[0]
        for number, quoted, angled in tree.includes(path):
            for pattern, (owner, what) in OWNED_HEADERS.items():
                if home != owner and re.match(pattern, quoted or angled or ""):
                    yield path, number, f"only {owner} names <{quoted or angled}> ({what})"


def sockets_stay_inside_net(tree):
    """A header of net that drags Asio, OpenSSL or curl along is private to net."""
    pattern = next(iter(OWNED_HEADERS))
    direct, below = set(), {}
    for path in tree.cpp:
        if path.parts[:2] != ("src", "net") or path.suffix != ".h":
            continue
        name = "/".join(path.parts[1:])
        below[name] = {quoted for _, quoted, _ in tree.includes(path) if quoted}
        if any(re.match(pattern, angled) for _, _, angled in tree.includes(path) if angled):
            direct.add(name)
    grown = True
    while grown:
        more = {name for name, parts in below.items() if parts & direct} - direct
        direct |= more
        grown = bool(more)
    for path in tree.cpp:
        if tree.folder(path) in (None, "net"):
            continue
        for number, quoted, _ in tree.includes(path):
            if quoted in direct:
                yield path, number, f"{quoted} is private to net: it includes a socket, TLS or HTTP library"


def cores_are_pure(tree):
    for path in tree.cpp:
        if path.parts[0] != "src" or path.parts[1] not in PURE_FOLDERS:
            continue
        for number, line in enumerate(tree.lines(path), 1):
            match = IMPURE.search(line.split("//")[0])
            if match:
                yield path, number, f"{path.parts[1]} does no I/O and reads no clock, but names {match.group(0)}"


def names_are_plain(tree):
    for path in tree.cpp:
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", path.stem):
            yield path, 1, "file names are snake_case"
        words = FORBIDDEN_WORDS.intersection(path.stem.split("_"))
        if words and path.stem.removesuffix("_test") not in ALLOWED_NAMES:
            yield path, 1, f"a file name says what the thing is, not {', '.join(sorted(words))}"


def files_are_short(tree):
    for path in tree.files:
        if path.suffix in CPP | {".py", ".mjs", ".sh"} and len(tree.lines(path)) > FILE_LINES_MAX:
            yield path, len(tree.lines(path)), f"{len(tree.lines(path))} lines, at most {FILE_LINES_MAX}"


def functions_are_short(tree):
    """Relies on clang-format: a body ends at the first `}` that stands no deeper than its opening line."""
    head = re.compile(r"\)[\w\s:&<>,()*-]*\{$")
    other = re.compile(r"^\s*(namespace|class|struct|enum|union|extern|if|for|while|switch|else|do|try|\}|return)\b")
    for path in tree.cpp:
        limit = FUNCTION_LINES_MAX.get(path.parts[0])
        lines = tree.lines(path)
        for start, line in enumerate(lines):
            if limit is None or not head.search(line) or other.match(line):
                continue
            depth = len(line) - len(line.lstrip())
            for end in range(start + 1, len(lines)):
                body = lines[end]
                if body.startswith("}", len(body) - len(body.lstrip())) and len(body) - len(body.lstrip()) <= depth:
                    if end - start + 1 > limit:
                        yield path, start + 1, f"a function of {end - start + 1} lines, at most {limit}"
                    break


def headers_introduce_themselves(tree):
    for path in tree.cpp:
        if path.suffix != ".h":
            continue
        lines = tree.lines(path)
        opening = next((n for n, line in enumerate(lines) if not line.startswith("//")), len(lines))
        if not 1 <= opening <= OPENING_LINES_MAX:
            yield path, 1, f"a header opens with a comment of 1 to {OPENING_LINES_MAX} lines, this one has {opening}"
        if "#pragma once" not in lines[opening:opening + 2]:
            yield path, opening + 1, "#pragma once follows the opening comment"


def rooms_have_a_readme(tree):
    for folder in sorted({path.parts[1] for path in tree.cpp if path.parts[0] == "src" and len(path.parts) > 2}):
        readme = Path("src") / folder / "README.md"
        if readme not in tree.files:
            yield readme, 1, "every folder of src has a README.md"
        elif len(tree.lines(readme)) > README_LINES_MAX:
            yield readme, len(tree.lines(readme)), f"at most {README_LINES_MAX} lines"


def nothing_is_left_for_later(tree):
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for path in tree.files:
        if path.suffix in TEXT and path.name != "package-lock.json":
            for number, line in enumerate(tree.lines(path), 1):
                if mark.search(line):
                    yield path, number, f"unfinished: {line.strip()[:60]}"


def tests_await_events(tree):
    pause = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(|timers/promises")
    for path in tree.files:
        if path.parts[0] == "tests" and path.suffix in CPP | {".mjs"} and path.name != "until.mjs":
            for number, line in enumerate(tree.lines(path), 1):
                if pause.search(line):
                    yield path, number, "tests await events, they do not sleep"


def tests_stay_on_loopback(tree):
    for path in tree.files:
        if path.parts[0] != "tests" or path.suffix not in CPP | {".mjs"}:
            continue
        for number, line in enumerate(tree.lines(path), 1):
            for match in ADDRESS.finditer(line):
                address = match.group(0)
                if any(int(part) > 255 for part in match.groups()):
                    continue
                if not address.startswith(("127.", *DOCUMENTATION_NETS)) and address != "0.0.0.0":
                    yield path, number, f"{address} is neither loopback nor an address for documentation"


def nothing_names_this_machine(tree):
    private = re.compile(r"(?<![\w./-])/(?:root|work|home/\w+)/\w")
    for path in tree.files:
        if path.suffix not in TEXT:
            continue
        for number, line in enumerate(tree.lines(path), 1):
            if private.search(line):
                yield path, number, "names a path of somebody's machine"
            if path.name == "package-lock.json" and '"resolved":' in line:
                yield path, number, "a lock file names no registry (omit-lockfile-registry-resolved=true in .npmrc)"


RULES = [
    includes_are_declared, folders_have_no_cycle, headers_stay_with_their_owner, sockets_stay_inside_net,
    cores_are_pure, names_are_plain, files_are_short, functions_are_short, headers_introduce_themselves,
    rooms_have_a_readme, nothing_is_left_for_later, tests_await_events, tests_stay_on_loopback,
    nothing_names_this_machine,
]


def check_format(tree):
    """clang-format in batches, two at a time; prints what it says."""
    batches = [tree.cpp[at:at + 20] for at in range(0, len(tree.cpp), 20)]

    def run(batch):
        return subprocess.run(["clang-format-19", "--dry-run", "-Werror", *batch], cwd=tree.root, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, batches))
    for result in results:
        sys.stdout.write(result.stdout)
    return 1 if any(result.returncode for result in results) else 0


def main(arguments):
    roots = [argument for argument in arguments if not argument.startswith("--")]
    tree = Tree(roots[0] if roots else Path(__file__).resolve().parent.parent)
    if "--format" in arguments:
        return check_format(tree)
    breaches = 0
    for rule in RULES:
        for path, line, text in rule(tree):
            print(f"{path}:{line}: {text} [{rule.__name__}]")
            breaches += 1
    print(f"{len(RULES)} rules over {len(tree.files)} files: {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
