#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stops `fleck serve`, and moves its threshold, while clients send images.

    tests/serve/load.py FLECK SERVE_LOAD
"""
import http.client
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

FLECK, LOAD = (os.path.abspath(word) for word in sys.argv[1:3])
number = bad = 0


def say(ok, name, found=""):
    global number, bad
    number += 1
    print(f"{'ok' if ok else 'not ok'} {number} - {name}")
    if not ok:
        bad += 1
        print("# " + str(found).replace("\n", "\n# "))


class Service:
    def __init__(self, project):
        self.process = subprocess.Popen([FLECK, "serve", project, "--port", "0"], text=True,
                                        stdout=subprocess.PIPE)
        self.port = int(re.search(r":(\d+)$", self.process.stdout.readline().strip())[1])

    def api(self, method, path, body=None, kind="application/json"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if isinstance(body, dict):
            body = json.dumps(body)
        c.request(method, "/api/v1" + path, body, {"Content-Type": kind} if body else {})
        answer = c.getresponse()
        text = answer.read()
        c.close()
        assert answer.status < 300, (method, path, answer.status, text)
        return json.loads(text)

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)


def sending(service, clients, requests, photos):
    return subprocess.Popen([LOAD, str(service.port), "1", str(clients), str(requests), *photos],
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=os.environ | {"FLECK_LOAD_LOG": "1"})


def result(load):
    """The closing JSON, the ids of the answers by name, and the names without an answer."""
    out, errors = load.communicate(timeout=300)
    lines = [line.split() for line in out.splitlines()]
    ids = {words[0]: int(words[1]) for words in lines if re.fullmatch(r"n\d+", words[0])}
    return json.loads(out.splitlines()[-1]), ids, errors


def recorded(project, after):
    """Names and ids of the inspections with larger ids."""
    database = sqlite3.connect(project / "fleck.db")
    rows = database.execute("SELECT name, id FROM inspection WHERE id > ?", (after,)).fetchall()
    models = database.execute("SELECT count(DISTINCT model) FROM inspection").fetchone()[0]
    damage = database.execute("PRAGMA integrity_check").fetchone()[0]
    database.close()
    return dict(rows), models, damage


def move_threshold(service, stop, moved):
    value = service.api("GET", "/products/1")["threshold"]
    while not stop.is_set():
        factor = 1.0 + 0.01 * (len(moved) % 5)
        moved.append(service.api("PUT", "/products/1/threshold", {"threshold": value * factor}))
        time.sleep(0.5)


def swap_under_load(project, photos):
    service, stop, moved = Service(project), threading.Event(), []
    load = sending(service, 8, 100, photos)
    mover = threading.Thread(target=move_threshold, args=(service, stop, moved))
    mover.start()
    found, ids, errors = result(load)
    stop.set()
    mover.join()
    say(service.stop() == 0, "a service that is told to stop ends with exit code 0")
    rows, models, _ = recorded(project, 0)
    say(found["answered"] == 100 and found["failed"] == found["wrong"] == found["refused"] == 0,
        "no request fails while the threshold is moved", (found, errors))
    say(len(moved) > 1 and models > 1, "the threshold was moved meanwhile", (len(moved), models))
    say(rows == ids, "every answer is in the history, and nothing else", set(rows) ^ set(ids))


def wait_for_answers(service, n):
    until = time.monotonic() + 60
    while sum(service.api("GET", "/system")["counts"].values()) < n:
        assert time.monotonic() < until, "no answers"
        time.sleep(0.05)


def stop_under_load(project, photos, clients):
    service = Service(project)
    load = sending(service, clients, 1000000, photos)
    wait_for_answers(service, 2 * clients)
    begun = time.monotonic()
    code = service.stop()
    took = time.monotonic() - begun
    found, ids, errors = result(load)
    before = min(ids.values()) - 1 if ids else 0
    rows, _, damage = recorded(project, before)
    what = f"SIGTERM with {clients} clients"
    say(code == 0 and took < 20, f"{what}: the service ends by itself", (code, took))
    say(found["answered"] > clients and found["wrong"] == found["failed"] == 0,
        f"{what}: all answers are right", (found, errors))
    say(set(rows) <= set(ids), f"{what}: nothing was accepted without an answer",
        sorted(set(rows) - set(ids)))
    say(all(rows.get(name) == i for name, i in ids.items()),
        f"{what}: every answer is in the history", sorted(set(ids) - set(rows)))
    say(damage == "ok", f"{what}: the database is intact", damage)


def main(work):
    subprocess.run([FLECK, "synth", work / "part", "--size", "160", "--train", "12", "--good", "6",
                    "--defective", "2"], check=True, capture_output=True)
    (work / "photos").mkdir()
    subprocess.run([LOAD, "--jpeg", work / "photos", *sorted((work / "part/test").rglob("*.png"))],
                   check=True)
    photos = sorted(map(str, (work / "photos").iterdir()))
    fitted = subprocess.run([FLECK, "fit", work / "part", "-o", work / "m.fleck"],
                            capture_output=True, text=True)
    if "weights" in fitted.stderr and fitted.returncode != 0:
        print("ok 1 - load # SKIP the default backbone's weights are missing")
        return
    project = work / "line"
    service = Service(project)
    service.api("POST", "/products", {"name": "part"})
    service.api("POST", "/products/1/models", (work / "m.fleck").read_bytes(),
                "application/octet-stream")
    service.stop()
    swap_under_load(project, photos)
    stop_under_load(project, photos, 1)
    stop_under_load(project, photos, 8)
    stop_under_load(project, photos, 64)


with tempfile.TemporaryDirectory(prefix="fleck-load-") as folder:
    main(pathlib.Path(folder))
sys.exit(bad > 0)
