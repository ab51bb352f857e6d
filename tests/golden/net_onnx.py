# SPDX-License-Identifier: Apache-2.0
"""Writes small ONNX models into net/, and net_onnx_golden.h with their outputs by PyTorch.

The models' weights come from net_seeded.py; arithmetic of the figures is float64.  Run it in this
folder: python3 net_onnx.py > net_onnx_golden.h && clang-format -i net_onnx_golden.h
"""

import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
import torchvision
import torchvision.transforms.functional as T
from onnx import TensorProto, helper, numpy_helper

import net_seeded

SAMPLES = 200
FLOAT = TensorProto.FLOAT
SHAPES = {"a.weight": (4, 3, 3, 3), "a.bias": (4,), "b.weight": (6, 4, 3, 3), "b.bias": (6,)}
WEIGHTS = {n: net_seeded.seeded(n, s) for n, s in SHAPES.items()}


def nodes(x="image"):
    """Two strided convolutions with ReLU, and the average of the second."""
    conv = dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    return [
        helper.make_node("Conv", [x, "a.weight", "a.bias"], ["a"], **conv),
        helper.make_node("Relu", ["a"], ["fine"]),
        helper.make_node("Conv", ["fine", "b.weight", "b.bias"], ["b"], **conv),
        helper.make_node("Relu", ["b"], ["coarse"]),
        helper.make_node("GlobalAveragePool", ["coarse"], ["global"]),
        helper.make_node("Flatten", ["global"], ["feature"]),
    ]


def save(name, graph_nodes, inputs, outputs, weights=WEIGHTS):
    """inputs and outputs: lists of (name, shape); of a type other than float,
    (name, shape, type)."""
    info = lambda t: helper.make_tensor_value_info(t[0], t[2] if len(t) > 2 else FLOAT, t[1])
    graph = helper.make_graph(graph_nodes, name, [info(t) for t in inputs],
                              [info(t) for t in outputs],
                              [numpy_helper.from_array(v, n) for n, v in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, "net/%s.onnx" % name)


def make_models():
    image = ("image", [1, 3, 64, 48])
    fine, coarse = ("fine", [1, 4, 32, 24]), ("coarse", [1, 6, 16, 12])
    # Everything open, and the small map listed first.
    save("open", nodes()[:5], [("image", ["N", 3, "H", "W"])],
         [("coarse", ["N", 6, "h2", "w2"]), ("global", ["N", 6, 1, 1]),
          ("fine", ["N", 4, "h1", "w1"])])
    save("fixed", nodes(), [image], [fine, coarse, ("feature", [1, 6])])
    save("maps", nodes()[:4], [image], [fine, coarse])
    save("two_globals", nodes(), [image], [coarse, ("global", [1, 6, 1, 1]), ("feature", [1, 6])])
    save("vector", nodes(), [image], [("feature", [1, 6])])
    save("two_inputs", nodes() + [helper.make_node("Add", ["fine", "more"], ["sum"])],
         [image, ("more", [1, 4, 32, 24])], [("sum", [1, 4, 32, 24])])
    save("channels_last",
         [helper.make_node("Transpose", ["image"], ["chw"], perm=[0, 3, 1, 2])] + nodes("chw")[:4],
         [("image", [1, 64, 48, 3])], [fine, coarse])
    save("half", [helper.make_node("Cast", ["image"], ["wide"], to=FLOAT)] + nodes("wide")[:4],
         [image + (TensorProto.FLOAT16,)], [fine, coarse])
    save("rank3", nodes()[:4] + [helper.make_node("Squeeze", ["coarse", "axes"], ["flat"])],
         [image], [("flat", [6, 16, 12])], dict(WEIGHTS, axes=np.array([0], np.int64)))
    save("identity", [helper.make_node("Identity", ["image"], ["inner"]),
                      helper.make_node("Identity", ["inner"], ["same"])],
         [("image", [1, 3, 32, 32])], [("same", [1, 3, 32, 32])], {})
    save("long_name", nodes()[:1] + [helper.make_node("Relu", ["a"], ["f" * 48])], [image],
         [("f" * 48, [1, 4, 32, 24])], {n: WEIGHTS[n] for n in ("a.weight", "a.bias")})


def outputs(height, width):
    x = net_seeded.normalise(net_seeded.image(height, width), (0.485, 0.456, 0.406),
                             (0.229, 0.224, 0.225))
    w = {n: torch.from_numpy(v).double() for n, v in WEIGHTS.items()}
    fine = F.relu(F.conv2d(torch.from_numpy(x).double(), w["a.weight"], w["a.bias"], 2, 1))
    coarse = F.relu(F.conv2d(fine, w["b.weight"], w["b.bias"], 2, 1))
    return [("fine", fine[0].numpy()), ("coarse", coarse[0].numpy()),
            ("pool", coarse[0].mean((1, 2)).numpy())]


def normalised_hash(mean, scale):
    """FNV-1a of torchvision's tensor for an image whose channels hold each value four times."""
    plane = (np.arange(32 * 32) & 255).astype(np.uint8).reshape(32, 32, 1)
    x = T.normalize(T.to_tensor(np.repeat(plane, 3, 2)), mean, scale)
    h = 0xCBF29CE484222325
    for byte in x.numpy().astype("<f4").tobytes():
        h = (h ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return h


def main():
    make_models()
    print("/* Golden outputs of the ONNX models in net/; made by net_onnx.py with\n"
          " * onnx %s, torch %s, torchvision %s, NumPy %s, Python %s. */" % (
              onnx.__version__, torch.__version__, torchvision.__version__, np.__version__,
              sys.version.split()[0]))
    print("#ifndef GOLDEN_NET_ONNX_GOLDEN_H\n#define GOLDEN_NET_ONNX_GOLDEN_H\n")
    print('#include "unit/net/seeded.h"\n')
    print("static const golden_net golden_onnx[] = {")
    for height, width in ((64, 48), (33, 70)):
        name = "onnx %dx%d" % (height, width)
        print('{"%s", NULL, GOLDEN_SEEDED, %d, %d, 3, {' % (name, height, width))
        print(net_seeded.c_outputs(name, outputs(height, width), SAMPLES) + "}},")
    print("};\n")
    print("/* Bytes that torchvision's to_tensor and normalize give: ImageNet's figures, and\n * "
          "EfficientNet-Lite's, 127/255 and 128/255. */")
    print("#define GOLDEN_NORMALISED_IMAGENET UINT64_C(0x%016X)" % normalised_hash(
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    print("#define GOLDEN_NORMALISED_LITE UINT64_C(0x%016X)" % normalised_hash(
        (127 / 255,) * 3, (128 / 255,) * 3))
    print("\n#endif")


main()
