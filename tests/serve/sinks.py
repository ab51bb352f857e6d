#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sinks: a file, a program, an address, an MQTT broker; also when they fail, or fleck is killed.

    tests/serve/sinks.py FLECK [TEST...]"""
import functools
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time

from line import Service, check, png, rows, run, wait_for, write


class Line:
    """A service with sinks, and a product."""

    def __init__(self, place, name, *sinks):
        self.project = place.path(name)
        os.makedirs(self.project, exist_ok=True)
        write(f"{self.project}/sinks.json", json.dumps({"sinks": sinks}).encode())
        self.service = Service(place, self.project)
        self.product = self.service.product("part")

    def inspect(self, *numbers):
        for number in numbers:
            self.service.inspect(self.product, f"{number}.png", png(number))

    def state(self, name):
        return next(s for s in self.service.ask("GET", "/system")[1]["sinks"] if s["name"] == name)

    def wait_sent(self, name, count):
        wait_for(f"{name} has sent {count}", lambda: self.state(name)["sent"] >= count, 40)


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def test_jsonl(place):
    line = Line(place, "jsonl", {"kind": "jsonl", "file": "all.jsonl", "rotate_mib": 1, "keep": 2},
                {"kind": "jsonl", "name": "bad", "file": "bad.jsonl", "verdicts": ["error"]},
                {"kind": "jsonl", "name": "other", "file": "other.jsonl", "products": ["other"]})
    line.inspect(1, 2, 3)
    line.service.inspect(line.product, "text", b"no image", status=422)
    line.wait_sent("jsonl", 4)
    line.wait_sent("bad", 1)
    got = lines(f"{line.project}/all.jsonl")
    check([r["id"] for r in got] == [1, 2, 3, 4], "each inspection is a line, in order")
    check(got[0]["product_name"] == "part" and got[0]["name"] == "1.png" and
          got[0]["verdict"] in ("good", "defective") and got[0]["regions"] is not None,
          "a line tells all")
    check([r["id"] for r in lines(f"{line.project}/bad.jsonl")] == [4], "verdicts are chosen")
    check(line.state("other")["behind"] == 0 and line.state("other")["sent"] == 0,
          "products are chosen")
    # Another program moves the file away.
    os.rename(f"{line.project}/all.jsonl", f"{line.project}/moved")
    line.inspect(5)
    line.wait_sent("jsonl", 5)
    check([r["id"] for r in lines(f"{line.project}/all.jsonl")] == [5], "a new file is begun")
    # A full size: the next line begins another file.
    with open(f"{line.project}/all.jsonl", "ab") as f:
        f.write(b"{}\n" * (1 << 18) + b"{}\n" * (1 << 17))
    line.inspect(6)
    line.wait_sent("jsonl", 6)
    check([r["id"] for r in lines(f"{line.project}/all.jsonl")] == [6], "the file is turned over")
    check(os.path.getsize(f"{line.project}/all.jsonl.1") > 1 << 20, "the old one is kept")
    # A cut last line, as after a loss of power.
    line.service.stop()
    with open(f"{line.project}/all.jsonl", "ab") as f:
        f.write(b'{"id": 99')
    line.service.start()
    line.inspect(7)
    line.wait_sent("jsonl", 7)
    text = open(f"{line.project}/all.jsonl", encoding="utf-8").read().splitlines()
    check(text[1] == '{"id": 99' and json.loads(text[2])["id"] == 7, "a new line follows a cut one")
    line.service.stop()


def test_goes_on(place):
    """After a kill no inspection is missing, and none was inspected twice."""
    line = Line(place, "goes-on", {"kind": "jsonl", "file": "all.jsonl"})
    for i in range(6):
        line.inspect(*range(10 * i, 10 * i + 10))
        line.service.kill()
        line.service.start()
    line.wait_sent("jsonl", 60)
    wait_for("all were sent", lambda: line.state("jsonl")["behind"] == 0)
    ids = [r["id"] for r in lines(f"{line.project}/all.jsonl")]
    check(sorted(set(ids)) == list(range(1, 61)), "each is there")
    check(len(ids) < 60 + 6 * 60, "few are there again")
    print(f"jsonl: 60 inspections, 6 kills, {len(ids) - 60} lines again")
    line.service.stop()


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers as the list tells, then 200."""
    answers, got = [], []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.answers.pop(0) if self.answers else 200
        self.got.append((answer, body["id"], self.headers["X-Key"], self.path))
        self.send_response(answer)
        if answer == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_webhook(place):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    line = Line(place, "webhook", {"kind": "webhook", "url": f"http://127.0.0.1:{port}/in?a=1",
                                   "headers": {"X-Key": "secret"}, "timeout": 2})
    Receiver.answers = [500, 429, 200, 404, 302]
    line.inspect(1, 2, 3, 4)
    line.wait_sent("webhook", 2)
    check([g[:2] for g in Receiver.got] ==
          [(500, 1), (429, 1), (200, 1), (404, 2), (302, 3), (200, 4)],
          f"tried again, refused, not redirected: {Receiver.got}")
    check(Receiver.got[0][2:] == ("secret", "/in?a=1"), "headers and address")
    check(line.state("webhook")["failed"] == 2, "what was refused is counted")
    server.shutdown()
    server.server_close()
    line.inspect(5, 6)
    wait_for("it waits", lambda: line.state("webhook")["state"] == "waiting")
    check(str(port) in line.state("webhook")["problem"], "it says for what")
    begun = time.monotonic()
    line.inspect(7)
    check(time.monotonic() - begun < 5, "inspections do not wait for the webhook")
    line.service.kill()
    line.service.start()
    again = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=again.serve_forever, daemon=True).start()
    wait_for("all came", lambda: {5, 6, 7} <= {g[1] for g in Receiver.got}, 60)
    line.service.stop()
    again.shutdown()
    again.server_close()


