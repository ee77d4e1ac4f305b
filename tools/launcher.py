#!/usr/bin/env python3
"""Keeps a listening socket open while the daemon behind it comes and goes.

The socket is opened once and handed to every child as descriptor 3 with LISTEN_FDS and LISTEN_PID, as
systemd's socket activation does (sd_listen_fds(3)). While no child runs, connections wait in the backlog
instead of being refused, and a refused connection makes some bot libraries forget their session.

    launcher.py [--address A] [--port N] [--stdin] -- PROGRAM [ARGUMENT...]

Prints one line of JSON per happening on standard output: listening, started, exited. SIGTERM and SIGINT
stop the child with SIGTERM, then the launcher. A child that ends otherwise is started again, with growing
pauses when it fails at once (0, 0.25, 0.5 ... 5 s). With --stdin nothing restarts by itself: the lines
`start` and `stop` on standard input do it, and the end of input ends the launcher.
"""
import argparse
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

FIRST_LISTEN_FD = 3
BACKLOG = 4096
PAUSE_STEP_S = 0.25
PAUSE_MAX_S = 5.0
HEALTHY_AFTER_S = 5.0
STOP_GRACE_S = 20.0
PR_SET_PDEATHSIG = 1
OPEN_FILES_MAX = 65536


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Launcher:
    """One listening socket, at most one child."""

    def __init__(self, address, port, command, on_event=say, stderr=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(BACKLOG)
        self.address, self.port = self.listener.getsockname()[:2]
        self.command = command
        self.on_event = on_event
        self.stderr = stderr
        self.child = None
        self.started_at = 0.0
        self.failures = 0
        self.next_start = 0.0
        on_event("listening", address=self.address, port=self.port)

    def start(self):
        if self.child is not None:
            return
        listener_fd = self.listener.fileno()
        libc = ctypes.CDLL(None)

        def become_daemon():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            os.setpgid(0, 0)  # Ctrl-C is for the launcher, which then stops the daemon in its own way
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            if listener_fd == FIRST_LISTEN_FD:
                os.set_inheritable(FIRST_LISTEN_FD, True)
            else:
                os.dup2(listener_fd, FIRST_LISTEN_FD, inheritable=True)
            os.closerange(FIRST_LISTEN_FD + 1, OPEN_FILES_MAX)
            os.environ["LISTEN_FDS"] = "1"
            os.environ["LISTEN_PID"] = str(os.getpid())
            # Executed here, not by subprocess, so that the environment names this very process.
            try:
                os.execvp(self.command[0], self.command)
            except OSError as failure:
                os.write(2, f"launcher: cannot run {self.command[0]}: {failure.strerror}\n".encode())
                os._exit(127)

        self.child = subprocess.Popen(self.command, preexec_fn=become_daemon, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=self.stderr, close_fds=False)
        self.started_at = time.monotonic()
        self.on_event("started", pid=self.child.pid)

    def reap(self):
        """Notices a child that ended; true when there is none now."""
        if self.child is None:
            return True
        status = self.child.poll()
        if status is None:
            return False
        lived = time.monotonic() - self.started_at
        self.failures = 0 if lived >= HEALTHY_AFTER_S else self.failures + 1
        self.next_start = time.monotonic() + min(PAUSE_MAX_S, PAUSE_STEP_S * max(0, self.failures - 1))
        self.on_event("exited", pid=self.child.pid, code=status if status >= 0 else None,
                      signal=-status if status < 0 else None)
        self.child = None
        return True

    def keep_running(self):
        if self.reap() and time.monotonic() >= self.next_start:
            self.start()

    def stop(self):
        if self.child is None:
            return
        self.child.terminate()
        try:
            self.child.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.reap()


def obey_stdin(launcher, leaving):
    """Follows the lines of standard input; false at its end."""
    pending = b""
    while not leaving:
        launcher.reap()
        readable, _, _ = select.select([0], [], [], 0.02)
        if not readable:
            continue
        chunk = os.read(0, 4096)
        if not chunk:
            return
        pending += chunk
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            launcher.reap()
            if line == b"start":
                launcher.start()
            elif line == b"stop":
                launcher.stop()
            else:
                say("unknown", line=line.decode("utf-8", "replace"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stdin", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    leaving = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.append(True))
    try:
        launcher = Launcher(options.address, options.port, options.command)
    except OSError as failure:
        return f"launcher: cannot listen on {options.address} port {options.port}: {failure.strerror}"
    if options.stdin:
        obey_stdin(launcher, leaving)
    else:
        while not leaving:
            launcher.keep_running()
            time.sleep(0.05)
    launcher.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
