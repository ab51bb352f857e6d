#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cameras as sources: Aravis's fake camera, and a Video4Linux device where there is one.

    tests/serve/cameras.py FLECK [TEST...]"""
import glob
import subprocess
import time

from line import Service, check, rows, run, wait_for


class Cameras:
    def __init__(self, place, name, *words):
        self.project = place.path(name)
        self.service = Service(place, self.project, *words)
        self.product = self.service.product("part")

    def built(self, kind):
        return next(k for k in self.service.ask("GET", "/system")[1]["source_kinds"]
                    if k["name"] == kind)["built"]

    def add(self, status=201, **config):
        return self.service.ask("POST", f"/products/{self.product}/sources", config,
                                status=status)[1]

    def state(self, number):
        return next(s for s in self.service.ask("GET", f"/products/{self.product}/sources")[1]
                    if s["id"] == number)

    def remove(self, number):
        self.service.ask("DELETE", f"/sources/{number}", status=204)


def test_genicam(place):
    c = Cameras(place, "genicam")
    if not c.built("genicam"):
        print("skipped: genicam: fleck was built without libaravis")
        return
    source = c.add(kind="genicam", camera="Fake_1", pixel_format="Mono8", interval=0.05,
                   features={"Width": 320, "Height": 240, "AcquisitionFrameRate": 20.0})["id"]
    wait_for("frames are judged", lambda: c.state(source)["judged"] >= 10)
    check(c.state(source)["state"] == "running" and c.state(source)["failed"] == 0, "it runs")
    found = rows(c.project, "SELECT DISTINCT source, width, height FROM inspection")
    check(found == [("genicam:Fake_1", 320, 240)], f"features were set: {found}")
    # The frame that is kept is the camera's, byte for byte as wide as it is.
    picture, = rows(c.project, "SELECT picture FROM inspection LIMIT 1")[0]
    data = open(f"{c.project}/{picture}", "rb").read()
    check(data.startswith(b"P5\n320 240\n255\n") and len(data) == 15 + 320 * 240,
          "a grey frame is kept")
    check(len(set(data[15:])) > 16, "it shows something")
    # Judging is resumed after a kill.
    c.service.kill()
    before = rows(c.project, "SELECT COUNT(*) FROM inspection")[0][0]
    c.service.start()
    wait_for("it goes on", lambda: rows(c.project, "SELECT COUNT(*) FROM inspection")[0][0] >
             before + 3)
    c.remove(source)
    after = rows(c.project, "SELECT COUNT(*) FROM inspection")[0][0]
    time.sleep(0.5)
    check(rows(c.project, "SELECT COUNT(*) FROM inspection")[0][0] == after, "it is removed")
    # Formats.
    for kind, head in (("RGB8", b"P6\n64 48\n255\n"), ("BGR8", b"P6\n64 48\n255\n"),
                       ("Mono16", b"P5\n64 48\n65535\n")):
        number = c.add(kind="genicam", camera="Fake_1", pixel_format=kind, interval=0.2,
                       features={"Width": 64, "Height": 48})["id"]
        state = wait_for(f"{kind}", lambda n=number: c.state(n)["judged"] >= 1 and c.state(n) or
                         c.state(n)["state"] == "waiting" and
                         "looking" not in (c.state(n)["problem"] or "looking") and c.state(n))
        if state["state"] == "waiting":
            check(kind in state["problem"] or "pixel_format" in state["problem"], state["problem"])
            print(f"the fake camera has no {kind}: {state['problem']}")
        else:
            picture, = rows(c.project, "SELECT picture FROM inspection ORDER BY id DESC LIMIT 1")[0]
            data = open(f"{c.project}/{picture}", "rb").read()
            check(data.startswith(head), f"{kind}: {data[:20]}")
        c.remove(number)
    number = c.add(kind="genicam", camera="Fake_1", features={"NoSuchFeature": 1})["id"]
    wait_for("an unknown feature is told",
             lambda: "NoSuchFeature" in (c.state(number)["problem"] or ""))
    c.remove(number)
    number = c.add(kind="genicam", camera="Nobody-0")["id"]
    wait_for("a missing camera is told", lambda: "Nobody-0" in (c.state(number)["problem"] or ""))
    c.remove(number)
    for words, body in (("features: expected", {"features": {"a": []}}),
                        ("expected one of camera", {"speed": 1}),
                        ("interval: expected a number", {"interval": -1})):
        got = c.add(status=422, kind="genicam", **body)
        check(words in got["detail"], f"{body}: {got}")
    c.service.stop()


def test_slow_worker(place):
    """More frames than can be judged: the oldest go, and are counted; the queue stays short."""
    c = Cameras(place, "slow", "--workers", "1", "--queue", "2")
    if not c.built("genicam"):
        print("skipped: slow_worker: fleck was built without libaravis")
        return
    numbers = [c.add(kind="genicam", camera="Fake_1",
                     features={"Width": 2048, "Height": 2048,
                               "AcquisitionFrameRate": 100.0})["id"]]
    wait_for("frames are dropped", lambda: sum(c.state(n)["dropped"] for n in numbers) > 5 and
             sum(c.state(n)["judged"] for n in numbers) > 5)
    system = c.service.ask("GET", "/system")[1]
    check(system["counts"]["dropped"] >= 5, "the service counts them too")
    check(system["inspector"]["waiting"] <= 2, "the queue is bounded")
    c.service.stop()


def test_gige(place):
    """The fake camera behind a socket, as a real one: it goes and comes again."""
    c = Cameras(place, "gige")
    if not c.built("genicam"):
        print("skipped: gige: fleck was built without libaravis")
        return
    try:
        camera = place.start_other("arv-fake-gv-camera-0.8", "-i", "127.0.0.1", "-s", "FLECKTEST",
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        print("skipped: gige: there is no arv-fake-gv-camera-0.8 (Debian: aravis-tools)")
        return
    source = c.add(kind="genicam", camera="127.0.0.1", interval=0.1)["id"]
    time.sleep(1)
    if camera.poll() is not None:
        print("skipped: gige: the fake camera does not start here (is its port 3956 taken?)")
        return
    wait_for("frames are judged", lambda: c.state(source)["judged"] >= 5)
    camera.kill()
    camera.wait()
    wait_for("it waits", lambda: c.state(source)["state"] == "waiting")
    print("gone:", c.state(source)["problem"])
    place.start_other("arv-fake-gv-camera-0.8", "-i", "127.0.0.1", "-s", "FLECKTEST",
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = c.state(source)["judged"]
    wait_for("it comes again", lambda: c.state(source)["judged"] > before + 3)
    c.service.stop()


def test_v4l2(place):
    c = Cameras(place, "v4l2")
    for words, body in (("device: expected /dev/video0", {"device": "/etc/passwd"}),
                        ("device: expected", {}),
                        ("format: expected GREY", {"device": "/dev/video0", "format": "H264"})):
        got = c.add(status=422, kind="v4l2", **body)
        check(words in got["detail"], f"{body}: {got}")
    number = c.add(kind="v4l2", device="/dev/video99")["id"]
    wait_for("a missing device is told",
             lambda: "No such file" in (c.state(number)["problem"] or ""))
    c.remove(number)
    devices = sorted(glob.glob("/dev/video*"))
    if not devices:
        print("skipped: v4l2: there is no /dev/video0")
    else:
        number = c.add(kind="v4l2", device=devices[0], interval=0.1)["id"]
        wait_for("frames are judged", lambda: c.state(number)["judged"] >= 3)
    c.service.stop()


run(__doc__, test_genicam, test_slow_worker, test_gige, test_v4l2)
