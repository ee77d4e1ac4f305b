#!/usr/bin/env python3
"""The verdict over the running demonstration: simulated Discord's ledger against the bot's own record.

    ledger.py STATE_DIRECTORY

Waits for what is still on its way (up to 15 s without progress), then prints how many events were sent, and
how many the bot lost, received twice or received out of order within a guild. Status 1 when any was lost.
"""
import json
import sys
import time
import urllib.request
from pathlib import Path

PAGE = 50_000
PATIENCE_S = 15
LOST_SHOWN = 20


def read_ledger(control, after):
    entries = []
    while True:
        with urllib.request.urlopen(f"{control}/ledger?after={after}&limit={PAGE}", timeout=30) as answer:
            page = [json.loads(line) for line in answer.read().splitlines() if line]
        # Backfills, replies and the start of sessions are for one receiver: only events are news for everyone.
        entries += [entry for entry in page if entry["kind"] == "event"]
        if len(page) < PAGE:
            return entries
        after = page[-1]["serial"]


def read_record(path):
    """(serial, type) in the order of receipt."""
    serials = []
    for line in path.read_text().splitlines():
        serial, _, kind = line.partition(" ")
        if kind:
            serials.append((int(serial), kind))
    return serials


def judge(ledger, record):
    known = {entry["serial"]: entry for entry in ledger}
    seen, newest = set(), {}
    twice = disordered = 0
    for serial, kind in record:
        entry = known.get(serial)
        # A guild that is shown again after an IDENTIFY has the serial of what last touched it: no news.
        if entry is None or (kind == "GUILD_CREATE" and (entry["type"] != kind or serial in seen)):
            continue
        if serial in seen:
            twice += 1
            continue
        seen.add(serial)
        guild = entry["guild"]
        if serial < newest.get(guild, 0):
            disordered += 1
        else:
            newest[guild] = serial
    lost = [entry for serial, entry in known.items() if serial not in seen]
    return {"sent": len(known), "received": len(seen), "lost": len(lost), "twice": twice,
            "disordered": disordered, "lost_entries": lost}


def main():
    state = Path(sys.argv[1])
    about = state / "demo.json"
    if not about.exists():
        sys.exit(f"no demonstration is running: {about} is not there. Start one with ./evergate.sh run")
    about = json.loads(about.read_text())
    ledger = read_ledger(about["control"], about["start"])
    best, patience = -1, time.monotonic() + PATIENCE_S
    while True:
        verdict = judge(ledger, read_record(state / "bot.serials"))
        if not verdict["lost"] or time.monotonic() > patience:
            break
        if verdict["received"] > best:
            best, patience = verdict["received"], time.monotonic() + PATIENCE_S
        time.sleep(0.5)
    unanswered = [entry for entry in verdict["lost_entries"] if entry["type"] == "INTERACTION_CREATE"]
    verdict["lost"] -= len(unanswered)
    print("{sent:,} events sent by Discord, {received:,} received by the bot: {lost} lost, {twice} delivered twice, "
          "{disordered} out of order within their guild".format(**verdict))
    if unanswered:
        print(f"  and {len(unanswered)} interactions that were on their way as the bot died: they are never sent twice")
    for entry in [entry for entry in verdict["lost_entries"] if entry not in unanswered][:LOST_SHOWN]:
        print("  lost: serial {serial}, {type}, guild {guild}".format(**entry))
    sys.exit(1 if verdict["lost"] else 0)


if __name__ == "__main__":
    main()
