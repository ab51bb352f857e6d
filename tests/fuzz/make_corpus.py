#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds under tests/fuzz/corpus/ that are not golden files already.

Usage: make_corpus.py (no arguments, nothing but Python's own library).  The files are committed,
the script shows how they came about; a seed is small and differs from the others in one feature."""
import json
import os
import struct

corpus = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def write(path, data):
    path = os.path.join(corpus, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


# safetensors: odd addresses, an overlap, a gap, a lie of size, the limits of the length field.
write("safetensors/odd",
      safetensors({"b": tensor("U8", [1], 0, 1), "f": tensor("F32", [1], 1, 5)}, bytes(5)))
write("safetensors/overlap",
      safetensors({"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [2], 2, 4)}, bytes(4)))
write("safetensors/gap", safetensors({"a": tensor("U8", [2], 2, 4)}, bytes(4)))
write("safetensors/huge_shape", safetensors({"a": tensor("F32", [2**31, 2**31], 0, 0)}))
write("safetensors/six_dims", safetensors({"a": tensor("F64", [1, 1, 1, 1, 1, 1], 0, 8)}, bytes(8)))
write("safetensors/metadata", safetensors({"__metadata__": {"k": "v", "\u00fc": ""}}))
write("safetensors/long_length", struct.pack("<Q", 2**64 - 1) + b"{}")
write("safetensors/duplicate", safetensors(b'{"a":{},"a":{}}'))


def npy(header, data=b"", version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


# .npy: spellings of the header that NumPy itself does not write, and lies.
write("npy/python2", npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }", bytes(8)))
write("npy/double_quotes", npy(b'{"shape": (1,), "fortran_order": True, "descr": "=f4"}', bytes(4)))
write("npy/six_dims",
      npy(b"{'descr': '>f2', 'fortran_order': True, 'shape': (1, 2, 1, 2, 1, 2)}", bytes(16), 2))
write("npy/huge",
      npy(b"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"))
write("npy/short", npy(b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", bytes(15)))


def tiff(entries, data=b""):
    """A little-endian TIFF of one directory at byte 8; entries are tag: (type, value)."""
    out = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    for tag in sorted(entries):
        out += struct.pack("<HHII", tag, entries[tag][0], 1, entries[tag][1])
    return out + bytes(4) + data


plain = {256: (4, 2), 257: (4, 2), 258: (3, 32), 259: (3, 1), 262: (3, 1), 273: (4, 134),
         277: (3, 1), 278: (4, 2), 279: (4, 16), 339: (3, 3)}

# TIFF: a map of 2 x 2, then with one entry changed at a time.
write("tiff_map/plain", tiff(plain, bytes(16)))
write("tiff_map/tall", tiff({**plain, 257: (4, 60000)}, bytes(16)))
write("tiff_map/wide", tiff({**plain, 256: (4, 2**32 - 1)}, bytes(16)))
write("tiff_map/row_strips", tiff({**plain, 278: (4, 1)}, bytes(16)))
write("tiff_map/packbits", tiff({**plain, 259: (3, 32773)}, b"\xf1\x00" + bytes(14)))
write("tiff_map/predictor", tiff({**plain, 259: (3, 5), 317: (3, 3)}, bytes(16)))
write("tiff_map/beyond", tiff({**plain, 273: (4, 2**31)}, bytes(16)))

# CSV: quotes, ends of lines, a mark of byte order, damage.
write("csv/plain", b"path,label,mask\na.png,good,\nb.png,bad,b_mask.png\n")
write("csv/quoted", b'"path","la""bel"\r\n"a,b","c\nd"\r\n')
write("csv/mark", b"\xef\xbb\xbfpath,label\nx,good")
write("csv/open_quote", b'path\n"a')
write("csv/text_behind_quote", b'"a"b,c\n')
write("csv/zero", b"a\0b,c\n")
write("csv/blank", b"\n\n,\n,,\r\r\n")

# pth: bare pickles with what torch.save() of today does not write (its own files are in files/).
slice0 = (b"ctorch._utils\n_rebuild_tensor\np0\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n"
          b"I6\nNtQI0\n(I2\nI3\nt(I3\nL1L\ntt")
write("pth/protocol0", b"ccollections\nOrderedDict\n(tR(S'w'\n" + slice0 + b"RsVb\nF1.5\ns.")
write("pth/python2_dict",
      b"\x80\x02ccollections\nOrderedDict\n](]U\x01aaK\x01a]U\x01baNae\x85R}U\x09_metadata}sb.")
write("pth/inst", b"(S'false'\nios\nsystem\n.")
write("pth/stack_global", b"\x80\x04\x95\x18\0\0\0\0\0\0\0\x8c\x05posix\x8c\x06system\x93.")
write("pth/itself", b"]q\0h\0a}q\x01h\x01h\x01s\x86.")
write("pth/all_counted",
      b"(X\1\0\0\0aT\1\0\0\0bU\1cB\1\0\0\0dC\1e\x8c\1f\x8d\1\0\0\0\0\0\0\0g\x8a\1\xff"
      b"\x8b\2\0\0\0\1\2J\1\0\0\0M\1\0G\0\0\0\0\0\0\0\0\x88\x89N012l.")

# Results: of eval, of a benchmark, without runs, with an image twice.
scores = [{"path": "test/good/0.png", "type": "good", "label": 0, "score": 0.5},
          {"path": "test/hole/0.png", "type": "hole", "label": 1, "score": 2}]
counts = {"good": 1, "defective": 1}
run = {"name": "padim@x", "method": "padim", "backbone": "x", "taps": "a,b", "precision": "f32",
       "engine": "e", "resize": "area", "size": [64, 64, 64, 64], "options": {"dims": 3},
       "images": {"train": 4, "failed": 0, **counts},
       "above_threshold": counts, "seconds": {"decode": 0.1, "total": 1}, "threads": 2,
       "peak_rss_mib": 50.5,
       "image": {"auroc": 1.0, "auroc_low": 0.9, "auroc_high": 1.0},
       "pixel": {"auroc": 0.9, "pro": 0.8}, "regions": 3, "pixel_curve": [[1.5, 3, 0], [-2, 3, 9]],
       "pixel_types": [{"type": "hole", "auroc": 0.75}],
       "settings": "0" * 64, "panels": [{"image": 1, "rank": "highest"}], "threshold": 1.25,
       "scores": scores}
book = {"fleck": "0.1.0", "bench": 4, "category": "c", "images": 6, "decoded": 6, "networks": 1,
        "passes": 6, "runs": [run], "files": [["test/good/0.png", 9, 1, 2, 3, 4, 5, "0" * 32]]}
write("scores/eval", json.dumps({"scores": scores}).encode())
write("scores/bench", json.dumps(book).encode())
write("scores/no_runs", json.dumps({**book, "runs": []}).encode())
write("scores/many_panels",
      json.dumps({**book, "runs": [{**run, "panels": run["panels"] * 6}]}).encode())
write("scores/twice", json.dumps({"scores": scores[:1] * 2}).encode())

# Channel lists: blanks, ends of lines, damage; the reader is told of 10 channels.
write("channels/plain", b"7\n0\r\n\n  3 \n")
write("channels/twice", b"4\n5\n4")
write("channels/beyond", b"1\n99999999999999999999\n")
write("channels/words", b"1 2\n-3\n")


def state(embedding, method, tensors):
    """What a method saves, with its descriptions as metadata; tensors are name: (dtype, shape,
    bytes)."""
    header = {"__metadata__": {"embedding": json.dumps(embedding), "state": json.dumps(method)}}
    data = b""
    for name, (dtype, shape, part) in tensors.items():
        header[name] = tensor(dtype, shape, len(data), len(data) + len(part))
        data += part
    return safetensors(header, data)


def floats(n, value=0.5):
    return struct.pack("<%df" % n, *[value] * n)


# States of methods: fuzz_state.c has the shapes that they are loaded with.
joined = {"mode": "joined", "reduce": "channels", "width": 5, "global": "none"}
separate = {"mode": "separate", "reduce": "none", "width": 0, "global": "layer2"}
channels = ("I64", [2], struct.pack("<2q", 4, 0))
means, factors = ("F32", [6, 2], floats(12)), ("F32", [6, 3], floats(18))
small, large = ("F32", [3, 1, 1, 3], floats(9)), ("F32", [3, 2, 3, 2], floats(36))
write("state/padim", state(joined, {"images": 5, "epsilon": 0.01},
                           {"embed.channels": channels, "method.mean": means,
                            "method.factor": factors}))
write("state/padim_zero", state(joined, {"images": 2, "epsilon": 0.01},
                                {"method.mean": means,
                                 "method.factor": ("F32", [6, 3], floats(18, 0.0))}))
write("state/padim_counts", state(joined, {"images": 5, "epsilon": 0.01},
                                  {"method.counts": ("I64", [6],
                                                     struct.pack("<6q", 0, 1, 2, 3, 4, 5)),
                                   "method.mean": means, "method.factor": factors}))
write("state/orthogonal", state({**joined, "reduce": "orthogonal"}, {"images": 2, "epsilon": 1},
                                {"embed.projection": ("F32", [5, 2], floats(10))}))
write("state/spade", state(separate, {"images": 3},
                           {"method.level0": large, "method.level1": small,
                            "method.global": ("F32", [3, 3], floats(9))}))
masked = {"method.level0": large, "method.level1": small,
          "method.global": ("F32", [3, 3], floats(9))}
write("state/spade_masked", state(separate, {"images": 3},
                                  {**masked,
                                   "method.valid": ("U8", [3, 7],
                                                    bytes([1] * 7 + [1, 0] * 3 + [1] + [0] * 7))}))
write("state/spade_hidden",
      state(separate, {"images": 3}, {**masked, "method.valid": ("U8", [3, 7], bytes(21))}))
write("state/spade_nan", state(separate, {"images": 3},
                               {"method.level0": ("F32", [3, 2, 3, 2], floats(36, float("nan"))),
                                "method.level1": small,
                                "method.global": ("F32", [3, 3], floats(9))}))
write("state/spade_no_global", state(separate, {"images": 3},
                                     {"method.level0": large, "method.level1": small,
                                      "method.global": ("F32", [3, 3], floats(9, float("inf")))}))

# Those of principal components and banks: 2 numbers a patch, 6 patches an image.
pca = {"method.mean": ("F32", [2], floats(2)), "method.covariance": ("F32", [3], floats(3))}
rows, owners = ("F32", [4, 2], floats(8)), ("I64", [4], struct.pack("<4q", 0, 1, 1, 2))
counts = {"images": 3, "patches": 18}
write("state/subspace",
      state(joined, counts, {**pca, "method.components": ("F32", [1, 2], floats(2))}))
write("state/subspace_further",
      state(joined, counts, {**pca, "method.further": ("F32", [1, 2], floats(2))}))
write("state/subspace_nan", state(joined, counts,
                                  {**pca,
                                   "method.components": ("F32", [1, 2], floats(2, float("nan")))}))
write("state/patchcore", state(joined, counts,
                               {"method.bank": rows, "method.images": owners,
                                "method.turn": ("F32", [1, 2], floats(2)),
                                "method.centre": ("F32", [2], floats(2))}))
write("state/patchcore_far", state(joined, counts,
                                   {"method.bank": ("F32", [4, 2], floats(8, 1e38)),
                                    "method.images": owners}))
write("state/patchcore_owner", state(joined, counts,
                                     {"method.bank": rows,
                                      "method.images": ("I64", [4],
                                                        struct.pack("<4q", 0, 1, 9, 2))}))
begin = ("I64", [7], struct.pack("<7q", 0, 1, 1, 2, 3, 4, 4))
images = ("I32", [4], struct.pack("<4i", 0, 1, 1, 2))
write("state/posbank", state(joined, {"images": 3},
                             {"method.bank": rows, "method.begin": begin, "method.images": images}))
write("state/posbank_far",
      state(joined, {"images": 3}, {"method.bank": ("F32", [4, 2], floats(8, 3e38)),
                                    "method.begin": begin, "method.images": images}))
write("state/posbank_begin", state(joined, {"images": 3},
                                   {"method.bank": rows, "method.images": images,
                                    "method.begin": ("I64", [7],
                                                     struct.pack("<7q", 0, 5, 1, 2, 3, 4, 4))}))
write("state/mhpatchcore", state(joined, counts,
                                 {**pca, "method.whitening": ("F32", [1, 2], floats(2)),
                                  "method.bank": rows, "method.source": owners}))
write("state/mhpatchcore_nan", state(joined, counts,
                                     {**pca,
                                      "method.whitening": ("F32", [1, 2], floats(2, float("nan"))),
                                      "method.bank": rows, "method.source": owners}))

# A model of joined networks; its weights are missed only when a network is opened.
triples = {"mean": [0.5, 0.5, 0.5], "scale": [0.25, 0.25, 0.25]}
own = {"gain": 0.5, **triples}
taps = [{"name": "resnet18/layer3", "channels": 256, "height": 2, "width": 2},
        {"name": "resnet50/layer3", "channels": 1024, "height": 2, "width": 2}]
described = {"format": 1, "fleck": "0.1.0", "category": "c", "taps": taps, "pool_dim": 2560,
             "backbone": "resnet18+resnet50", "onnx": False, "precision": "f32",
             "engine": "fleck native",
             "networks": [{"name": "resnet18", "weights": {"source": "a", "digest": "sha256:0"},
                           **own},
                          {"name": "resnet50", **own}],
             "preprocess": {"width": 32, "height": 32, "crop_width": 32, "crop_height": 32,
                            "resize": "bicubic", **triples},
             "sigma": 4, "method": "padim", "options": {"dims": 2},
             "embedding": {"mode": "joined", "reduce": "channels", "width": 1280, "global": "none"},
             "state": {"images": 2, "epsilon": 0.01}}
header = {"__metadata__": {"format": "fleck", "fleck": json.dumps(described)},
          "embed.channels": tensor("I64", [2], 0, 16), "method.mean": tensor("F32", [4, 2], 16, 48),
          "method.factor": tensor("F32", [4, 3], 48, 96)}
write("model/joined", safetensors(header, struct.pack("<2q", 300, 5) + floats(20)))
