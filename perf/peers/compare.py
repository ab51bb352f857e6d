# SPDX-License-Identifier: Apache-2.0
"""anomalib and fleck in turn on bottle: medians, ratios, accuracy.  See perf/peers/run."""
import argparse
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

here = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--shared", type=Path, required=True)
parser.add_argument("--fleck", type=Path, required=True)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--csv", type=Path)
args = parser.parse_args()
args.shared, args.fleck = args.shared.resolve(), args.fleck.resolve()
bottle = args.shared / "data/bottle"
image = bottle / "test/broken_large/000.png"
# The caller's processor kernels for old OpenBLAS builds would slow NumPy and torch.
environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
environment.update(PEER_THREADS=str(args.threads), OMP_NUM_THREADS=str(args.threads))


def run(command, cwd):
    """Wall seconds, processor seconds, peak MiB, standard output."""
    begin = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment)
    # The output is small, so that the pipes never fill before the child ends.
    with (open(child.stdout.fileno(), closefd=False) as out,
          open(child.stderr.fileno(), closefd=False) as errors):
        text, complaint = out.read(), errors.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {status}\n{text}\n{complaint}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


figures = {}  # (row, tool) -> values


def note(row, tool, value):
    figures.setdefault((row, tool), []).append(value)


def anomalib(task, work):
    wall, cpu, _, text = run([sys.executable, here / "anomalib_worker.py", task, args.shared, work],
                             work)
    result = json.loads(text.strip().splitlines()[-1])
    return wall, cpu, result


def fleck(work, *command):
    return run([args.fleck, *command, "-t", args.threads], work)


def fleck_fit(work, model, *more):
    # A new file each time, as anomalib has a new folder: to replace one costs what freeing its
    # memory takes.
    model.unlink(missing_ok=True)
    return fleck(work, "fit", bottle, "-o", model, "--backbone", "resnet18", "--weights",
                 args.shared / "weights/resnet18_imagenet_bnfolded.safetensors",
                 "--resize", "bilinear", "--dims", "100", *more)


# fleck's fit sets thresholds, from the images it learns; anomalib does that in its validation.
FIT = "fit, seconds (anomalib without its import and validation)"
FIT_BARE = "the same, fleck without calibration"
FIT_JUDGING = "the same, anomalib with validation"


def one_round(work):
    model = work / "bottle.fleck"
    _, _, r = anomalib("fit", work)
    note(FIT, "anomalib", r["fit_s"])
    note(FIT_BARE, "anomalib", r["fit_s"])
    note(FIT_JUDGING, "anomalib", r["fit_s"] + r["validate_s"])
    note("fit, peak MiB", "anomalib", r["fit_peak_mib"])
    for _ in range(3):
        wall, _, _, _ = fleck_fit(work, model, "--calibrate", "0")
        note(FIT_BARE, "fleck", wall)
        wall, _, peak, _ = fleck_fit(work, model)
        note(FIT, "fleck", wall)
        note(FIT_JUDGING, "fleck", wall)
        note("fit, peak MiB", "fleck", peak)

    wall, cpu, r = anomalib("eval", work)
    note("evaluate, seconds (anomalib without its import)", "anomalib", r["eval_s"])
    note("evaluate, processor seconds", "anomalib", cpu)
    note("evaluate, peak MiB", "anomalib", r["peak_mib"])
    note("image ROC-AUC", "anomalib", r["image_auroc"])
    note("pixel ROC-AUC", "anomalib", r["pixel_auroc"])
    note("PRO", "anomalib", r["pro"])
    wall, cpu, peak, text = fleck(work, "eval", model, bottle, "--json")
    r = json.loads(text)
    note("evaluate, seconds (anomalib without its import)", "fleck", wall)
    note("evaluate, processor seconds", "fleck", cpu)
    note("evaluate, peak MiB", "fleck", peak)
    note("image ROC-AUC", "fleck", r["image"]["auroc"])
    note("pixel ROC-AUC", "fleck", r["pixel"]["auroc"])
    note("PRO", "fleck", r["pixel"]["pro"])

    if not (work / "torch").exists():
        anomalib("export", work)
    for task, row in (("one", "one image, file to map, ms (torch)"),
                      ("openvino", "one image, file to map, ms (OpenVINO f32)")):
        _, _, r = anomalib(task, work)
        for ms in r["ms"]:
            note(row, "anomalib", ms)
        for ms in fleck_images(model, work):
            note(row, "fleck", ms)
    for task in ("verdict-torch", "verdict-openvino"):
        row = f"process start to first verdict, seconds ({task.split('-')[1]})"
        for _ in range(3):
            wall, _, _ = anomalib(task, work)
            note(row, "anomalib", wall)
            wall, _, _, _ = fleck(work, "predict", model, image)
            note(row, "fleck", wall)


def fleck_images(model, work):
    """Milliseconds of single images, by the example program of the library."""
    timer = args.fleck.parent.parent / "perf/bench_one"
    text = run([timer, model, image, args.threads], work)[3]
    return [float(line) for line in text.split()]


with tempfile.TemporaryDirectory() as folder:
    for number in range(args.rounds):
        print(f"round {number + 1} of {args.rounds}, load {os.getloadavg()[0]:.1f}",
              file=sys.stderr)
        one_round(Path(folder))

with open("/proc/cpuinfo", encoding="utf-8") as f:
    info = dict(line.split(":", 1) for line in f.read().split("\n\n")[0].splitlines()
                if ":" in line)
info = {k.strip(): v.strip() for k, v in info.items()}
processor = (f"{info.get('model name', platform.processor())} "
             f"(family {info.get('cpu family')} model {info.get('model')})")
print(f"{processor}, {args.threads} threads, load {os.getloadavg()[0]:.1f}, "
      f"{args.rounds} rounds in turn")
print(f"{'':58}{'anomalib':>10}{'fleck':>10}{'ratio':>8}")
rows = []
for row in dict.fromkeys(row for row, _ in figures):
    a, b = (statistics.median(figures[row, tool]) for tool in ("anomalib", "fleck"))
    rows.append([row, len(figures[row, "fleck"]), a, b, a / b, processor])
    print(f"{row:58}{a:10.4g}{b:10.4g}{a / b:8.2f}")
if args.csv:
    with open(args.csv, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([["row", "n", "anomalib", "fleck", "ratio", "processor"], *rows])
