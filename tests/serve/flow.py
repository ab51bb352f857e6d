#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many requests at once: every answer belongs to its image, and memory does not grow.

usage: tests/serve/flow.py FLECK SOURCE

FLECK_TEST_REQUESTS: how many (default 1000), by 8 clients.  Each image is first scored by itself;
its later answers must have the same hash and score, and the name of their request.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from service import Cases, Service

FLECK = os.path.abspath(sys.argv[1])
REQUESTS = int(os.environ.get("FLECK_TEST_REQUESTS", "1000"))
CLIENTS = 8
MOST_GROWTH = 16 << 20


def flow():
    with tempfile.TemporaryDirectory(prefix="fleck-flow-") as folder:
        subprocess.run([FLECK, "synth", f"{folder}/part", "--size", "96x96", "--train", "16",
                        "--good", "16", "--defective", "5"], check=True, capture_output=True)
        images = [p.read_bytes() for p in sorted(pathlib.Path(folder).glob("part/test/*/*.png"))]
        s = Service(FLECK, f"{folder}/project", "--import", folder, "--workers", "2")
        s.post("/products", {"name": "part"})
        s.post("/products/1/import", {"folder": "part/train/good"})
        assert s.fit(1, {"pixels": 4096})["state"] == "done"
        alone = [s.ask("POST", "/products/1/inspect", data).json() for data in images]
        assert len({a["hash"] for a in alone}) == len({a["score"] for a in alone}) == len(images)
        wrong, done, refused, resident, ids = [], [0], [0], [], set()
        lock = threading.Lock()

        def client(number):
            c = s.connect()
            for i in range(number, REQUESTS, CLIENTS):
                k = (i * 7919) % len(images)
                a = s.ask("POST", f"/products/1/inspect?name=r{i}", images[k], connection=c)
                while a.status == 503:
                    refused[0] += 1
                    time.sleep(0.05)
                    a = s.ask("POST", f"/products/1/inspect?name=r{i}", images[k], connection=c)
                row = a.json()
                if (a.status, row.get("name"), row.get("hash"), row.get("score")) != \
                        (200, f"r{i}", alone[k]["hash"], alone[k]["score"]):
                    wrong.append((i, a))
                    return
                with lock:
                    ids.add(row["id"])
                    done[0] += 1
                    if done[0] % (REQUESTS // 10) == 0:
                        resident.append(s.resident())

        begun = time.monotonic()
        threads = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        seconds = time.monotonic() - begun
        assert not wrong, wrong[:3]
        assert len(ids) == REQUESTS
        print("# resident MiB by tenths:", " ".join(f"{r / 2**20:.1f}" for r in resident))
        print(f"# {REQUESTS} requests in {seconds:.1f} s, {refused[0]} asked again after 503")
        growth = resident[-1] - resident[1]
        s.stop()
        if "ASAN_OPTIONS" in os.environ:
            return "the growth of memory: the address sanitizer keeps what is freed"
        assert growth < MOST_GROWTH, f"memory grew by {growth} bytes"
        return None


cases = Cases()
cases.run("flow", flow)
cases.end()
