#!/usr/bin/env python3
"""Each rule of tidy.py finds a breach planted in a small tree, and none in a clean one."""
import tempfile
import unittest
from pathlib import Path

import tidy

CLEAN = {
    "src/base/CMakeLists.txt": "evergate_library(base LIBRARIES fmt::fmt)\n",
    "src/base/README.md": "# base\n",
    "src/base/clock.h": "// What it is.\n#pragma once\n",
    "src/proto/CMakeLists.txt": "evergate_library(proto DEPENDS base)\n",
    "src/proto/README.md": "# proto\n",
    "src/proto/scan.h": '// What it is.\n#pragma once\n#include "base/clock.h"\n',
    "src/net/CMakeLists.txt": "evergate_library(net DEPENDS base)\n",
    "src/net/README.md": "# net\n",
    "src/net/stream.h": "// What it is.\n#pragma once\n#include <boost/asio.hpp>\n",
    "src/net/url.h": "// What it is.\n#pragma once\n",
    "tests/base/clock_test.cpp": 'connect("127.0.0.1");\n',
}


def breaches(rule, changes):
    with tempfile.TemporaryDirectory() as root:
        for name, text in {**CLEAN, **changes}.items():
            path = Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [(str(path), line) for path, line, _ in rule(tidy.Tree(root))]


def function_of(lines):
    return "void grow(\n    int by) {\n" + "  by += 1;\n" * (lines - 2) + "}\n"


# rule, the file that breaks it, its text, the line that is named
PLANTED = [
    (tidy.includes_are_declared, "src/base/x.cpp", '#include "proto/scan.h"\n', 1),
    (tidy.includes_are_declared, "src/lost/x.cpp", "int x;\n", 1),
    (tidy.headers_stay_with_their_owner, "src/proto/x.cpp", "#include <curl/curl.h>\n", 1),
    (tidy.headers_stay_with_their_owner, "src/net/x.cpp", "\n#include <lmdb.h>\n", 2),
    (tidy.headers_stay_with_their_owner, "src/proto/x.cpp", "#include <boost/beast/core.hpp>\n", 1),
    (tidy.sockets_stay_inside_net, "src/proto/x.cpp", '#include "net/stream.h"\n', 1),
    (tidy.cores_are_pure, "src/proto/x.cpp", "auto t = base::boot_clock::now();\n", 1),
    (tidy.cores_are_pure, "src/proto/x.cpp", "// fine: getenv\nstd::thread worker;\n", 2),
    (tidy.names_are_plain, "src/base/CamelCase.cpp", "", 1),
    (tidy.names_are_plain, "src/base/string_util.cpp", "", 1),
    (tidy.files_are_short, "src/base/x.cpp", "int x;\n" * 601, 601),
    (tidy.functions_are_short, "src/base/x.cpp", function_of(71), 2),
    (tidy.headers_introduce_themselves, "src/base/x.h", "#pragma once\n", 1),
    (tidy.headers_introduce_themselves, "src/base/x.h", "// What it is.\n#ifndef X\n", 2),
    (tidy.rooms_have_a_readme, "src/base/README.md", "line\n" * 26, 26),
    (tidy.nothing_is_left_for_later, "src/base/x.cpp", "int x;  // TO" "DO: more\n", 1),
    (tidy.tests_await_events, "tests/base/x_test.cpp", "std::this_thread::sleep_for(1s);\n", 1),
    (tidy.tests_stay_on_loopback, "tests/base/x_test.cpp", 'connect("8.8.8.8");\n', 1),
    (tidy.nothing_names_this_machine, "docs/x.md", "see /ro" "ot/x\n", 1),
    (tidy.nothing_names_this_machine, "examples/package-lock.json", '{\n "resolved": "x"\n}', 2),
]


class TidyTest(unittest.TestCase):
    def test_a_clean_tree_has_no_breach(self):
        for rule in tidy.RULES:
            self.assertEqual(breaches(rule, {}), [], rule.__name__)

    def test_each_planted_breach_is_found(self):
        for rule, name, text, line in PLANTED:
            with self.subTest(rule=rule.__name__, name=name):
                self.assertIn((name, line), breaches(rule, {name: text}))

    def test_a_cycle_of_folders_is_found(self):
        found = breaches(tidy.folders_have_no_cycle, {"src/base/CMakeLists.txt": "evergate_library(base DEPENDS proto)\n"})
        self.assertEqual(len(found), 1)

    def test_a_missing_readme_is_found(self):
        self.assertEqual(breaches(tidy.rooms_have_a_readme, {"src/new/x.cpp": ""}), [("src/new/README.md", 1)])

    def test_short_functions_and_allowed_names_pass(self):
        self.assertEqual(breaches(tidy.functions_are_short, {"src/base/x.cpp": function_of(70)}), [])
        self.assertEqual(breaches(tidy.names_are_plain, {"src/base/gateway_manager.cpp": ""}), [])

    def test_each_rule_is_broken_by_some_test(self):
        broken = {rule for rule, *_ in PLANTED} | {tidy.folders_have_no_cycle}
        self.assertEqual(broken, set(tidy.RULES))


if __name__ == "__main__":
    unittest.main()
