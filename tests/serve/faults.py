#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fleck serve` survives kills, a full disk, hostile clients and slow ones.

usage: tests/serve/faults.py FLECK SOURCE [CASE...]      CASE: only these

FLECK_TEST_KILLS: number of kills under load, and of kills during a fit (default 20)
"""
import json
import os
import pathlib
import random
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from service import API, Cases, Service, multipart

FLECK = os.path.abspath(sys.argv[1])
KILLS = int(os.environ.get("FLECK_TEST_KILLS", "20"))
work = tempfile.TemporaryDirectory(prefix="fleck-faults-")
W = pathlib.Path(work.name)
cases = Cases()
chance = random.Random(int(os.environ.get("FLECK_TEST_SEED", "1")))

subprocess.run([FLECK, "synth", W / "part", "--size", "96x96", "--train", "16", "--good", "8",
                "--defective", "4"], check=True, capture_output=True)
IMAGES = [p.read_bytes() for p in sorted((W / "part/test").glob("*/*.png"))]
SMALL = {"pixels": 4096}


def unique(i):
    """A sample image that no other request has: PNG readers pass what follows its end."""
    return IMAGES[i % len(IMAGES)] + b"%d" % i


def fresh(name):
    """A project with a product and a model."""
    s = Service(FLECK, W / name, "--import", W, "--workers", "2")
    s.post("/products", {"name": "part"})
    s.post("/products/1/import", {"folder": "part/train/good"})
    assert s.fit(1, SMALL)["state"] == "done"
    return s


# ---- Kills ----

def check_database(folder):
    c = sqlite3.connect(f"file:{folder}/fleck.db?mode=ro", uri=True)
    assert c.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert c.execute("PRAGMA foreign_key_check").fetchall() == []
    rows = {r[0]: r[1:]
            for r in c.execute("SELECT id, name, score, verdict, picture FROM inspection")}
    models = c.execute("SELECT id, path FROM model").fetchall()
    photos = c.execute("SELECT id, product, path FROM photo").fetchall()
    c.close()
    return rows, models, photos


def check_files(folder, models, photos, seen):
    """Every model opens, every photo has its file and thumbnail.  seen: models opened before."""
    for _, path in models:
        if path not in seen:
            subprocess.run([FLECK, "info", f"{folder}/{path}"], check=True, capture_output=True)
            seen.add(path)
    for i, product, path in photos:
        assert os.path.exists(f"{folder}/{path}"), path
        assert os.path.exists(f"{folder}/products/{product}/thumbs/{i}.jpg"), i


class Load:
    """Clients that inspect without pause; acknowledged: id -> (name, score, verdict, picture)"""

    def __init__(self, service, clients, number):
        self.service, self.number, self.lock = service, number, threading.Lock()
        self.acknowledged, self.wrong = {}, []
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def run(self):
        try:
            c = self.service.connect(60)
            while True:
                with self.lock:
                    i = self.number = self.number + 1
                a = self.service.ask("POST", f"/products/1/inspect?name=n{i}.png", unique(i),
                                     connection=c)
                if a.status != 200:
                    self.wrong.append(a)
                    return
                row = a.json()
                with self.lock:
                    self.acknowledged[row["id"]] = (row["name"], row["score"], row["verdict"],
                                                    row["picture"])
                if row["name"] != f"n{i}.png":
                    self.wrong.append(row)
        except (OSError, ValueError, __import__("http").client.HTTPException):
            pass  # killed

    def end(self):
        for t in self.threads:
            t.join(60)
        assert not self.wrong, self.wrong[:3]
        return self.acknowledged


def kills_under_load():
    s = fresh("load")
    acknowledged, number, seen = {}, 0, set()
    for k in range(KILLS):
        load = Load(s, 4, number)
        wanted = chance.randrange(1, 12)
        end = time.monotonic() + 60
        while len(load.acknowledged) < wanted and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.03)
        s.kill()
        new = load.end()
        assert len(new) >= wanted, (k, len(new))
        acknowledged.update(new)
        number = load.number
        rows, models, photos = check_database(s.folder)
        lost = {i for i, row in new.items() if rows.get(i) != row}
        assert not lost, (k, {i: (new[i], rows.get(i)) for i in lost})
        for row in new.values():
            assert os.path.exists(f"{s.folder}/{row[3]}"), row
        check_files(s.folder, models, photos, seen)
        s.start()
        assert s.get("/ready")["status"] == "ready"
        if (k + 1) % 100 == 0:
            print(f"# {k + 1} kills, {len(acknowledged)} acknowledged, 0 lost", flush=True)
    rows, _, _ = check_database(s.folder)
    assert all(rows.get(i) == row for i, row in acknowledged.items())
    print(f"# {KILLS} kills, {len(acknowledged)} acknowledged inspections, {len(rows)} stored, "
          "0 lost")
    s.stop()


def kills_in_changes():
    """Killed while it fits, takes photos and products in, and stores thresholds."""
    s = fresh("fit")
    seen, versions, names = set(), 1, set()
    states = {}
    for k in range(KILLS):
        job = s.post("/products/1/fits", {"settings": SMALL})["id"]
        made = []

        def change():
            try:
                for i in range(1000):
                    name = f"p{k}-{i}"
                    made.append((s.post("/products", {"name": name})["id"], name))
                    s.post(f"/products/{made[-1][0]}/photos?name=a.png", unique(1000 * k + i))
                    s.put("/products/1/threshold", {"threshold": 20 + i})
            except (OSError, AssertionError, ValueError, __import__("http").client.HTTPException):
                pass

        t = threading.Thread(target=change, daemon=True)
        t.start()
        time.sleep(chance.random() * 0.8)
        s.kill()
        t.join(60)
        _, models, photos = check_database(s.folder)
        check_files(s.folder, models, photos, seen)
        assert len(models) >= versions
        versions = len(models)
        s.start()
        row = s.wait_for(job)  # one that had not begun goes on
        assert row["state"] in ("done", "interrupted"), row
        states[row["state"]] = states.get(row["state"], 0) + 1
        got = {p["id"]: p["name"] for p in s.get("/products")}
        assert all(got.get(i) == name for i, name in made), (made, got)
        if made:  # a product that is there takes photos
            a = s.post(f"/products/{made[-1][0]}/photos?name=b.png", IMAGES[k % len(IMAGES)])
            assert "id" in a[0] or "duplicate_of" in a[0], a
        current = [p for p in s.get("/products") if p["id"] == 1][0]["current_model"]
        assert s.get(f"/models/{current}")["held_out"] is not None
    assert not list(pathlib.Path(s.folder, "tmp").iterdir())
    a = s.ask("POST", "/products/1/inspect", IMAGES[0])
    assert a.status == 200, a
    print(f"# {KILLS} kills, fits: {states}, {versions} models, all of which open")
    s.stop()


# ---- A full disk ----

def says_no(answer, *statuses):
    assert answer.status in statuses and answer.type == "application/problem+json", answer


def file_limit():
    """Files that cannot grow beyond 1 MiB, as by a quota."""
    s = fresh("limit")
    s.stop()
    big = IMAGES[0] + bytes(2 << 20)
    t = Service(FLECK, W / "limit", "--import", W, limit=1 << 20)
    says_no(t.ask("POST", "/products/1/inspect", big), 507)
    a = t.ask("POST", "/products/1/photos?name=big.png", big)
    assert a.status == 200 and a.json()[0]["problem"], a
    says_no(t.ask("POST", "/products/1/models", bytes(2 << 20)), 507)
    # the journal meets its limit: what is not stored is not acknowledged
    acknowledged, refused = {}, 0
    for i in range(2000):
        a = t.ask("POST", f"/products/1/inspect?name=l{i}", unique(i))
        if a.status == 200:
            acknowledged[a.json()["id"]] = f"l{i}"
        else:
            says_no(a, 507, 500)
            refused += 1
            if refused == 5:
                break
    assert refused == 5, "the limit was not met"
    assert t.get("/health")["status"] == "ok"
    # other tables may have room left: done, or refused
    for path, body in (("/products", {"name": "one more"}),
                       ("/products/1/fits", {"settings": SMALL})):
        a = t.ask("POST", path, body)
        assert a.status in (201, 202, 500, 507), a
    t.stop()
    s.start()
    rows, models, photos = check_database(s.folder)
    assert all(rows[i][0] == name for i, name in acknowledged.items())
    check_files(s.folder, models, photos, set())
    assert s.ask("POST", "/products/1/inspect", IMAGES[0]).status == 200
    assert s.fit(1, SMALL)["state"] == "done"
    print(f"# {len(acknowledged)} acknowledged before the limit, all there")
    s.stop()


def disk_full():
    """A file system of 20 MB in a namespace of its own."""
    inner = W / "mounted"
    inner.mkdir()
    mount = f"mount -t tmpfs -o size=20m tmpfs {inner}"
    if shutil.which("unshare") is None or subprocess.run(
            ["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode != 0:
        return "no file system can be mounted here"
    wrapper = W / "in-small-disk"
    wrapper.write_text("#!/bin/sh\n"
                       f"exec unshare -rm sh -c '{mount} && exec \"$@\"' sh {FLECK} \"$@\"\n")
    wrapper.chmod(0o755)
    s = Service(wrapper, inner / "project", "--import", W)
    s.post("/products", {"name": "part"})
    s.post("/products/1/import", {"folder": "part/train/good"})
    assert s.fit(1, SMALL)["state"] == "done"
    ids, full = [], 0
    for i in range(200):
        a = s.ask("POST", f"/products/1/inspect?name=d{i}", unique(i) + bytes(1 << 20))
        if a.status == 200:
            ids.append(a.json()["id"])
            continue
        says_no(a, 507)
        full += 1
        if full == 3:
            break
    assert full == 3 and len(ids) > 3, (full, len(ids))
    says_no(s.ask("POST", "/products/1/models", s.get("/models/1/file") + bytes(1 << 20)), 507)
    job = s.ask("POST", "/products/1/fits", {"settings": SMALL})
    if job.status == 202:
        row = s.wait_for(job.json()["id"])
        assert row["state"] in ("failed", "done"), row
        assert row["state"] == "done" or row["error"], row
    assert s.get("/ready")["status"] == "ready"
    have = {x["id"] for x in s.get("/inspections?limit=1000")["items"]}
    assert set(ids) <= have
    assert s.get(f"/models/{s.get('/products/1')['current_model']}")["held_out"]
    s.stop()
    return None


# ---- Hostile clients ----

def raw(port, data, end=None, seconds=20):
    """What the server answers to these bytes; b"" where it closes."""
    with socket.create_connection(("127.0.0.1", port), seconds) as c:
        try:
            c.sendall(data)
            if end is not None:
                c.shutdown(end)
            got = b""
            while b"\r\n\r\n" not in got:
                piece = c.recv(65536)
                if not piece:
                    break
                got += piece
            return got
        except OSError:
            return b""


def request(method, path, *headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def status_of(answer):
    return int(answer.split()[1]) if answer else 0


hostile = fresh("hostile")
P = API + "/products/1/inspect"


def alive():
    begun = time.monotonic()
    assert hostile.get("/health")["status"] == "ok"
    assert time.monotonic() - begun < 5
    assert hostile.process.poll() is None, hostile.errors()


def large_bodies():
    p = hostile.port
    got = raw(p, request("POST", P, "Content-Length: 10737418240"))
    assert status_of(got) == 413 and b"problem+json" in got, got
    for n in ("99999999999999999999999", "-1", "1x", "0x10"):
        assert status_of(raw(p, request("POST", P, f"Content-Length: {n}"))) in (0, 400, 413), n
    got = raw(p, request("POST", API + "/products", "Content-Length: 8000000"))
    assert status_of(got) == 413, got
    got = raw(p, request("GET", API + "/products", "Content-Length: 8000000"))
    assert status_of(got) == 413, got
    # chunks without end: refused, and not read for ever
    with socket.create_connection(("127.0.0.1", p), 60) as c:
        c.sendall(request("POST", P, "Transfer-Encoding: chunked"))
        chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
        sent = 0
        try:
            for sent in range(400):
                c.sendall(chunk)
        except OSError:
            pass
        assert sent < 200, "an upload without end was read"
    alive()


def half_bodies():
    p = hostile.port
    before = hostile.get("/system")["inspector"]
    for _ in range(50):
        raw(p, request("POST", P, "Content-Length: 100000") + IMAGES[0][:500], socket.SHUT_RDWR, 1)
    body, headers = multipart(("f", "a.png", None, IMAGES[0]))
    head = request("POST", P, f"Content-Type: {headers['Content-Type']}",
                   f"Content-Length: {len(body) - 20}")
    got = raw(p, head + body[:-20])
    assert status_of(got) in (400, 422, 200), got
    # gone while its image waits or is scored
    for i in range(30):
        c = socket.create_connection(("127.0.0.1", p), 20)
        data = unique(50000 + i)
        c.sendall(request("POST", P, f"Content-Length: {len(data)}") + data)
        c.close()
    for _ in range(600):
        now = hostile.get("/system")["inspector"]
        if now["waiting"] == now["busy"] == 0:
            break
        time.sleep(0.05)
    assert (now["waiting"], now["busy"]) == (0, 0) and before["waiting"] == 0, now
    alive()


def slow_bodies():
    """Many who upload at once and do not end: memory has a limit, others get an answer."""
    socks, held = [], hostile.resident()
    size = 60 << 20
    refused = 0
    for _ in range(14):
        c = socket.create_connection(("127.0.0.1", hostile.port), 60)
        c.sendall(request("POST", P, f"Content-Length: {size}"))
        c.sendall(bytes(size - 1))
        socks.append(c)
    time.sleep(1)
    grown = hostile.resident() - held
    alive()
    for c in socks:
        c.sendall(b"x")
        got = c.recv(65536)
        refused += status_of(got) == 503
        assert status_of(got) in (503, 422), got
        c.close()
    assert refused >= 1 and grown < 800 << 20, (refused, grown)
    for _ in range(100):
        if hostile.resident() - held < 200 << 20:
            break
        time.sleep(0.1)
    print(f"# {refused} of 14 refused, {grown >> 20} MiB held")
    assert hostile.ask("POST", "/products/1/inspect", IMAGES[0]).status == 200
    alive()


def heads():
    p = hostile.port
    flood = [f"X-{i}: {'a' * 500}" for i in range(500)]
    assert status_of(raw(p, request("GET", API + "/health", *flood))) in (0, 400, 413, 431)
    long = request("GET", API + "/health", "X: " + "b" * 200000)
    assert status_of(raw(p, long)) in (0, 400, 413, 431)
    assert status_of(raw(p, request("GET", "/" + "c" * 100000))) in (0, 400, 414, 404)
    for bad in (b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                bytes(range(256)) * 4,
                b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                b"POST " + P.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                b"Content-Length: 300\r\n\r\nabc"):
        got = raw(p, bad, socket.SHUT_WR, 3)
        assert status_of(got) not in range(200, 300), (bad, got)
    # libmicrohttpd ends an address at a zero byte: it stands for what comes before, and no more
    got = raw(p, b"GET /api/v1/system\0/../x HTTP/1.1\r\nHost: localhost\r\n"
                 b"Origin: http://x\r\n\r\n")
    assert status_of(got) == 403, got
    alive()


def paths():
    p = hostile.port
    secret = b"SQLite format"
    for path in ("/../fleck.db", "/..%2ffleck.db", "/%2e%2e/fleck.db", "/%2e%2e%2ffleck.db",
                 "/fleck.db",
                 "/./../../etc/passwd", "//etc/passwd", "/index.html%00.js", "/index.html/", "/.",
                 API + "/health%00", API + "/photos/1/../../1/file", API + "/photos/%2e%2e/file",
                 API + "/photos/1%00/file", API + "/photos/0x1/file", API + "/photos/-1/file",
                 API + "/photos/1/file%2f..%2f..", API + "/products/18446744073709551617"):
        got = raw(p, request("GET", path, "Connection: close"))
        assert status_of(got) == 404 and secret not in got, (path, got)
    alive()


def names():
    """Names become names: no path, no markup that a browser would take for a page."""
    project = pathlib.Path(hostile.folder)
    marked = '<img src=x onerror=alert(1)>"\'\\'
    for name in ("../../../../tmp/owned.png", "..%2f..%2fowned.png", "/etc/owned.png",
                 "a/../../owned.png",
                 "..\\..\\owned.png", "..", ".", ".hidden.png", "a\tb.png", "x" * 5000 + ".png",
                 "con:owned.png", marked, "\u202egnp.png", "a b;c|d`e$(f).png"):
        body, headers = multipart(("f", name, "image/png", unique(len(name) * 7919 + 60000)))
        a = hostile.ask("POST", "/products/1/photos", body, headers)
        assert a.status in (200, 422) and a.type.endswith("json"), (name, a)
        for photo in a.json() if a.status == 200 else []:
            assert "/" not in photo["name"] and not photo["name"].startswith("."), photo
        b = hostile.ask("POST", "/products/1/inspect", body, headers)
        assert b.status in (200, 422) and b.type.endswith("json"), (name, b)
    inside = {f.resolve() for f in project.rglob("*")}
    assert all(project.resolve() in f.parents for f in inside)
    assert not list(W.glob("owned*")) and not list(project.glob("owned*"))
    assert not os.path.exists("/tmp/owned.png") and not os.path.exists("/etc/owned.png")
    hostile.post("/products", {"name": marked})
    a = hostile.ask("GET", "/products")
    assert a.type == "application/json" and marked in [x["name"] for x in a.json()]
    for header in ("a\r\nX-Evil: 1", "\r\n\r\n<script>"):
        from urllib.parse import quote
        a = hostile.ask("POST", f"/products/1/inspect?name={quote(header)}", IMAGES[0])
        assert "x-evil" not in a.headers, a.headers
    alive()


def types():
    """Bodies that are not what their type says."""
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data; boundary=",
                 "multipart/form-data", "image/x-fleck-raw",
                 "image/x-fleck-raw;w=9;h=9;format=rgb8",
                 "application/x-www-form-urlencoded", "text/html", ";;;", "a" * 3000):
        for body in (b"", b"\0" * 1000, b"--x\r\n\r\n\r\n--x--\r\n", b"--x\r\nContent-Disposition: "
                     b"form-data; name=\"f\"; filename=\"a\"\r\n\r\nabc\r\n--x--\r\n"):
            for path in ("/products/1/inspect", "/products/1/photos", "/products/1/fits",
                         "/products/1/models"):
                a = hostile.ask("POST", path, body, {"Content-Type": kind})
                assert a.status < 500 and a.type.endswith("json"), (kind, body, path, a)
    parts = [("f", f"{i}.png", None, b"x") for i in range(300)]
    body, headers = multipart(*parts)
    says_no(hostile.ask("POST", "/products/1/inspect", body, headers), 413)
    alive()


def idle_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        return "fewer than 1,200 descriptors here"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    socks = []
    for i in range(1000):
        c = socket.create_connection(("127.0.0.1", hostile.port), 20)
        if i % 2:
            c.sendall(b"GET /api/v1/health HT")
        socks.append(c)
    alive()
    assert hostile.ask("POST", "/products/1/inspect", IMAGES[0]).status == 200
    alive()
    for c in socks:
        c.close()
    alive()
    return None


def listeners():
    """Pages that were closed do not use up the places of those that listen."""
    for _ in range(3):
        socks = []
        for _ in range(100):
            c = socket.create_connection(("127.0.0.1", hostile.port), 20)
            c.sendall(request("GET", API + "/events"))
            assert status_of(c.recv(1000)) == 200
            socks.append(c)
        for c in socks:
            c.close()
        for i in range(3):  # an event finds those who left
            hostile.ask("POST", "/products/1/inspect", unique(70000 + i))
    alive()


def ends_well():
    """The end waits for nobody who is slow, and for no stream."""
    idle = socket.create_connection(("127.0.0.1", hostile.port), 20)
    stream = socket.create_connection(("127.0.0.1", hostile.port), 20)
    stream.sendall(request("GET", API + "/events"))
    stream.recv(1000)
    half = socket.create_connection(("127.0.0.1", hostile.port), 20)
    half.sendall(request("POST", P, "Content-Length: 1000") + b"x")
    begun = time.monotonic()
    hostile.stop()
    assert time.monotonic() - begun < 20
    for c in (idle, stream, half):
        c.close()


for case in (kills_under_load, kills_in_changes, file_limit, disk_full, large_bodies, half_bodies,
             slow_bodies, heads, paths, names, types, idle_connections, listeners, ends_well):
    if len(sys.argv) < 4 or case.__name__ in sys.argv[3:]:
        cases.run(case.__name__, case)
if hostile.process.poll() is None:
    hostile.kill()
print(hostile.errors(), end="")
cases.end()
