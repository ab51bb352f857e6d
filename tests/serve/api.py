#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks every address of `fleck serve`, and compares its scores with the tool's.

usage: tests/serve/api.py FLECK SOURCE
"""
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from service import (API, Cases, Service, bmp, multipart, pnm, read_png, server_context, tiff)

FLECK, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
work = tempfile.TemporaryDirectory(prefix="fleck-api-")
W = pathlib.Path(work.name)
cases = Cases()


def tool(*words):
    done = subprocess.run([FLECK, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


tool("synth", W / "root/part", "--train", "24", "--good", "6", "--defective", "3")
DATA = W / "root/part"
(W / "outside").mkdir()
(W / "outside/a.png").write_bytes((DATA / "train/good/000.png").read_bytes())
(W / "root/link").symlink_to(W / "outside")
(W / "root/mixed").mkdir()
(W / "root/mixed/leak.png").symlink_to(W / "outside/a.png")
GOOD = [p.read_bytes() for p in sorted((DATA / "train/good").iterdir())]
TEST = sorted(p for p in (DATA / "test").glob("*/*.png"))
WIDTH, HEIGHT, _, _, RGB = read_png(TEST[0].read_bytes())
s = Service(FLECK, W / "project", "--import", W / "root", "--max-upload", "8")


def problem(answer, status, *words):
    """A problem of RFC 9457 with a message."""
    assert answer.status == status, answer
    assert answer.type == "application/problem+json", answer
    p = answer.json()
    assert p["status"] == status and p["title"] and p["detail"], p
    for word in words:
        assert word in p["detail"], (word, p)


# ---- The description ----

def routes_of_source():
    text = (SOURCE / "serve/routes.c").read_text()
    return {(m, p) for m, p in re.findall(r'\{"([A-Z]+)", V "([^"]+)"', text)}


def described():
    """{(method, path with # for numbers): operation}"""
    out = {}
    for path, item in s.get("/openapi.json")["paths"].items():
        for method, operation in item.items():
            if method in ("get", "put", "post", "patch", "delete"):
                out[method.upper(), re.sub(r"\{\w+\}", "#", path.removeprefix(API))] = operation
    return out


def unique_members(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), sorted(x for x in names if names.count(x) > 1)
    return dict(pairs)


def openapi():
    json.loads(s.ask("GET", "/openapi.json").body, object_pairs_hook=unique_members)
    have, said = routes_of_source(), set(described())
    assert have == said, f"only in routes.c: {have - said}; only in openapi.json: {said - have}"
    for path in {p for _, p in have}:
        known = {m for m, p in have if p == path}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if method not in known:
                a = s.ask(method, path.replace("#", "1"))
                problem(a, 405)
                allow = set(a.headers["allow"].split(", ")) - {"HEAD"}
                # an address with a number may also be one without
                assert known <= allow, (method, path, a.headers)
    for operation in described().values():
        answers = operation["responses"]
        assert any(k[0] == "2" for k in answers) and operation["operationId"], operation
    problem(s.ask("GET", "/nothing"), 404)


def answered(method, path, answer):
    """The answer is one that the description has: status, media type, members of an object."""
    operation = described()[method, re.sub(r"\d+", "#", path.split("?")[0])]
    said = operation["responses"].get(str(answer.status))
    assert said is not None, (method, path, answer)
    assert answer.type in said.get("content", {"": 0}), (method, path, answer)


# ---- Products and photos ----

def products():
    p = s.post("/products", {"name": "Gehäuse <b>1</b>"})
    assert p["id"] == 1 and p["name"] == "Gehäuse <b>1</b>" and p["photos"] == 0
    problem(s.ask("POST", "/products", {"name": "Gehäuse <b>1</b>"}), 409, "already")
    for name in ("", "  ", "a\nb", "x" * 201, 7, None):
        problem(s.ask("POST", "/products", {"name": name}), 422, "name")
    problem(s.ask("POST", "/products", b"{"), 400, "JSON")
    problem(s.ask("POST", "/products", b"[]"), 400)
    problem(s.ask("POST", "/products", b'{"name": "a", "name": "b"}'), 400)
    problem(s.ask("POST", "/products", b'{"name": "\xff"}'), 400)
    q = s.post("/products", {"name": "second"})
    assert s.ask("PATCH", f"/products/{q['id']}", {"name": "two"}).json()["name"] == "two"
    problem(s.ask("PATCH", f"/products/{q['id']}", {"name": p["name"]}), 409)
    problem(s.ask("PATCH", f"/products/{q['id']}", {"archived": "yes"}), 422)
    assert s.ask("PATCH", f"/products/{q['id']}", {"archived": True}).json()["archived"] is True
    assert [x["id"] for x in s.get("/products")] == [1]
    assert {x["id"] for x in s.get("/products?archived=1")} == {1, q["id"]}
    problem(s.ask("GET", "/products?archived=7"), 422, "archived")
    problem(s.ask("GET", "/products/99"), 404)
    problem(s.ask("GET", "/products/99999999999999999999"), 404)
    head = s.ask("HEAD", "/products/1")
    assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 0


def photos():
    first = s.ask("POST", "/products/1/photos?name=a.png", GOOD[0]).json()
    assert first[0]["name"] == "a.png" and first[0]["state"] == "in", first
    assert (first[0]["width"], first[0]["height"]) == (WIDTH, HEIGHT)
    again = s.ask("POST", "/products/1/photos?name=b.png", GOOD[0]).json()
    assert again[0]["duplicate_of"] == first[0]["id"], again
    grey = RGB[0::3]
    body, headers = multipart(
        ("f", "c.png", "image/png", GOOD[1]), ("f", "d.bmp", None, bmp(WIDTH, HEIGHT, RGB)),
        ("f", "e.tif", None, tiff(WIDTH, HEIGHT, RGB)), ("f", "f.pgm", None,
                                                         pnm(WIDTH, HEIGHT, grey, 1)),
        ("f", "g.pgm", None, pnm(WIDTH, HEIGHT, b"".join(bytes((v, 0)) for v in grey), 1, 16)),
        ("f", "broken.png", None, GOOD[2][:2000]), ("f", "note.txt", "text/plain", b"hello"),
        ("f", "a.png", None, GOOD[3]), ("f", "../../x/../a.png", None, GOOD[4]),
        ("f", "é" * 200 + ".png", None, GOOD[5]), ("f", b"\xff\xfe.png", None, GOOD[6]))
    added = s.ask("POST", "/products/1/photos", body, headers).json()
    assert len(added) == 11, added
    assert ["problem" in x and bool(x["problem"]) for x in added] == [False] * 5 + [True] * 2 + \
        [False] * 4, added
    assert str(W) not in json.dumps(added), "paths of the server"
    names = [x["name"] for x in added]
    assert names[7] == names[8] == "a.png" and len(names[9].encode()) <= 180, names
    # three photos of one name are three files
    for i, x in ((3, added[7]), (4, added[8]), (0, first[0]), (6, added[10])):
        assert s.get(f"/photos/{x['id']}/file") == GOOD[i], x
    assert s.get(f"/photos/{first[0]['id']}/thumb.jpg")[:2] == b"\xff\xd8"
    out = s.ask("PATCH", f"/photos/{added[9]['id']}", {"state": "out"}).json()
    assert out["state"] == "out"
    problem(s.ask("PATCH", f"/photos/{added[9]['id']}", {"state": "gone"}), 422)
    problem(s.ask("PATCH", "/photos/9999", {"state": "out"}), 404)
    problem(s.ask("GET", "/photos/9999/thumb.jpg"), 404)
    problem(s.ask("POST", "/products/1/photos", b""), 422, "empty")
    body, headers = multipart(("f", "none.png", None, b""), ("f", "x.png", None, b"x"))
    assert [x["name"] for x in s.ask("POST", "/products/1/photos", body, headers).json()] == [
        "none.png", "x.png"]
    problem(s.ask("POST", "/products/1/photos", b"x", {"Content-Type": "multipart/form-data"}), 400)
    problem(s.ask("POST", "/products/77/photos", GOOD[0]), 404)
    for x in s.get("/products/1/photos"):
        if x["name"][0] in "defg":  # of other kinds than those that follow
            s.ask("PATCH", f"/photos/{x['id']}", {"state": "out"})


def imports():
    added = s.post("/products/1/import", {"folder": "part/train/good"})
    taken = [x for x in added if not x.get("problem")]
    assert len(taken) == len(GOOD) - 7 + 1, added  # 2 was damaged before
    assert all("duplicate_of" in x for x in added if x.get("problem")), added
    for folder, status in (("../outside", 403), ("part/../../outside", 403),
                           (str(W / "outside"), 403), ("link", 403), ("nowhere", 404),
                           (str(W / "rootless"), 404), ("a" * 5000, 404), (7, 422)):
        problem(s.ask("POST", "/products/1/import", {"folder": folder}), status)
    leak = s.post("/products/1/import", {"folder": "mixed"})
    assert all(x.get("problem") for x in leak), leak
    mean = s.ask("GET", "/products/1/mean.jpg")
    assert mean.status == 200 and mean.headers["x-fleck-photo-size"] == f"{WIDTH}x{HEIGHT}"
    problem(s.ask("GET", "/products/77/mean.jpg"), 404)
    problem(s.ask("GET", "/products/2/mean.jpg"), 404, "no photos")


def raced_photos():
    """Photos of one name, uploaded at once, do not replace each other."""
    p = s.post("/products", {"name": "raced"})["id"]
    answers = {}

    def add(i):
        answers[i] = s.ask("POST", f"/products/{p}/photos?name=same.png", GOOD[i % 8]).json()[0]

    threads = [threading.Thread(target=add, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    taken = {i: a for i, a in answers.items() if "id" in a}
    assert len(taken) == 8 and len(s.get(f"/products/{p}/photos")) == 8, answers
    for i, a in taken.items():
        assert s.get(f"/photos/{a['id']}/file") == GOOD[i % 8]


# ---- Fits ----

def events(seen, ready):
    c = s.connect(60)
    c.request("GET", API + "/events")
    r = c.getresponse()
    assert r.getheader("Content-Type") == "text/event-stream"
    kind = None
    try:
        while True:
            line = r.readline().decode()
            if line == "":
                break
            if line.startswith("event: "):
                kind = line[7:].strip()
            elif line.startswith("data: "):
                seen.append((kind, json.loads(line[6:])))
                ready.set()
    except OSError:
        pass


seen, ready = [], threading.Event()


def fits():
    threading.Thread(target=events, args=(seen, ready), daemon=True).start()
    assert ready.wait(30) and seen[0][0] == "hello"
    settings = s.get("/settings")
    assert any(x["name"] == "method" for x in settings["settings"]) and settings["methods"]
    problem(s.ask("POST", "/products/2/fits", {}), 409, "no photos")
    for bad in ({"home": "/"}, {"weights": "/etc/passwd"}, {"ignore": "1"},
                {"nothing": 1}, {"pixels": -1}, {"pixels": [7]}, {"taps": [None]},
                {"backbone": "/etc/passwd"}, {"backbone": "../x.onnx"}, {"pixels": {}},
                {"backbone": "resnet19"}, {"method": "padim", "coreset": 0.1}):
        problem(s.ask("POST", "/products/1/fits", {"settings": bad}), 422)
    problem(s.ask("POST", "/products/1/fits", {"settings": {"method": "patchcor"}}), 422,
            "there is no method \"patchcor\"")
    problem(s.ask("POST", "/products/1/fits", {"settings": []}), 422)
    job = s.fit(1)
    assert job["state"] == "done" and job["model"] == 1 and job["photos"] > 20, job
    problem(s.ask("DELETE", f"/jobs/{job['id']}"), 409)
    problem(s.ask("GET", "/jobs/99"), 404)
    problem(s.ask("DELETE", "/jobs/99"), 404)
    # the first of two is cancelled while it runs or waits, the second one before it began
    a = s.post("/products/1/fits", {"settings": {"rotate": 16}})["id"]
    b = s.post("/products/1/fits", {})["id"]
    assert s.ask("DELETE", f"/jobs/{b}").status == 202
    assert s.ask("DELETE", f"/jobs/{a}").status == 202
    assert s.wait_for(a)["state"] == "cancelled" and s.wait_for(b)["state"] == "cancelled"
    assert [j["id"] for j in s.get("/products/1/jobs")][:2] == [b, a]
    kinds = {k for k, _ in seen}
    assert {"job", "model"} <= kinds, kinds
    assert any("stage" in d for k, d in seen if k == "job"), "no progress was told"


# ---- Inspections ----

def predict(model, path):
    """path -> the tool's own words, numbers as text."""
    lines = tool("predict", "--json", model, path).splitlines()
    rows = [json.loads(line, parse_float=str, parse_int=str) for line in lines if line]
    return {r["path"]: r for r in rows}


def raw_frames(rgb):
    """(parameters, bytes, PNM of the same pixels)"""
    grey = rgb[0::3]
    bgr = bytearray(rgb)
    bgr[0::3], bgr[2::3] = rgb[2::3], rgb[0::3]
    wide = b"".join(bytes((v, v)) for v in rgb)  # 257 v, in either order of bytes
    odd_little = b"".join(bytes((i & 255, v)) for i, v in enumerate(grey))
    odd_big = b"".join(bytes((v, i & 255)) for i, v in enumerate(grey))
    return [("rgb8", rgb, pnm(WIDTH, HEIGHT, rgb)), ("bgr8", bytes(bgr), pnm(WIDTH, HEIGHT, rgb)),
            ("grey8", grey, pnm(WIDTH, HEIGHT, grey, 1)),
            ("grey16", odd_little, pnm(WIDTH, HEIGHT, odd_big, 1, 16)),
            ("rgb16", wide, pnm(WIDTH, HEIGHT, wide, 3, 16))]


def inspections():
    model = W / "m.fleck"
    model.write_bytes(s.get("/models/1/file"))
    said = predict(model, DATA / "test")
    for path in TEST:
        a = s.ask("POST", f"/products/1/inspect?name={path.parent.name}-{path.name}",
                  path.read_bytes())
        assert a.status == 200, a
        answered("POST", "/products/1/inspect", a)
        row, own = json.loads(a.body, parse_float=str), said[str(path)]
        assert row["score"] == own["score"] and row["ratio"] == own["ratio"], (row, own)
        assert row["threshold"] == own["threshold"] and row["above"] == own["above"], (row, own)
        assert (row["verdict"] == "defective") == own["defective"], (row, own)
        assert len(row["regions"]) == len(own["regions"]), (row, own)
    assert sum(1 for r in said.values() if r["defective"]) > 3, "the sample's defects are not seen"
    body, headers = multipart(*(("f", p.name, "image/png", p.read_bytes()) for p in TEST[:5]))
    batch = json.loads(s.ask("POST", "/products/1/inspect", body, headers).body, parse_float=str)
    for row, path in zip(batch, TEST):
        assert row["name"] == path.name and row["score"] == said[str(path)]["score"], row
    body, headers = multipart(("f", "a.png", None, TEST[0].read_bytes()),
                              ("f", "b.png", None, b"no image"))
    batch = s.ask("POST", "/products/1/inspect", body, headers).json()
    assert batch[0]["verdict"] != "error" and batch[1]["verdict"] == "error", batch
    assert "b.png" in batch[1]["error"] and str(W) not in batch[1]["error"], batch[1]
    body, headers = multipart(("f", "a.png", None, b""), ("f", "b.png", None, TEST[0].read_bytes()))
    batch = s.ask("POST", "/products/1/inspect", body, headers).json()
    assert [x["name"] for x in batch] == ["a.png", "b.png"], batch  # an empty one has a place too
    assert batch[0]["verdict"] == "error" != batch[1]["verdict"] and batch[0]["error"], batch
    full = [("f", f"{i}.png", None, b"no image") for i in range(257)]
    body, headers = multipart(*full)
    problem(s.ask("POST", "/products/1/inspect", body, headers), 413, "256 parts")
    problem(s.ask("POST", "/products/1/inspect?name=bad.png", b"no image"), 422,
            "bad.png")
    problem(s.ask("POST", "/products/1/inspect?name=cut.png", TEST[0].read_bytes()[:3000]), 422,
            "cut.png")
    problem(s.ask("POST", "/products/1/inspect", b""), 422)
    problem(s.ask("POST", "/products/2/inspect", TEST[0].read_bytes()), 409, "no model")
    problem(s.ask("POST", "/products/1/inspect?map=gif", TEST[0].read_bytes()), 422, "f32")


def frames():
    files = W / "frames"
    files.mkdir()
    made = raw_frames(RGB)
    for name, _, data in made:
        (files / f"{name}.pnm").write_bytes(data)
    said = predict(W / "m.fleck", files)
    for name, frame, data in made:
        kind = f"image/x-fleck-raw;w={WIDTH};h={HEIGHT};format={name}"
        a = s.ask("POST", "/products/1/inspect", frame, {"Content-Type": kind})
        assert a.status == 200, (name, a)
        b = s.ask("POST", "/products/1/inspect", data)
        own = said[str(files / f"{name}.pnm")]["score"]
        scores = [json.loads(x.body, parse_float=str)["score"] for x in (a, b)]
        assert scores == [own, own], (name, scores, own)
        body, headers = multipart(("f", "frame", kind, frame))
        row = json.loads(s.ask("POST", "/products/1/inspect", body, headers).body, parse_float=str)
        assert row["score"] == own, (name, row)
        kind = f'Image/X-Fleck-Raw; W="{WIDTH}"; h={HEIGHT} ; Format="{name}"'  # the same
        a = s.ask("POST", "/products/1/inspect", frame, {"Content-Type": kind})
        assert a.status == 200 and a.json()["hash"] == row["hash"], (kind, a)
    for kind in ("w=1;h=1", "w=0;h=9;format=rgb8", "w=70000;h=1;format=grey8",
                 "w=-1;h=1;format=rgb8",
                 "w=2;h=2;format=rgb8", "w=2;h=2;format=rgb", "w=2 x;h=2;format=grey8",
                 "w=2;h=2;xformat=grey8", "w=4294967298;h=2;format=grey8",
                 'w="";h=2;format=grey8', 'w=";h=2;format=grey8', 'w=2;h=2;format="grey8'):
        a = s.ask("POST", "/products/1/inspect", b"abcd", {"Content-Type":
                                                           f"image/x-fleck-raw;{kind}"})
        problem(a, 422)


def read_tiff(data):
    """Floats of a TIFF with strips."""
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack(order + "I", data[4:8])[0]
    tags = {}
    for i in range(struct.unpack(order + "H", data[at:at + 2])[0]):
        tag, kind, count, value = struct.unpack(order + "HHII",
                                                data[at + 2 + 12 * i:at + 14 + 12 * i])
        size = {3: 2, 4: 4}.get(kind, 1)
        if size * count <= 4:
            field = data[at + 10 + 12 * i:at + 14 + 12 * i]
        else:
            field = data[value:value + size * count]
        if kind in (3, 4):
            tags[tag] = struct.unpack(order + str(count) + ("H" if kind == 3 else "I"),
                                      field[:size * count])
    assert tags.get(259, (1,)) == (1,), "compressed"
    raw = b"".join(data[o:o + n] for o, n in zip(tags[273], tags[279]))
    return tags[256][0], tags[257][0], struct.unpack(f"{order}{len(raw) // 4}f", raw)


def maps():
    tool("predict", W / "m.fleck", TEST[0], "-o", W / "maps", "--maps", "tiff", "--no-pictures")
    file = next(W.glob("maps/**/*.tif*"))
    width, height, own = read_tiff(file.read_bytes())
    i = s.ask("POST", "/products/1/inspect", TEST[0].read_bytes()).json()["id"]
    a = s.ask("GET", f"/inspections/{i}/map?as=f32")
    assert a.status == 200 and a.headers["x-fleck-size"] == f"{width}x{height}", a
    assert struct.unpack(f"<{width * height}f", a.body) == own, "the map differs from the tool's"
    assert read_tiff(s.get(f"/inspections/{i}/map?as=tiff"))[2] == own
    info = s.get("/models/1")["info"]
    low, high = info["scale_low"], info["scale_high"]
    w, h, channels, depth, rows = read_png(s.get(f"/inspections/{i}/map?as=png"))
    assert (w, h, channels, depth) == (width, height, 1, 16)
    for got, x in zip(struct.unpack(f">{w * h}H", rows), own):
        assert abs(got - min(max((x - low) / (high - low), 0), 1) * 65535) <= 0.51, (got, x)
    import base64
    for kind in ("f32", "png", "tiff"):
        m = s.ask("POST", f"/products/1/inspect?map={kind}", TEST[0].read_bytes()).json()["map"]
        assert (m["kind"], m["width"], m["height"]) == (kind, width, height)
        assert base64.b64decode(m["data"]) == s.get(f"/inspections/{i}/map?as={kind}"), kind
    problem(s.ask("GET", f"/inspections/{i}/map?as=x"), 422)
    for most in (100, 1, width + 1):
        a = s.ask("GET", f"/inspections/{i}/map?as=f32&most={most}")
        w, h = (max(1, side * min(most, width) // width) for side in (width, height))
        cells = [max(own[y * width + x] for y in range(k * height // h, (k + 1) * height // h)
                     for x in range(j * width // w, (j + 1) * width // w))
                 for k in range(h) for j in range(w)]
        assert a.headers["x-fleck-size"] == f"{w}x{h}", (most, a)
        assert list(struct.unpack(f"<{w * h}f", a.body)) == cells, "not the maximum over each cell"
    problem(s.ask("GET", f"/inspections/{i}/map?as=f32&most=0"), 422)
    problem(s.ask("GET", f"/inspections/{i}/map?as=png&most=9"), 422, "f32")
    for kind, head in (("original", b"\x89PNG"), ("jpeg", b"\xff\xd8"), ("heat", b"\xff\xd8"),
                       ("outline", b"\xff\xd8")):
        assert s.get(f"/inspections/{i}/picture?kind={kind}").startswith(head), kind
    assert s.get(f"/inspections/{i}/picture") == TEST[0].read_bytes()
    problem(s.ask("GET", f"/inspections/{i}/picture?kind=x"), 422)
    problem(s.ask("GET", f"/inspections/{i}/picture?kind=jpeg&most=x"), 422)
    problem(s.ask("GET", "/inspections/99999/picture"), 404)
    problem(s.ask("GET", "/inspections/99999/map"), 404)


# ---- Thresholds, models, areas ----

def info_of(model):
    path = W / "info.fleck"
    path.write_bytes(s.get(f"/models/{model}/file"))
    return json.loads(tool("info", "--json", path))


def warmed(service, model):
    """A worker opens a scorer of this model, without an image."""
    for _ in range(600):
        if any(m["id"] == model and m["users"] > 0 for m in
               service.get("/system")["inspector"]["models"]):
            return
        time.sleep(0.05)
    raise AssertionError((model, service.get("/system")["inspector"]))


def thresholds():
    before = s.get("/products/1/threshold")
    assert before["model"] == 1 and len(before["held_out"]) > 20, before
    got = s.put("/products/1/threshold", {"threshold": 31.25, "pixel_threshold": 17.5})
    assert got["version"] == 2 and got["current"] is True and got["parent"] == 1, got
    calibration = info_of(got["id"])["calibration"]
    assert calibration["threshold"] == 31.25 and calibration["pixel_threshold"] == 17.5, calibration
    row = s.ask("POST", "/products/1/inspect", TEST[0].read_bytes()).json()
    assert row["threshold"] == 31.25 and row["model"] == got["id"], row
    got = s.put("/products/1/threshold", {"false_alarms": 0.1})
    warmed(s, got["id"])
    assert info_of(got["id"])["calibration"]["false_alarms"] == 0.1
    assert got["held_out"] == [] or got["held_out"][0]["alone"] > 0
    for bad in ({}, {"threshold": "1"}, {"threshold": 1, "false_alarms": 0.1}, {"false_alarms": 7},
                {"threshold": None}, {"threshold": 0}, {"threshold": -1}):
        problem(s.ask("PUT", "/products/1/threshold", bad), 422)
    problem(s.ask("PUT", "/products/2/threshold", {"threshold": 1}), 409)
    problem(s.ask("GET", "/products/2/threshold"), 409)
    # back to the first version, whose file has not changed
    back = s.post("/models/1/activate")
    assert back["id"] == 1 and back["current"] is True
    assert s.get("/models/1/file") == (W / "m.fleck").read_bytes()
    own = predict(W / "m.fleck", TEST[0])[str(TEST[0])]
    row = json.loads(s.ask("POST", "/products/1/inspect", TEST[0].read_bytes()).body,
                     parse_float=str)
    assert row["threshold"] == own["threshold"] and row["score"] == own["score"], (row, own)
    problem(s.ask("POST", "/models/99/activate", {}), 404)
    assert len(s.get("/products/1/models")) == 3


def model_files():
    a = s.ask("POST", "/products/2/models", (W / "m.fleck").read_bytes())
    assert a.status == 201 and a.json()["version"] == 1 and a.json()["reason"] == "upload", a
    row = s.ask("POST", "/products/2/inspect", TEST[0].read_bytes()).json()
    own = predict(W / "m.fleck", TEST[0])[str(TEST[0])]
    assert abs(row["score"] - float(own["score"])) == 0, row
    whole = (W / "m.fleck").read_bytes()
    for bad in (b"", b"x", whole[:-7], whole[:5000] + bytes(64) + whole[5064:],
                TEST[0].read_bytes()):
        a = s.ask("POST", "/products/2/models", bad)
        problem(a, 422)
        assert str(W) not in a.json()["detail"], a
    problem(s.ask("GET", "/models/99"), 404)
    problem(s.ask("GET", "/models/99/file"), 404)
    for _ in range(100):  # they go once the connection has ended
        left = list((W / "project/tmp").iterdir())
        if not left:
            break
        time.sleep(0.05)
    assert not left, left


def areas():
    assert s.get("/products/1/areas") == {"areas": []}
    some = [{"kind": "ignore", "points": [[10, 10], [60, 10], [60, 60.5]]},
            {"kind": "only", "points": [[0, 0], [250, 0], [250, 250], [0, 250]]}]
    assert s.put("/products/1/areas", {"areas": some}) == {"areas": some}
    for bad in (None, 7, [7], [{}], [{"kind": "x", "points": [[0, 0], [1, 0], [1, 1]]}],
                [{"kind": "only", "points": [[0, 0], [1, 0]]}],
                [{"kind": "only", "points": [[0, 0], [1, 0], [1, 1e9]]}],
                [{"kind": "only", "points": [[0, 0], [1, 0], [1, "1"]]}], [some[0]] * 65,
                [{"kind": "only", "points": [[0, 0, 0], [1, 0, 0], [1, 1, 1]]}]):
        problem(s.ask("PUT", "/products/1/areas", {"areas": bad}), 422, "areas")
    assert s.get("/products/1/areas") == {"areas": some}
    job = s.fit(1)
    assert job["state"] == "done", job
    info = s.get(f"/models/{job['model']}")["info"]
    assert info["left_out"] > 0, info
    s.post("/models/1/activate")


# ---- History ----

def history():
    first = s.get("/inspections?limit=10")
    ids = [x["id"] for x in first["items"]]
    assert ids == sorted(ids, reverse=True) and first["next"] == ids[-1]
    every, before = [], None
    while True:
        page = s.get("/inspections?limit=7" + (f"&before={before}" if before else ""))
        every += page["items"]
        before = page["next"]
        if before is None:
            break
    assert len({x["id"] for x in every}) == len(every) > 40
    for key, value in (("verdict", "error"), ("verdict", "good"), ("product", 2)):
        some = s.get(f"/inspections?limit=1000&{key}={value}")["items"]
        assert [x["id"] for x in some] == [x["id"] for x in every if x[key] == value] != [], key
    middle = every[len(every) // 2]["time"]
    later = s.get(f"/inspections?limit=1000&from={middle}")["items"]
    earlier = s.get(f"/inspections?limit=1000&to={middle}")["items"]
    assert len(later) + len(earlier) == len(every) and later[-1]["time"] >= middle
    day, clock = middle.rstrip("Z").split("T")  # the same time, written otherwise
    for same in (f"{day}T{clock}", f"{middle[:-1]}999Z"):
        assert s.get(f"/inspections?limit=1000&from={same}")["items"] == later, same
    second = s.get(f"/inspections?limit=1000&from={middle[:19]}Z")["items"]
    assert [x["id"] for x in second] == [x["id"] for x in every if x["time"] >= middle[:19]]
    for bad in ("2026-1", "2026-13", "2026-00-01", "2026-02-29", "2100-02-29", "2026-04-31",
                "2026-12-01T24", "2026-12-01T23:60", "2026-12-01T00:00:60", "2026-12-01Z",
                "2026-12-01T00:00:00.", "2026-12-01T00:00:00.1234567890", "2026-12-01T00:00:00ZZ",
                "2026-12-01T00:00:00%2B01:00", "2026-12-01%2000:00", ""):
        for name in ("from", "to"):
            problem(s.ask("GET", f"/inspections?{name}={bad}"), 422, name, "12:00:00Z")
    for good in ("2024-02-29", "2000-02-29", "2026-12-31T23:59:59.5Z"):
        s.get(f"/inspections?to={good}")
    errors = [x for x in every if x["verdict"] == "error"]
    assert all(x["error"] and x["score"] is None for x in errors), errors[0]
    for bad in ("limit=0", "limit=1001", "limit=x", "product=x", "before=-1", "verdict=x", "mark=x",
                "from=yesterday", "limit=+5", "limit="):
        problem(s.ask("GET", "/inspections?" + bad), 422, bad.split("=")[0])
    problem(s.ask("GET", "/inspections/99999"), 404)


def marks():
    row = s.get("/inspections?verdict=good&product=1")["items"][0]
    got = s.ask("PUT", f"/inspections/{row['id']}/mark", {"mark": "defect"},
                {"X-Fleck-Who": "J%C3%BCrgen"}).json()
    assert got["mark"] == "defect" and got["mark_who"] == "Jürgen" and got["mark_time"], got
    assert [x["id"] for x in s.get("/inspections?mark=defect")["items"]] == [row["id"]]
    for bad in ({"mark": "x"}, {"mark": 1}, {}):
        problem(s.ask("PUT", f"/inspections/{row['id']}/mark", bad), 422)
    problem(s.ask("PUT", "/inspections/99999/mark", {"mark": "good"}), 404)
    assert s.ask("PUT", f"/inspections/{row['id']}/mark", {"mark": "good"},
                 {"X-Fleck-Who": "%ff"}).json()["mark"] == "good"
    assert s.put(f"/inspections/{row['id']}/mark", {"mark": None})["mark"] is None
    s.put(f"/inspections/{row['id']}/mark", {"mark": "good"})
    added = s.post("/products/1/learn", {"inspections": [row["id"], 99999]})
    assert len(added) == 2 and added[1]["problem"], added
    for bad in ({"inspections": [row["id"], "x"]}, {"inspections": [-1]}, {"more": 1},
                {}, {"inspections": []}, {"inspections": 7}, {"inspections": [1] * 1001}):
        problem(s.ask("POST", "/products/1/learn", bad), 422)


def exports():
    import csv
    import io
    every = s.get("/inspections?limit=1000")["items"]
    a = s.ask("GET", "/inspections.csv")
    assert a.type == "text/csv" and "attachment" in a.headers["content-disposition"], a
    rows = list(csv.DictReader(io.StringIO(a.body.decode(), newline="")))
    assert [int(r["id"]) for r in rows] == [x["id"] for x in every]
    assert [r["verdict"] for r in rows] == [x["verdict"] for x in every]
    for r, x in zip(rows, every):
        assert x["score"] is None or abs(float(r["score"]) / x["score"] - 1) < 1e-8
    assert s.get("/inspections.json") == every
    assert s.get("/inspections.json?product=2") == [x for x in every if x["product"] == 2]
    assert s.get("/inspections.json?product=77") == []
    s.ask("POST", "/products/2/inspect?name=%3D1%2B1%22,%0A", TEST[0].read_bytes())
    text = s.get("/inspections.csv?product=2").decode()
    assert "\"'=1+1\"\",\n\"" in text, text[:500]
    problem(s.ask("GET", "/inspections.csv?verdict=x"), 422)


def lines():
    """What the line's screens show, and sources."""
    every = [x for x in s.get("/inspections?limit=1000")["items"] if x["product"] == 1]
    got = s.get("/products/1/summary")
    for verdict, n in got["counts"].items():
        assert n == sum(x["verdict"] == verdict for x in every), (verdict, got)
    assert got["confusion"]["good"]["good"] == sum(x["mark"] == "good" for x in every) == 1
    problem(s.ask("GET", "/products/1/summary?from=x"), 422)
    problem(s.ask("GET", "/products/77/summary"), 404)
    drift = s.get("/products/1/drift?n=10")
    assert drift["learned"]["n"] > 20 and drift["recent"]["n"] > 0, drift
    problem(s.ask("GET", "/products/1/drift?n=0"), 422)
    report = s.ask("GET", "/products/1/report.html?lang=de")
    assert report.type == "text/html" and b"&lt;b&gt;1&lt;/b&gt;" in report.body
    assert b"<b>1</b>" not in report.body and "sandbox" in report.headers["content-security-policy"]
    problem(s.ask("GET", "/products/1/report.html?lang=xx"), 422)
    assert any(j["state"] == "done" for j in s.get("/jobs"))
    # a watched folder judges each file once
    (W / "root/watched").mkdir()
    (W / "root/watched/w.png").write_bytes(TEST[1].read_bytes())
    got = s.post("/products/1/sources", {"kind": "folder", "folder": "watched", "poll": 0.2})
    problem(s.ask("POST", "/products/1/sources", {"kind": "folder", "folder": "watched",
                                                  "poll": 0.2}), 409)
    for bad, status in (({"kind": "x"}, 422), ({}, 422), ({"kind": "folder"}, 422),
                        ({"kind": "folder", "folder": "../outside"}, 403),
                        ({"kind": "folder", "folder": "link"}, 403),
                        ({"kind": "folder", "folder": "watched", "more": 1}, 422)):
        a = s.ask("POST", "/products/1/sources", bad)
        problem(a, a.status if a.status in (403, 422) else status)
    for _ in range(400):
        row = s.get("/products/1/sources")[0]
        if row["judged"] == 1:
            break
        time.sleep(0.05)
    assert row["judged"] == 1 and row["id"] == got["id"], row
    rows = [x for x in s.get("/inspections?limit=5")["items"] if x["source"].startswith("watch:")]
    assert len(rows) == 1, rows
    assert s.ask("DELETE", f"/sources/{got['id']}").status == 204
    problem(s.ask("DELETE", f"/sources/{got['id']}"), 404)
    assert s.get("/products/1/sources") == []


def system():
    assert s.get("/health")["status"] == "ok" and s.get("/ready")["status"] == "ready"
    about = s.get("/system")
    assert about["counts"]["good"] > 0 and about["latency_ms"]["total"]["p50"] > 0, about
    lines = s.get("/metrics").decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    # since the start: as the history
    every = s.get("/inspections?limit=1000")["items"]
    for verdict in ("good", "defective", "error"):
        assert float(values[f'fleck_inspections_total{{verdict="{verdict}"}}']) == \
            sum(x["verdict"] == verdict for x in every), verdict
    page = s.ask("GET", "//")
    assert page.type == "text/html"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert any(k == "inspection" and d["verdict"] == "error" and d["error"] for k, d in seen)


# ---- Bodies and addresses as some clients write them ----

def clients():
    image = TEST[0].read_bytes()
    for path, body in (("/products", b"{}"), ("/products/1/inspect", image),
                       ("/products/1/photos", image), ("/products/1/models", image)):
        a = s.ask("POST", path, body, {"Content-Encoding": "gzip"})
        problem(a, 415, "not compressed", "gzip")
        assert "415" in described()["POST", re.sub(r"\d+", "#", path)]["responses"], path
        assert a.headers["accept-encoding"] == "identity", a.headers
    assert s.ask("POST", "/products/1/inspect", image,
                 {"Content-Encoding": "identity"}).status == 200
    body, headers = multipart(("f", "a.png", None, image))
    kind = headers["Content-Type"]
    problem(s.ask("POST", "/products/1/inspect", body, {"Content-Type": f"{kind}; charset=utf-8"}),
            400, "at the end")
    problem(s.ask("POST", "/products/1/inspect", body, {"Content-Type": kind.replace(
        "form-data", "mixed")}), 415, "multipart/form-data")
    problem(s.ask("POST", "/products/1/inspect", body, {"Content-Type": "multipart/form-data"}),
            400, "boundary=")
    problem(s.ask("PUT", "/products/1/inspect", image), 405, "expected POST")
    c = s.connect()
    c.request("GET", f"http://127.0.0.1:{s.port}{API}/health")
    answer = c.getresponse()
    assert answer.status == 200 and json.loads(answer.read())["status"] == "ok"
    c.close()


# ---- Who may ask ----

def origins():
    host = f"127.0.0.1:{s.port}"
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
                    {"Host": f"127.0.0.1.evil.example:{s.port}"}):
        problem(s.ask("POST", "/products", {"name": "evil"}, headers), 403)
        problem(s.ask("GET", "/products", headers=headers), 403)
    problem(s.ask("POST", "/products", {"name": "evil"}, {"Sec-Fetch-Site": "cross-site"}), 403)
    assert s.ask("GET", "/products", headers={"Origin": f"http://{host}"}).status == 200
    assert s.ask("GET", "/products", headers={"Host": f"localhost:{s.port}"}).status == 200
    assert s.ask("GET", "/health", headers={"Host": "evil.example"}).status == 403


def token():
    t = Service(FLECK, W / "locked", "--new-token")
    assert t.token and len(t.token) == 64
    assert (W / "locked/token").stat().st_mode & 0o77 == 0
    problem(t.ask("GET", "/products"), 401)
    assert t.ask("GET", "/products").headers["www-authenticate"] == "Bearer"
    for wrong in (t.token[:-1], t.token + "0", "", t.token[:-1] + "g"):
        problem(t.ask("GET", "/products", headers={"Authorization": f"Bearer {wrong}"}), 401)
    assert t.ask("GET", "/products", headers={"Authorization": f"Bearer {t.token}"}).status == 200
    assert t.ask("GET", "/health").status == 200 and t.ask("GET", "//").status == 200
    problem(t.ask("POST", "/login", {"token": "x"}), 401)
    problem(t.ask("POST", "/login", {}), 422)
    a = t.ask("POST", "/login", {"token": t.token})
    assert a.status == 204, a
    cookie = a.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
    kept = {"Cookie": cookie.split(";")[0]}
    assert t.ask("GET", "/products", headers=kept).status == 200
    problem(t.ask("POST", "/products", {"name": "x"}, {**kept, "Origin": "http://evil"}), 403)
    t.stop()
    again = Service(FLECK, W / "locked")  # the token is kept, and not printed again
    problem(again.ask("GET", "/products"), 401)
    assert again.token is None
    again.stop()
    done = subprocess.run([FLECK, "serve", W / "open", "--address", "0.0.0.0", "--port", "0"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "token" in done.stderr, done


def tls():
    made = server_context(W)
    if made is None:
        return "no openssl here"
    t = Service(FLECK, W / "tls", "--cert", made[0], "--key", made[1])
    t.context = made[2]
    assert t.ask("GET", "/health").status == 200
    assert t.ask("GET", "/products",
                 headers={"Origin": f"https://127.0.0.1:{t.port}"}).status == 200
    problem(t.ask("GET", "/products", headers={"Origin": f"http://127.0.0.1:{t.port}"}), 403)
    with socket.create_connection(("127.0.0.1", t.port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    t.stop()
    return None


def graceful():
    """What was accepted before the end is answered."""
    got = []

    def one(i):
        try:
            got.append(s.ask("POST", "/products/1/inspect",
                             TEST[i % len(TEST)].read_bytes()).status)
        except OSError:
            got.append(0)  # not accepted

    threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    s.stop()
    for t in threads:
        t.join()
    assert set(got) <= {200, 503, 0} and got.count(200) >= 1, got


def restarted():
    """The products inspected last are ready after a start."""
    t = Service(FLECK, W / "project")
    warmed(t, t.get("/products/1")["current_model"])
    t.stop()


for case in (openapi, products, photos, imports, raced_photos, fits, inspections, frames, maps,
             thresholds, model_files, areas, history, marks, exports, lines, system,
             clients, origins, token, tls,
             graceful, restarted):
    cases.run(case.__name__, case)
if s.process.poll() is None:
    s.kill()
print(s.errors(), end="")
cases.end()
