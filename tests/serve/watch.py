#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that land in a watched folder: each is judged exactly once, though fleck is killed
meanwhile.

    tests/serve/watch.py FLECK

FLECK_WATCH_FILES files (default 300) land at FLECK_WATCH_RATE a second (default 50), once for
`fleck watch` and once for the service.  Both are killed and started again meanwhile."""
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

from line import Service, check, png, rows, run, wait_for, write

FILES = int(os.environ.get("FLECK_WATCH_FILES", "300"))
RATE = float(os.environ.get("FLECK_WATCH_RATE", "50"))


class Landing(threading.Thread):
    """Lets files land at the rate: written in one piece, in two pieces, or renamed into place."""

    def __init__(self, folder, count):
        super().__init__(daemon=True)
        self.folder, self.count, self.landed = folder, count, 0
        self.photos = {}

    def run(self):
        begun = time.monotonic()
        for i in range(self.count):
            data, path = png(i), f"{self.folder}/{i:06}.png"
            if i % 3 == 0:
                write(path, data)
            elif i % 3 == 1:
                with open(path, "wb", buffering=0) as f:
                    f.write(data[:len(data) // 2])
                    time.sleep(0.002)
                    f.write(data[len(data) // 2:])
            else:
                write(f"{self.folder}/.{i}", data)
                os.rename(f"{self.folder}/.{i}", path)
            self.landed = i + 1
            late = begun + (i + 1) / RATE - time.monotonic()
            if late > 0:
                time.sleep(late)
        self.seconds = time.monotonic() - begun


def check_once(project, count):
    """Each file has one inspection with a verdict, and one note that it was judged."""
    names = [name for name, in rows(project, "SELECT name FROM inspection")]
    check(len(names) == count, f"expected {count} inspections, got {len(names)}")
    check(sorted(names) == [f"{i:06}.png" for i in range(count)], "each file is there once")
    check(rows(project, "SELECT COUNT(*) FROM inspection WHERE verdict = 'error'") == [(0,)],
          "no file was judged before it was complete")
    check(rows(project, "SELECT COUNT(DISTINCT hash) FROM inspection") == [(count,)],
          "each has its own content")
    check(rows(project, "SELECT COUNT(*) FROM seen JOIN inspection i ON i.id = inspection AND "
                        "i.name = path AND i.hash = seen.hash") == [(count,)],
          "each note belongs to its inspection")


def kill_while(landing, start, seed):
    """Start, kill and start again until all have landed.  Returns the process and the kills."""
    chance, kills = random.Random(seed), 0
    process = start()
    while landing.is_alive():
        landing.join(chance.uniform(0.5, 3) * max(1, FILES / 3000))
        if landing.is_alive():
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            process = start()
    return process, kills


def test_command(place):
    folder, state, out = place.path("in"), place.path("state"), place.path("out")
    os.mkdir(folder)

    def start():
        return place.start("watch", place.model, folder, "--state", state, "--json",
                           stdout=open(out, "ab"))

    landing = Landing(folder, FILES)
    landing.start()
    process, kills = kill_while(landing, start, 1)
    begun = time.monotonic()
    wait_for("all are judged", lambda: rows(state, "SELECT COUNT(*) FROM inspection") == [(FILES,)],
             120 + FILES / 10)
    behind = time.monotonic() - begun
    process.send_signal(signal.SIGTERM)
    process.wait()
    check_once(state, FILES)
    seen, again = {}, 0
    for line in open(out, encoding="utf-8"):
        try:
            row = json.loads(line)
        except ValueError:
            continue  # a kill cut it; the line comes again
        again += row["name"] in seen
        check(seen.setdefault(row["name"], row["id"]) == row["id"], f"{row['name']} has one id")
    check(len(seen) == FILES, f"expected {FILES} names on standard output, got {len(seen)}")
    print(f"watch: {FILES} files in {landing.seconds:.1f} s, {kills} kills, the last verdict "
          f"{behind:.1f} s after the last file, {again} lines printed again")


def test_service(place):
    folder, project = place.path("line/in"), place.path("project")
    os.makedirs(folder)
    service = Service(place, project, "--watch-root", place.path("line"))
    product = service.product("part")
    service.ask("POST", f"/products/{product}/sources", {"kind": "folder", "folder": "in"},
                status=201)
    service.kill()

    def start():
        service.start()
        return service.process

    landing = Landing(folder, FILES)
    landing.start()
    _, kills = kill_while(landing, start, 2)
    begun = time.monotonic()
    wait_for("all are judged", lambda: rows(project, "SELECT COUNT(*) FROM inspection") ==
             [(FILES,)], 120 + FILES / 10)
    behind = time.monotonic() - begun
    service.stop()
    check_once(project, FILES)
    print(f"service: {FILES} files in {landing.seconds:.1f} s, {kills} kills, the last verdict "
          f"{behind:.1f} s after the last file")


class Watched:
    """A folder that a service watches, for single cases."""

    def __init__(self, place, name, **config):
        self.folder, self.project = place.path(f"{name}-root/in"), place.path(name)
        os.makedirs(self.folder)
        self.service = Service(place, self.project, "--watch-root", place.path(f"{name}-root"))
        self.product = self.service.product("part")
        self.config = {"kind": "folder", "folder": "in", **config}
        self.source = self.add()["id"]
        wait_for("it runs", lambda: self.state()["state"] == "running")

    def add(self, status=201):
        return self.service.ask("POST", f"/products/{self.product}/sources", self.config,
                                status=status)[1]

    def state(self):
        return self.service.ask("GET", f"/products/{self.product}/sources")[1][0]

    def names(self):
        return [name for name, in rows(self.project, "SELECT name FROM inspection ORDER BY id")]

    def expect(self, *names):
        """Wait for so many inspections, then a moment whether there are more."""
        wait_for(f"{names}", lambda: len(self.names()) >= len(names), 30)
        time.sleep(0.8)
        check(sorted(self.names()) == sorted(names), f"expected {names}, got {self.names()}")

    def verdict(self, name):
        return rows(self.project, "SELECT verdict, error FROM inspection WHERE name = ?", name)


def test_same_file(place):
    w = Watched(place, "same")
    write(f"{w.folder}/a.png", png(1))
    w.expect("a.png")
    write(f"{w.folder}/a.png", png(1))  # the same bytes
    wait_for("it is known by its content", lambda: w.state()["skipped"] == 1)
    os.rename(f"{w.folder}/a.png", f"{w.folder}/b.png")
    wait_for("it is known under its new name", lambda: w.state()["skipped"] == 2)
    os.utime(f"{w.folder}/b.png", (1, 1))
    w.expect("a.png")
    shutil.copy(f"{w.folder}/b.png", f"{w.folder}/c.png")  # another file
    w.expect("a.png", "c.png")
    write(f"{w.folder}/c.png", png(2))  # another content
    w.expect("a.png", "c.png", "c.png")
    w.service.kill()
    w.service.start()
    w.expect("a.png", "c.png", "c.png")
    w.service.stop()


def write_and_rename(folder, i, data, wait=0.0):
    """As a camera program does: always under the same first name."""
    write(f"{folder}/image.tmp.png", data)
    time.sleep(wait)
    os.rename(f"{folder}/image.tmp.png", f"{folder}/{i:06}.png")


def check_each(project, count):
    """Each of so many contents has one inspection, under one of its two names."""
    wait_for("all are judged", lambda: rows(project, "SELECT COUNT(DISTINCT hash) FROM inspection")
             == [(count,)], 60 + count / 10)
    time.sleep(1.5)
    again = rows(project, "SELECT group_concat(name, ', ') FROM inspection GROUP BY hash "
                          "HAVING COUNT(*) > 1")
    check(again == [], f"{len(again)} files of {count} were judged twice, such as {again[:3]}")
    check(rows(project, "SELECT COUNT(*) FROM inspection WHERE verdict = 'error'") == [(0,)],
          "no file was judged before it was complete")


def test_renamed(place):
    """A file that is renamed before, while or after it is judged stays the same file."""
    w = Watched(place, "renamed")
    chance, count = random.Random(3), min(FILES, 300)
    for i in range(count):
        write_and_rename(w.folder, i, png(1000 + i), chance.uniform(0, 0.06))
        if i % 40 == 39:
            w.service.kill()
            w.service.start()
    check_each(w.project, count)
    late = [name for name, in rows(w.project, "SELECT name FROM inspection")
            if name == "image.tmp.png"]
    check(late != [], "some were judged before they were renamed")
    notes = rows(w.project, "SELECT path FROM seen ORDER BY path")
    check(notes == [(f"{i:06}.png",) for i in range(count)],
          f"each is noted under the name that it has now, got {notes[-3:]} of {len(notes)}")
    w.service.kill()
    for i in range(count):
        os.rename(f"{w.folder}/{i:06}.png", f"{w.folder}/later-{i}.png")
    w.service.start()
    wait_for("the new names are known", lambda: w.state()["skipped"] == count)
    check_each(w.project, count)
    w.service.stop()


def test_new_file(place):
    """A new file is judged, though its name, bytes or inode were there before."""
    w = Watched(place, "new")
    for i in range(5):  # the same bytes each time, but another file
        write_and_rename(w.folder, i, png(60), 0.3)
        wait_for(f"file {i} is judged", lambda: len(w.names()) == i + 1, 20)
    names = w.names()  # under load some were renamed before they were read
    inode, other = 0, -1
    for i in range(50):
        write(f"{w.folder}/old.png", png(61))
        inode = os.stat(f"{w.folder}/old.png").st_ino
        wait_for("the old one is judged", lambda: "old.png" in w.names(), 20)
        os.remove(f"{w.folder}/old.png")
        write(place.path("outside-new.png"), png(61))
        other = os.stat(place.path("outside-new.png")).st_ino
        if other == inode:
            break
    if other == inode:
        os.rename(place.path("outside-new.png"), f"{w.folder}/reused.png")
        w.expect(*names, "old.png", "reused.png")
    else:
        print("note: this file system does not use an inode again")
    w.service.stop()


def test_same_time(place):
    """A file that is written again is judged, though its size and time did not change."""
    w = Watched(place, "time")
    head = b"P5 112 112 255\n"
    for i in range(4):  # as on a file system whose times have whole seconds
        with open(f"{w.folder}/live.pgm", "wb") as f:
            f.write(head + random.Random(i).randbytes(112 * 112))
            f.flush()
            os.utime(f.fileno(), (1000, 1000))
        wait_for(f"image {i} is judged", lambda: len(w.names()) == i + 1, 20)
    w.expect(*["live.pgm"] * 4)
    w.service.stop()


def test_half_again(place):
    """A name that is written again at once is not read before it is complete."""
    w = Watched(place, "half")
    for i in range(20):
        data = png(2000 + i)
        with open(f"{w.folder}/live.png", "wb", buffering=0) as f:
            for part in range(4):
                f.write(data[len(data) * part // 4:len(data) * (part + 1) // 4])
                time.sleep(0.01)
    time.sleep(1)
    check("error" not in [v for v, in rows(w.project, "SELECT verdict FROM inspection")],
          "no half file was judged")
    last = rows(w.project, "SELECT verdict FROM inspection ORDER BY id DESC LIMIT 1")
    check(last != [], "the last one was judged")
    w.service.stop()


def test_unread(place):
    """A file that was not read is an error once, under whatever name."""
    w = Watched(place, "unread")
    with open(f"{w.folder}/huge.png", "wb") as f:
        f.truncate(10 << 30)
    w.expect("huge.png")
    os.rename(f"{w.folder}/huge.png", f"{w.folder}/moved.png")
    wait_for("it is known", lambda: w.state()["skipped"] == 1)
    w.expect("huge.png")
    with open(f"{w.folder}/moved.png", "r+b") as f:
        f.truncate(11 << 30)  # another content
    w.expect("huge.png", "moved.png")
    w.service.kill()
    os.rename(f"{w.folder}/moved.png", f"{w.folder}/again.png")
    w.service.start()
    w.expect("huge.png", "moved.png")
    w.service.stop()


def test_incomplete(place):
    w = Watched(place, "incomplete")
    data = png(3)
    with open(f"{w.folder}/slow.png", "wb", buffering=0) as f:
        f.write(data[:2000])
        time.sleep(1.5)
        check(w.names() == [], "a file is not judged while it is written")
        f.write(data[2000:])
    w.expect("slow.png")
    check(w.verdict("slow.png")[0][0] != "error", "it is whole")
    write(f"{w.folder}/cut.png", data[:2000])
    w.expect("slow.png", "cut.png")
    check(w.verdict("cut.png")[0][0] == "error", "a cut file is an error")
    write(f"{w.folder}/cut.png", png(4))
    w.expect("slow.png", "cut.png", "cut.png")
    # One that is written while the service starts.
    w.service.kill()
    with open(f"{w.folder}/open.png", "wb", buffering=0) as f:
        f.write(data[:2000])
        w.service.start()
        time.sleep(1.5)
        check(len(w.names()) == 3, "a file that is open for writing is left alone")
        f.write(png(5)[2000:])
    w.expect("slow.png", "cut.png", "cut.png", "open.png")
    w.service.stop()


def test_odd_files(place):
    w = Watched(place, "odd", subfolders=True)
    outside = place.path("outside.png")
    write(outside, png(6))
    os.mkdir(place.path("outside"))
    write(place.path("outside/d.png"), png(6))
    os.symlink(outside, f"{w.folder}/link.png")
    os.symlink(place.path("outside"), f"{w.folder}/linked")
    os.mkfifo(f"{w.folder}/fifo.png")
    write(f"{w.folder}/.hidden.png", png(7))
    write(f"{w.folder}/half.png.tmp", png(7))
    os.mkdir(f"{w.folder}/@eaDir")
    write(f"{w.folder}/@eaDir/thumbnail.png", png(7))
    write(f"{w.folder}/text.txt", b"no image\n")
    write(f"{w.folder}/empty.png", b"")
    write(f"{w.folder}/new\nline.png", png(8))
    write(os.fsencode(w.folder) + b"/bad\xff.png", png(9))
    write(f"{w.folder}/<b>&\".png", png(10))
    with open(f"{w.folder}/huge.png", "wb") as f:
        f.truncate(10 << 30)
    begun = time.monotonic()
    names = ["text.txt", "empty.png", "new\nline.png", "bad\ufffdff.png", "<b>&\".png", "huge.png"]
    w.expect(*names)
    check(time.monotonic() - begun < 20, "10 GB are not read")
    for name in ("text.txt", "empty.png", "huge.png"):
        check(w.verdict(name)[0][0] == "error", f"{name} is an error")
    check("10737418240 bytes" in w.verdict("huge.png")[0][1], "the error tells the size")
    os.mkdir(f"{w.folder}/sub")
    write(f"{w.folder}/sub/e.png", png(11))
    os.makedirs(place.path("ready/deep"))
    write(place.path("ready/deep/f.png"), png(12))
    os.rename(place.path("ready"), f"{w.folder}/moved")
    names += ["sub/e.png", "moved/deep/f.png"]
    w.expect(*names)
    write(f"{w.folder}/moved/deep/g.png", png(13))
    names.append("moved/deep/g.png")
    w.expect(*names)
    if os.geteuid() != 0:
        write(f"{w.folder}/closed.png", png(14))
        os.chmod(f"{w.folder}/closed.png", 0)
    w.service.kill()
    w.service.start()
    w.expect(*names)  # an error is recorded once, also over a restart
    w.service.stop()


def test_unplugged(place):
    w = Watched(place, "unplugged")
    write(f"{w.folder}/a.png", png(20))
    w.expect("a.png")
    shutil.rmtree(w.folder)
    wait_for("it waits", lambda: w.state()["state"] == "waiting")
    check("No such file" in w.state()["problem"], "it says why")
    os.mkdir(w.folder)
    write(f"{w.folder}/a.png", png(20))  # came back as it was
    write(f"{w.folder}/b.png", png(21))
    w.expect("a.png", "b.png")
    os.rename(w.folder, w.folder + "-old")
    os.mkdir(w.folder)
    write(f"{w.folder}/c.png", png(22))
    w.expect("a.png", "b.png", "c.png")
    w.service.stop()


def test_poll(place):
    w = Watched(place, "poll", poll=0.5)
    write(f"{w.folder}/a.png", png(30))
    w.expect("a.png")
    with open(f"{w.folder}/b.png", "wb", buffering=0) as f:
        f.write(png(31)[:1000])
        time.sleep(2)
        check(w.names() == ["a.png"], "a file is not judged while it is written")
        f.write(png(31)[1000:])
    w.expect("a.png", "b.png")
    w.service.stop()


def test_interface(place):
    w = Watched(place, "interface")
    root = os.path.dirname(w.folder)

    def refused(status, words, **body):
        got, answer = w.service.ask("POST", f"/products/{w.product}/sources",
                                    {"kind": "folder", **body})
        check(got == status and words in answer["detail"], f"{body}: {got} {answer}")

    refused(403, "it is not below", folder="/etc")
    refused(403, "it is not below", folder="../..")
    refused(404, "No such file", folder="nowhere")
    refused(422, "expected a path", poll=1)
    refused(422, "poll: expected a number from 0 to 3600, found \"x\"", folder="in", poll="x")
    refused(422, "expected one of folder, subfolders, poll", folder="in", deep=True)
    refused(422, "expected folder, genicam or v4l2", kind="ftp", folder="in")
    refused(409, "already", folder=root + "/in")
    write(f"{w.folder}/a.png", png(40))
    w.expect("a.png")
    w.service.ask("DELETE", f"/sources/{w.source}", status=204)
    w.service.ask("DELETE", f"/sources/{w.source}", status=404)
    check(w.service.ask("GET", f"/products/{w.product}/sources")[1] == [], "it is gone")
    write(f"{w.folder}/b.png", png(41))
    time.sleep(1)
    check(w.names() == ["a.png"], "a removed source judges nothing")
    check(w.add()["id"] == w.source, "the same folder goes on where it stopped")
    w.expect("a.png", "b.png")
    empty = w.service.ask("POST", "/products", {"name": "new"}, status=201)[1]["id"]
    os.mkdir(root + "/new")
    write(root + "/new/a.png", png(42))
    w.service.ask("POST", f"/products/{empty}/sources", {"kind": "folder", "folder": "new"},
                  status=201)
    state = wait_for("it waits for a model", lambda: [
        s for s in w.service.ask("GET", f"/products/{empty}/sources")[1]
        if "no model yet" in (s["problem"] or "")])
    check(state[0]["state"] == "waiting", "it says so")
    with open(place.model, "rb") as f:
        w.service.ask("POST", f"/products/{empty}/models", f.read(), "application/octet-stream")
    w.expect("a.png", "b.png", "a.png")
    w.service.stop()


def test_command_line(place):
    folder = place.path("once")
    os.mkdir(folder)
    write(f"{folder}/a.png", png(50))
    write(f"{folder}/b.txt", b"text")

    def once(*words):
        return subprocess.run([place.fleck, "watch", place.model, folder, "--once", *words],
                              capture_output=True, text=True)

    first = once()
    check(first.returncode == 0, first.stderr)
    names = sorted(line.split("\t")[0] for line in first.stdout.splitlines())
    check(names == ["a.png", "b.txt"], f"two lines, got {first.stdout!r}")
    check("b.txt" in first.stderr, "the error is told")
    check(once().stdout == "", "the second time there is nothing to do")
    refused = subprocess.run([place.fleck, "watch", place.model, folder + "-no", "--once"],
                             capture_output=True, text=True)
    check(refused.returncode == 1 and "No such file" in refused.stderr, refused.stderr)
    write(f"{folder}/c.png", png(51))
    busy = place.start("watch", place.model, folder, stdout=subprocess.PIPE, text=True)
    check(busy.stdout.readline().startswith("c.png\t"), "it runs on")
    check("another fleck" in once().stderr, "two processes cannot use one state")
    busy.terminate()
    check(busy.wait() in (0, -signal.SIGTERM), "it ends by SIGTERM")


run(__doc__, test_command, test_service, test_same_file, test_renamed, test_new_file,
    test_same_time, test_half_again, test_unread, test_incomplete, test_odd_files, test_unplugged,
    test_poll, test_interface, test_command_line)
