# SPDX-License-Identifier: Apache-2.0
"""Writes net_cnn_golden.h: taps and pools of the paper's ResNets, DenseNets and ConvNeXts by
PyTorch, and the small files tiny_densenet.pth, tiny_convnext.pth, tiny_dinov3_convnext.pth and
tiny_dinov3_convnext.safetensors in tests/unit/net/files.

Arithmetic is float64 on float32 weights and inputs, so that the differences measured are the
engines' own.  Needs torch, torchvision, timm, safetensors and NumPy.  Run it in this folder:

    python3 net_cnn.py > net_cnn_golden.h && clang-format -i net_cnn_golden.h
"""

import collections
import os
import re
import sys

import numpy as np
import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.models.convnext import ConvNeXt as TimmConvNeXt
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.densenet import DenseNet

import net_seeded

SAMPLES = 200
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "net", "files")
CLASSIFIERS = ("fc.", "classifier.weight", "classifier.bias", "classifier.2.")


def picture(height, width):
    x = net_seeded.normalise(net_seeded.image(height, width), *IMAGENET)
    return torch.from_numpy(x).double()


def load(model, rename=lambda name: name, without=()):
    """Set each parameter from the name that fleck has for it; those of `without` become 1."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(without):
                p.fill_(1)
            elif not name.startswith(CLASSIFIERS):
                p.copy_(torch.as_tensor(net_seeded.seeded(rename(name), tuple(p.shape))))
    return model.double().eval()


def run(model, modules, x):
    """Outputs of the named modules, [C, h, w]."""
    got, hooks = {}, []
    for name, m in modules.items():
        hooks.append(m.register_forward_hook(
            lambda _, __, y, n=name: got.update({n: y[0].clone()})))
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return got


def arrays(got, taps):
    return [(n, got[n].numpy()) for n in taps]


# ---- ResNets ----


def fold(model):
    """Replace every batch norm by nothing and give every convolution a bias, as folding does."""
    for name, child in model.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(model, name, torch.nn.Identity())
        elif isinstance(child, torch.nn.Conv2d):
            child.bias = torch.nn.Parameter(torch.zeros(child.out_channels))
        else:
            fold(child)
    return model


def resnet_v1(name, taps, height, width):
    model = getattr(torchvision.models, name)()
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    model = load(fold(model))
    modules = {"layer%d" % i: getattr(model, "layer%d" % i) for i in range(1, 5)}
    got = run(model, dict(modules, pool=model.avgpool), picture(height, width))
    got["pool"] = got["pool"].flatten()
    return arrays(got, taps)


# ---- DenseNets ----


def densenet_outputs(model, taps, x):
    modules = {"denseblock%d" % i: getattr(model.features, "denseblock%d" % i) for i in range(1, 5)}
    got = run(model, dict(modules, pool=model.features), x)
    got["pool"] = got["pool"].relu().mean((1, 2))
    return arrays(got, taps)


def fold_densenet(model):
    """Norms behind a convolution vanish, all others become factors and terms."""
    for name, child in list(model.named_modules()):
        if isinstance(child, torch.nn.Conv2d):
            child.bias = torch.nn.Parameter(torch.zeros(child.out_channels))
        elif isinstance(child, torch.nn.BatchNorm2d):
            parent = model.get_submodule(name.rpartition(".")[0])
            if name.endswith(("norm0", "norm2")):
                setattr(parent, name.rpartition(".")[2], torch.nn.Identity())
            child.eps = 0
    return model


def densenet(name, taps, height, width):
    model = load(fold_densenet(getattr(torchvision.models, name)()))
    return densenet_outputs(model, taps, picture(height, width))


def tiny_densenet(taps, height, width):
    """With the names of the published files."""
    model = load(DenseNet(4, (2, 1, 2, 1), 6, 4, 0, 2))
    state = collections.OrderedDict()
    for name, t in model.state_dict().items():
        if name.endswith("running_mean"):
            t.copy_(torch.as_tensor(net_seeded.seeded(name + ".bias", tuple(t.shape))))
        elif name.endswith("running_var"):
            t.copy_(0.2 + torch.as_tensor(net_seeded.seeded(name, tuple(t.shape))).abs())
        old = re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name)
        state[old] = t.float().clone() if t.is_floating_point() else t.clone()
    torch.save(state, os.path.join(FILES, "tiny_densenet.pth"))
    return densenet_outputs(model, taps, picture(height, width))


# ---- ConvNeXts ----


def renamed(pairs):
    def rename(name):
        for theirs, ours in pairs:
            name = re.sub(theirs, ours, name)
        return name

    return rename


def entry(found):
    return "downsample_layers.%d." % (int(found[1]) // 2)


def stage(found):
    return "stages.%d.%s." % (int(found[1]) // 2, found[2])


# fleck's names, which are those of the authors and of DINOv3, for torchvision's and timm's.
TORCHVISION = renamed((
    (r"^features\.([1357])\.(\d+)\.", stage), (r"^features\.([0246])\.", entry),
    (r"block\.0", "dwconv"), (r"block\.2", "norm"), (r"block\.3", "pwconv1"),
    (r"block\.5", "pwconv2"), (r"^classifier\.0", "norm"), ("layer_scale", "gamma")))
TIMM = renamed((
    (r"^stem", "downsample_layers.0"), (r"^stages\.(\d)\.downsample", r"downsample_layers.\1"),
    (r"\.blocks", ""), ("conv_dw", "dwconv"), (r"mlp\.fc", "pwconv"), (r"^head\.norm", "norm")))


def convnext_outputs(model, stages, norm, taps, x):
    """norm: of a map."""
    got = run(model, {"stage%d" % (i + 1): m for i, m in enumerate(stages)}, x)
    with torch.no_grad():
        got["norm"] = norm(got["stage4"][None])[0]
        got["pool"] = norm(got["stage4"].mean((1, 2), keepdim=True)[None]).flatten()
    return arrays(got, taps)


def torchvision_outputs(model, taps, x):
    stages = [model.features[i] for i in (1, 3, 5, 7)]
    return convnext_outputs(model, stages, model.classifier[0], taps, x)


def convnext(taps, height, width):
    model = load(torchvision.models.convnext_tiny(), TORCHVISION, ("layer_scale",))
    return torchvision_outputs(model, taps, picture(height, width))


def dinov3_convnext(taps, height, width):
    model = load(timm.create_model("convnext_tiny", num_classes=0), TIMM, ("gamma",))
    return convnext_outputs(model, model.stages, model.head.norm, taps, picture(height, width))


def save(model, rename, file):
    state = {rename(n): t.float().contiguous().clone() for n, t in model.state_dict().items()}
    if file.endswith(".pth"):
        torch.save(collections.OrderedDict(state), os.path.join(FILES, file))
    else:
        save_file(state, os.path.join(FILES, file))


def tiny_convnext(taps, height, width):
    blocks = [CNBlockConfig(4, 6, 1), CNBlockConfig(6, 8, 1), CNBlockConfig(8, 10, 2),
              CNBlockConfig(10, None, 1)]
    model = load(ConvNeXt(blocks, num_classes=2), TORCHVISION)
    save(model, lambda name: name, "tiny_convnext.pth")
    return torchvision_outputs(model, taps, picture(height, width))


def tiny_dinov3(taps, height, width):
    """In the names of both publishers."""
    model = load(TimmConvNeXt(depths=(1, 1, 2, 1), dims=(4, 6, 8, 10), num_classes=0), TIMM)
    save(model, TIMM, "tiny_dinov3_convnext.pth")
    save(model, lambda name: name, "tiny_dinov3_convnext.safetensors")
    return convnext_outputs(model, model.stages, model.head.norm, taps, picture(height, width))


def nets():
    ends = ["layer3", "layer4", "pool"]
    layers = ["layer1", "layer2"] + ends
    blocks = ["denseblock%d" % i for i in range(1, 5)] + ["pool"]
    stages = ["stage%d" % i for i in range(1, 5)] + ["norm", "pool"]
    yield "resnet50_v1", 64, 96, resnet_v1("resnet50", layers, 64, 96)
    yield "resnet152_v1", 64, 96, resnet_v1("resnet152", ends, 64, 96)
    yield "densenet169", 75, 46, densenet("densenet169", blocks[2:], 75, 46)
    yield "densenet201", 75, 46, densenet("densenet201", blocks, 75, 46)
    yield "convnext_tiny", 75, 46, convnext(stages, 75, 46)
    yield "dinov3_convnext_tiny", 64, 96, dinov3_convnext(stages[2:], 64, 96)


def tiny_nets():
    yield ("densenet201", 48, 80,
           tiny_densenet(["denseblock1", "denseblock2", "denseblock4", "pool"], 48, 80))
    yield "convnext_tiny", 48, 80, tiny_convnext(["stage1", "stage3", "norm", "pool"], 48, 80)
    yield "dinov3_convnext_tiny", 48, 80, tiny_dinov3(["stage2", "stage4", "norm", "pool"], 48, 80)


def print_nets(name, cases):
    print("static const golden_net %s[] = {" % name)
    for arch, height, width, outputs in cases:
        case = "%s %dx%d" % (arch, height, width)
        print('{"%s", "%s", GOLDEN_SEEDED, %d, %d, %d, {' % (case, arch, height, width,
                                                             len(outputs)))
        print(net_seeded.c_outputs(case, outputs, SAMPLES) + "}},")
        for n, v in outputs:
            print(case, n, v.shape, "rms", np.sqrt((v**2).mean()), file=sys.stderr)
    print("};\n")


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Golden taps of convolutional networks; made by net_cnn.py with\n"
          " * torch %s, torchvision %s, timm %s, NumPy %s, Python %s. */" % (
              torch.__version__, torchvision.__version__, timm.__version__, np.__version__,
              sys.version.split()[0]))
    print("#ifndef GOLDEN_NET_CNN_GOLDEN_H\n#define GOLDEN_NET_CNN_GOLDEN_H\n")
    print('#include "unit/net/seeded.h"\n')
    print_nets("golden_cnns", nets())
    print_nets("golden_tiny_cnns", tiny_nets())
    print("#endif")


main()
