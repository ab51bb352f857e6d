# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests of watched folders, cameras and sinks: a small model, small photos, and a
running service."""
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

SIZE = 112


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ground():
    """A bright disc on a ground with noise, row by row with PNG's filter byte."""
    noise = random.Random(0).randbytes(SIZE * SIZE)
    out = bytearray()
    for y in range(SIZE):
        out.append(0)
        for x in range(SIZE):
            disc = 90 if (x - SIZE / 2) ** 2 + (y - SIZE / 2) ** 2 < (SIZE / 3) ** 2 else 0
            out.append(80 + disc + noise[y * SIZE + x] // 16)
    return int.from_bytes(out, "big")


GROUND = ground()
ROW = b"\0" + b"\x07" * SIZE
MASK = int.from_bytes(ROW * SIZE, "big")


def png(number):
    """The bytes of a grey photo of a disc, different for each number by its noise."""
    noise = int.from_bytes(random.Random(number).randbytes(SIZE * len(ROW)), "big")
    pixels = (GROUND ^ (noise & MASK)).to_bytes(SIZE * len(ROW), "big")
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            chunk(b"IDAT", zlib.compress(pixels, 1)) + chunk(b"IEND", b""))


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def check(condition, what):
    if not condition:
        raise SystemExit(f"failed: {what}")


def wait_for(what, condition, seconds=60):
    """Wait until condition() is true; its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise SystemExit(f"failed: {what}: not within {seconds} s")


class Place:
    """A temporary folder with a model of small photos; removed at the end."""

    def __init__(self, fleck):
        self.fleck = os.path.abspath(fleck)
        self.folder = tempfile.mkdtemp(prefix="fleck-line-")
        self.processes = []
        good = self.path("good")
        os.mkdir(good)
        for i in range(24):
            write(f"{good}/{i}.png", png(i - 100))
        self.model = self.path("part.fleck")
        fit = subprocess.run([self.fleck, "fit", good, "-o", self.model, "-m", "padim",
                              "--size", f"{SIZE}x{SIZE}", "--crop", f"{SIZE}x{SIZE}"],
                             capture_output=True, text=True)
        if fit.returncode != 0 and "fleck weights" in fit.stderr:
            self.end()
            skip("the default backbone's weights are not installed")
        check(fit.returncode == 0, f"fit: {fit.stderr}")

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *words, **more):
        return self.start_other(self.fleck, *words, **more)

    def start_other(self, *words, **more):
        process = subprocess.Popen(words, **more)
        self.processes.append(process)
        return process

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def rows(project, sql, *values):
    """Rows of a project's database."""
    db = sqlite3.connect(f"{project}/fleck.db", timeout=30)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


class Service:
    """A running `fleck serve` on a project's folder."""

    def __init__(self, place, project, *words):
        self.place, self.project, self.words = place, project, words
        self.start()

    def start(self):
        self.process = self.place.start("serve", self.project, "--port", "0", *self.words,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        check("://" in line, f"serve said {line!r}")
        self.address = line.split()[-1]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(60) in (0, -signal.SIGTERM), "serve ends by SIGTERM")

    def ask(self, method, path, body=None, kind="application/json", status=None):
        """(status, JSON) of a request; status: the one to expect."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.address + "/api/v1" + path, data, method=method)
        if data is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                got, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            got, text = error.code, error.read()
        value = json.loads(text) if text else None
        check(status is None or got == status, f"{method} {path}: {got} {value}")
        return got, value

    def product(self, name):
        """Make a product with the place's model."""
        number = self.ask("POST", "/products", {"name": name}, status=201)[1]["id"]
        with open(self.place.model, "rb") as f:
            self.ask("POST", f"/products/{number}/models", f.read(), "application/octet-stream")
        check(self.ask("GET", f"/products/{number}")[1]["current_model"], "the product has a model")
        return number

    def inspect(self, product, name, data, status=200):
        return self.ask("POST", f"/products/{product}/inspect?name={name}", data, "image/png",
                        status=status)[1]


def run(usage, *tests):
    """Run the tests, or those whose names are given on the command line, in one place."""
    if len(sys.argv) < 2:
        raise SystemExit(usage)
    wanted = sys.argv[2:]
    with Place(sys.argv[1]) as place:
        for test in tests:
            if not wanted or test.__name__[5:] in wanted:
                begun = time.monotonic()
                test(place)
                print(f"ok: {test.__name__[5:]} ({time.monotonic() - begun:.1f} s)", flush=True)
