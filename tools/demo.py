#!/usr/bin/env python3
"""What `evergate.sh run` shows without a token: simulated Discord, the daemon, and a discord.js bot.

Starts the three, says in plain words what is happening and what to type, and starts again whatever dies:
the daemon at once (its listening socket stays open in this process), the bot after a pause, so that events
have to wait for it. Ctrl-C ends everything. Files are in the directory given as --state.
"""
import argparse
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from launcher import Launcher, PR_SET_PDEATHSIG

TOKEN = "MTEwMDAwMDAwMDAwMDAwMDAwMQ.Gsimul.ated-discord-token-not-a-secret"  # the simulator's own, of no value
ALL_INTENTS = 53608447
START_DEADLINE_S = 120
STOP_GRACE_S = 10
libc = ctypes.CDLL(None)


def as_child():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setpgid(0, 0)


def say(text=""):
    print(text, flush=True)


class Demo:
    def __init__(self, options):
        self.options = options
        self.root = Path(__file__).resolve().parent.parent
        self.state = Path(options.state).resolve()
        self.leaving = False
        self.simulator = None
        self.launcher = None
        self.bot = None
        self.bot_due = None
        self.bot_lives = 0
        self.control = None

    # What is started

    def log(self, name):
        return open(self.state / f"{name}.log", "ab", buffering=0)

    def pid_file(self, name, pid):
        (self.state / f"{name}.pid").write_text(f"{pid}\n")

    def start_simulator(self):
        o = self.options
        command = [f"{o.bin}/evergate-sim", "--port", "0", "--control-port", "0", "--guilds", str(o.guilds),
                   "--shards", str(o.shards), "--token", TOKEN, "--max-concurrency", "16", "--rate", "0"]
        self.simulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=self.log("sim"), preexec_fn=as_child)
        self.pid_file("sim", self.simulator.pid)
        line = self.simulator.stdout.readline()
        if not line:
            raise SystemExit(f"simulated Discord did not start: see {self.state}/sim.log")
        ports = json.loads(line)
        self.control = f"http://127.0.0.1:{ports['control']}/control"
        return ports["gateway"]

    def start_daemon(self, gateway_port):
        config = self.state / "evergate.toml"
        config.write_text(
            f'token = "{TOKEN}"\nintents = {ALL_INTENTS}\ndata_dir = "{self.state}/data"\n\n'
            f'[listen]\naddress = "127.0.0.1"\nport = {self.options.port}\n\n'
            f'[admin]\nport = 0\n\n'
            f'[discord]\nrest = "http://127.0.0.1:{gateway_port}/api"\n')
        config.chmod(0o600)
        command = [f"{self.options.bin}/evergate", "--config", str(config)]
        try:
            self.launcher = Launcher("127.0.0.1", self.options.port, command, on_event=self.on_daemon,
                                     stderr=self.log("daemon"))
        except OSError as failure:
            raise SystemExit(f"cannot listen on port {self.options.port} ({failure.strerror}); choose another one "
                             "with EVERGATE_PORT=N, 0 for a free one") from failure
        self.launcher.start()

    def on_daemon(self, event, **fields):
        if event == "started":
            self.pid_file("daemon", fields["pid"])
            if self.bot:
                say(f"  daemon: started again as process {fields['pid']}; it resumes its sessions, bots resume theirs")
        elif event == "exited" and not self.leaving:
            how = f"signal {fields['signal']}" if fields["signal"] else f"status {fields['code']}"
            say(f"  daemon: ended by {how}; its listening socket stays open, connections wait")

    def start_bot(self):
        environment = {**os.environ, "EVERGATE_URL": f"http://127.0.0.1:{self.launcher.port}/api", "DISCORD_TOKEN": TOKEN,
                       "INTENTS": str(ALL_INTENTS), "RECORD_FILE": str(self.state / "bot.serials")}
        self.bot = subprocess.Popen(["node", str(self.root / "examples/sample_bot/bot.mjs")], env=environment,
                                    stdin=subprocess.DEVNULL, stdout=self.log("bot"), stderr=subprocess.STDOUT,
                                    preexec_fn=as_child)
        self.pid_file("bot", self.bot.pid)
        self.bot_due = None
        self.bot_lives += 1

    # What is asked

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.control}/{path}", data=data, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def wait_for(self, what, name, accepts):
        """Waits for a line of a log; gives up with its last lines."""
        deadline = time.monotonic() + START_DEADLINE_S
        path = self.state / f"{name}.log"
        while not self.leaving:
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            found = next((line for line in lines if accepts(line)), None)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: not within {START_DEADLINE_S} s. The end of {path}:\n" + "\n".join(lines[-10:]))
            if name == "daemon":
                self.launcher.keep_running()
            time.sleep(0.05)
        raise SystemExit(0)

    # The course of the demonstration

    def run(self):
        o = self.options
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True)
        say(f"1. Simulated Discord: a bot in {o.guilds:,} guilds on {o.shards} shards.")
        gateway_port = self.start_simulator()
        say("2. Evergate connects its shards to it and builds its mirror of the guilds.")
        self.start_daemon(gateway_port)
        self.wait_for("the daemon is ready", "daemon", lambda line: "fleet.ready" in line)
        say("3. An unmodified discord.js bot connects to Evergate instead of Discord.")
        self.start_bot()
        say("   " + self.wait_for("the bot is ready", "bot", lambda line: line.startswith("bot: ready as")))
        ledger = self.ask("ledger?limit=1000000").splitlines()
        start = json.loads(ledger[-1])["serial"] if ledger else 0
        (self.state / "demo.json").write_text(json.dumps({"control": self.control, "start": start}))
        self.ask("rate", {"events_per_second": o.rate})
        self.explain()
        self.supervise()

    def explain(self):
        state = os.path.relpath(self.state)
        say(f"""
Events now flow at {self.options.rate} a second. In another terminal:

  kill the bot        kill -9 $(cat {state}/bot.pid)
                      it is started again after {self.options.bot_pause:g} s and gets what was queued meanwhile
  kill the daemon     kill -9 $(cat {state}/daemon.pid)
                      it is started again at once, resumes with Discord, and the bot resumes with it
  the verdict         ./evergate.sh ledger
                      what Discord sent against what the bot received: lost, delivered twice, out of order
  the rate            ./evergate.sh rate 1000
  where it stands     {self.options.bin}/evergate consumers --config {self.state}/evergate.toml
  the logs            tail -f {state}/bot.log {state}/daemon.log {state}/sim.log

Ctrl-C ends everything.
""")

    def supervise(self):
        next_line = time.monotonic() + 10
        while not self.leaving:
            self.launcher.keep_running()
            if self.simulator.poll() is not None:
                raise SystemExit(f"simulated Discord ended: see {self.state}/sim.log")
            if self.bot.poll() is not None and self.bot_due is None:
                self.bot_due = time.monotonic() + self.options.bot_pause
                say(f"  bot: ended; its events wait in the journal. It is started again in {self.options.bot_pause:g} s")
            if self.bot_due is not None and time.monotonic() >= self.bot_due:
                self.start_bot()
                say(f"  bot: started again as process {self.bot.pid}")
            if time.monotonic() >= next_line:
                next_line += 10
                self.show_bot()
            time.sleep(0.05)

    def show_bot(self):
        with open(self.state / "bot.log", "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").splitlines()
        if lines and self.bot_due is None:
            say("  " + lines[-1])

    def stop(self):
        self.leaving = True
        for child in (self.bot, None, self.simulator):
            if child is None and self.launcher:
                self.launcher.stop()
            elif child and child.poll() is None:
                child.terminate()
                try:
                    child.wait(STOP_GRACE_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="where evergate and evergate-sim are")
    parser.add_argument("--state", required=True, help="directory for logs, pids and data; emptied first")
    parser.add_argument("--guilds", type=int, default=1000)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--port", type=int, default=7878, help="0 for a free one")
    parser.add_argument("--bot-pause", type=float, default=5, help="seconds before a dead bot is started again")
    demo = Demo(parser.parse_args())

    def leave(*_):
        demo.leaving = True

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    try:
        demo.run()
    finally:
        say("\nStopping the bot, the daemon and simulated Discord.")
        demo.stop()


if __name__ == "__main__":
    sys.exit(main())
