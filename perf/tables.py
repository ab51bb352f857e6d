# SPDX-License-Identifier: Apache-2.0
"""What the scripts that make tables share: the tool, its processor seconds, options, and
figures."""

import collections
import json
import os
import pathlib
import resource
import subprocess

HERE = pathlib.Path(__file__).resolve().parent.parent
FLECK = os.environ.get("FLECK", HERE / "build" / "cli" / "fleck")
# The columns of row().
HEAD = "image ROC-AUC | pixel | PRO | found, rejected | fit, CPU s | model, MB | CPU ms an image"

Done = collections.namedtuple("Done", "out err seconds")


class ToolFailed(SystemExit):
    """The tool's message, with which a script ends that does not catch it."""


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(*words):
    """What the tool prints on standard output and on standard error, and its processor seconds."""
    before = processor_seconds()
    done = subprocess.run([FLECK, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolFailed(done.stderr.strip())
    return Done(done.stdout, done.stderr, processor_seconds() - before)


def words_of(flag, text):
    """The options of the tool for NAME:OPTION=VALUE:.., whose NAME belongs to flag."""
    name, *given = text.split(":")
    words = [flag, name]
    for option in given:
        key, _, value = option.partition("=")
        words += ["--" + key, value]
    return words


def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def evaluate(model, data, *options):
    """What the tool says of the test photos, as from JSON, with its messages and processor
    seconds."""
    done = run("eval", model, str(data), "--json", *options)
    return json.loads(done.out), done


def verdicts(found):
    images, above = found["images"], found["above_threshold"]
    return f"{above['defective']} of {images['defective']}, {above['good']} of {images['good']}"


def row(data, model, *options):
    """Cells of one fit and one evaluation, or the message of what failed."""
    try:
        fit = run("fit", str(data), "-o", model, "--overwrite", *options)
        found, done = evaluate(model, data)
    except ToolFailed as failed:
        return str(failed).splitlines()[-1] + " |" * HEAD.count("|")
    pixel = found["pixel"] or {}
    each = 1000 * done.seconds / (found["images"]["good"] + found["images"]["defective"])
    return (
        f"{number(found['image']['auroc'], 4)} | {number(pixel.get('auroc'), 4)} | "
        f"{number(pixel.get('pro'), 3)} | "
        f"{verdicts(found)} | {fit.seconds:.1f} | {os.path.getsize(model) / 1e6:.1f} | {each:.0f}"
    )