def test_queue(place):
    """A sink that has fallen behind its limit leaves the oldest out, and counts them."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        line = Line(place, "queue", {"kind": "webhook", "url": f"http://127.0.0.1:{port}/",
                                     "queue": 3, "timeout": 1})
        line.inspect(*range(10))
        wait_for("the oldest are left out", lambda: line.state("webhook")["dropped"] >= 7)
        check(line.state("webhook")["behind"] == 3, "three wait")
    Receiver.answers, Receiver.got = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    line.wait_sent("webhook", 3)
    check([g[1] for g in Receiver.got] == [8, 9, 10], f"the newest came: {Receiver.got}")
    check(line.state("webhook")["dropped"] == 7, "seven were dropped")
    line.service.stop()
    server.shutdown()
    server.server_close()


def test_exec(place):
    project = place.path("exec")
    os.makedirs(project)
    write(f"{project}/told", b"""#!/bin/sh
cat >"$2/$FLECK_ID.json"
echo "$1 $FLECK_NAME $FLECK_VERDICT $FLECK_SCORE $FLECK_PRODUCT" >>"$2/env"
case $FLECK_NAME in 2.png) exit 3 ;; 3.png) sleep 60 ;; esac
""")
    os.chmod(f"{project}/told", 0o755)
    line = Line(place, "exec", {"kind": "exec", "program": "told", "timeout": 1,
                                "arguments": ["$(id);`id`", project]})
    begun = time.monotonic()
    line.inspect(1, 2, 3, 4)
    check(time.monotonic() - begun < 5, "inspections do not wait for the program")
    line.wait_sent("exec", 2)
    check(line.state("exec")["failed"] == 2, "an exit code and an endless program are failures")
    said = open(f"{project}/env", encoding="utf-8").read().splitlines()
    check(len(said) == 4 and said[0].startswith("$(id);`id` 1.png "), f"no shell: {said}")
    whole = json.load(open(f"{project}/1.json", encoding="utf-8"))
    check(whole["id"] == 1 and f" {whole['verdict']} " in said[0] and said[0].endswith(" part"),
          "environment and standard input")
    line.service.stop()


def broker(place, port):
    write(place.path("mosquitto.conf"), f"listener {port} 127.0.0.1\nallow_anonymous true\n"
          .encode())
    return place.start_other("mosquitto", "-c", place.path("mosquitto.conf"),
                             stderr=subprocess.DEVNULL)


@functools.cache
def is_built(place, kind):
    """Whether this fleck has a kind of sink."""
    line = Line(place, f"kinds-{kind}")
    kinds = line.service.ask("GET", "/system")[1]["sink_kinds"]
    line.service.stop()
    return next(k for k in kinds if k["name"] == kind)["built"]


def test_mqtt(place):
    path = os.environ["PATH"] + ":/usr/sbin"
    if not all(shutil.which(p, path=path) for p in ("mosquitto", "mosquitto_sub")):
        print("skipped: mqtt: there is no broker (Debian: mosquitto, mosquitto-clients)")
        return
    if not is_built(place, "mqtt"):
        print("skipped: mqtt: fleck was built without libmosquitto")
        return
    os.environ["PATH"] = path
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first = broker(place, port)
    line = Line(place, "mqtt",
                {"kind": "mqtt", "host": "127.0.0.1", "port": port, "topic": "line/a",
                 "client": "fleck-a", "boxes": 2})
    got = open(place.path("got"), "wb+")

    def listen():
        return place.start_other("mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-v", "-t",
                                 "line/a/#", "-q", "1", stdout=got)

    def said():
        text = open(place.path("got"), encoding="utf-8").read().splitlines()
        return [(t.split(" ", 1)[0], t.split(" ", 1)[1]) for t in text]

    def results():
        return [json.loads(text) for topic, text in said() if topic == "line/a/part/result"]

    wait_for("it is connected", lambda: subprocess.run(
        ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "line/a/status", "-C", "1",
         "-W", "1"], capture_output=True, text=True).stdout == "online\n")
    ear = listen()
    wait_for("the listener is there", lambda: said()[:1] == [("line/a/status", "online")])
    line.inspect(1)
    line.service.inspect(line.product, "text", b"no image", status=422)
    wait_for("two results", lambda: len(results()) == 2)
    good, bad = results()
    check(good["id"] == 1 and good["product"] == "part" and good["name"] == "1.png",
          f"a result names its part: {good}")
    check(good["ok"] == (good["verdict"] == "good") and
          good["code"] == {"good": 0, "defective": 1}[good["verdict"]], "verdict as text and code")
    check(len(good["boxes"]) == min(2, good["regions"]), "boxes up to the limit")
    for box in good["boxes"]:
        check(0 <= box["x"] and box["x"] + box["width"] <= good["width"] and box["area"] > 0,
              "a box lies in the photo")
    check(bad["verdict"] == "error" and bad["code"] == 3 and not bad["ok"] and bad["error"],
          f"an error is told: {bad}")
    # The broker goes, and comes again.
    first.terminate()
    first.wait()
    line.inspect(3, 4)
    wait_for("it waits", lambda: line.state("mqtt")["state"] == "waiting")
    second = broker(place, port)
    line.wait_sent("mqtt", 4)
    wait_for("the listener is there again", lambda: said().count(("line/a/status", "online")) > 1)
    # A kill: the broker tells the last will.
    line.service.kill()
    wait_for("the last will", lambda: said()[-1] == ("line/a/status", "offline"), 60)
    line.service.start()
    line.inspect(5)
    wait_for("it goes on", lambda: any(r["name"] == "5.png" for r in results()))
    line.service.stop()
    wait_for("it leaves politely", lambda: said()[-1] == ("line/a/status", "offline"))
    check(sorted({r["id"] for r in lines_of(line)} - {r["id"] for r in results()}) in ([], [3], [4],
                                                                                     [3, 4]),
          "only what the broker got before the listener came is missing")
    for process in (ear, second):
        process.terminate()
        process.wait()


def lines_of(line):
    return [{"id": number} for number, in rows(line.project, "SELECT id FROM inspection")]


def test_configuration(place):
    def refused(words, text):
        project = place.path("refused")
        os.makedirs(project, exist_ok=True)
        write(f"{project}/sinks.json",
              text.encode() if isinstance(text, str) else json.dumps(text).encode())
        run = subprocess.run([place.fleck, "serve", project, "--port", "0"], capture_output=True,
                             text=True, timeout=60)
        check(run.returncode in (1, 2) and "sinks.json" in run.stderr and words in run.stderr,
              f"{text}: {run.returncode} {run.stderr!r}")

    def one(**sink):
        return {"sinks": [{"kind": "jsonl", "name": "first", "file": "a"}, sink]}

    refused("line 1", "{")
    refused('expected {"sinks": [...]}', {"sink": []})
    refused('sinks[1].kind: expected jsonl, webhook, exec or mqtt, found "ftp"', one(kind="ftp"))
    refused("sinks[1].file: expected a value, found none", one(kind="jsonl"))
    refused("sinks[1].fil: expected one of kind, name, queue", one(kind="jsonl", fil="x"))
    refused('sinks[1].queue: expected a whole number from 1 to 1e+09, found "x"',
            one(kind="jsonl", file="x", queue="x"))
    refused('sinks[1].name: expected another one, found "first" twice',
            one(kind="jsonl", name="first", file="x"))
    refused("sinks[1].file: expected a file that can be written", one(kind="jsonl", file="no/x"))
    refused('sinks[1].url: expected http://... or https://..., found "file:///etc/passwd"',
            one(kind="webhook", url="file:///etc/passwd"))
    refused("sinks[1].headers: expected names with texts of one line",
            one(kind="webhook", url="http://localhost/", headers={"A": "b\r\nC: d"}))
    refused("sinks[1].program: expected a program", one(kind="exec", program="missing"))
    if not is_built(place, "mqtt"):
        refused("sinks[1].kind: this fleck was built without", one(kind="mqtt", host="localhost"))
        return
    refused("sinks[1].port: expected a whole number from 1 to 65535, found 70000",
            one(kind="mqtt", host="localhost", port=70000))
    refused("sinks[1].topic: expected a topic without + and #", one(kind="mqtt", host="localhost",
                                                                    topic="a/#"))


run(__doc__, test_jsonl, test_goes_on, test_webhook, test_queue, test_exec, test_mqtt,
    test_configuration)
