#!/usr/bin/env python3
"""The launcher of tools/: connections wait while the program behind the socket is dead, and nothing is left over."""
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parent.parent / "tools" / "launcher.py"
DEADLINE_S = 30

# Answers every connection with its pid, once it has made sure that the socket is meant for it.
PROGRAM = textwrap.dedent("""
    import os, socket
    if (os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"]) != ("1", str(os.getpid())):
        raise SystemExit("the socket is for somebody else")
    listener = socket.socket(fileno=3)
    while True:
        connection, _ = listener.accept()
        connection.sendall(f"{os.getpid()}\\n".encode())
        connection.close()
""")


class LauncherTest(unittest.TestCase):
    def launch(self, *options, program=PROGRAM):
        self.process = subprocess.Popen([sys.executable, LAUNCHER, *options, "--", sys.executable, "-c", program],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, self.process)
        self.port = self.heard("listening")["port"]

    def end(self, process):
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def heard(self, event):
        """The next line of the launcher, which must tell of this event."""
        line = json.loads(self.process.stdout.readline())
        self.assertEqual(line["event"], event, line)
        return line

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        self.addCleanup(connection.close)
        return connection

    def answer(self, connection):
        return int(connection.makefile().readline())

    def test_a_killed_program_is_started_again_on_the_same_socket(self):
        self.launch()
        pids = []
        for _ in range(3):
            pid = self.heard("started")["pid"]
            self.assertEqual(self.answer(self.connect()), pid)
            pids.append(pid)
            os.kill(pid, signal.SIGKILL)
            self.assertEqual(self.heard("exited")["signal"], signal.SIGKILL)
        self.assertEqual(len(set(pids)), 3)

    def test_a_connection_waits_while_no_program_runs(self):
        self.launch("--stdin")
        waiting = self.connect()
        self.tell("start")
        pid = self.heard("started")["pid"]
        self.assertEqual(self.answer(waiting), pid)

    def test_stop_ends_the_program_but_not_the_socket(self):
        self.launch("--stdin")
        self.tell("start")
        first = self.heard("started")["pid"]
        self.assertEqual(self.answer(self.connect()), first)
        self.tell("stop")
        self.assertEqual(self.heard("exited")["pid"], first)
        waiting = self.connect()
        self.tell("start")
        second = self.heard("started")["pid"]
        self.assertEqual(self.answer(waiting), second)

    def test_the_program_does_not_outlive_the_launcher(self):
        for leave in (lambda: self.process.send_signal(signal.SIGTERM), self.process_input_ends):
            with self.subTest():
                self.launch("--stdin")
                self.tell("start")
                pid = self.heard("started")["pid"]
                self.assertEqual(self.answer(self.connect()), pid)
                leave()
                self.assertEqual(self.heard("exited")["pid"], pid)
                self.assertEqual(self.process.wait(DEADLINE_S), 0)
                with self.assertRaises(ProcessLookupError):
                    os.kill(pid, 0)

    def process_input_ends(self):
        self.process.stdin.close()

    def test_a_program_that_cannot_run_is_told(self):
        self.launch("--stdin", program="raise SystemExit(7)")
        self.tell("start")
        self.heard("started")
        self.assertEqual(self.heard("exited")["code"], 7)

    def test_an_address_in_use_is_an_error(self):
        self.launch("--stdin")
        second = subprocess.run([sys.executable, LAUNCHER, "--port", str(self.port), "--", "true"], check=False,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(self.port), second.stderr)
        self.assertNotIn("Traceback", second.stderr)


if __name__ == "__main__":
    unittest.main()
