# SPDX-License-Identifier: Apache-2.0
"""Writes net_vit_golden.h: taps and class tokens of the vision transformers by PyTorch, position
embeddings by torch's interpolate(), and the two small files tiny_vit.pth and tiny_dinov2.pth in
tests/unit/net/files.

Arithmetic is float64 on float32 weights and inputs, so that the differences measured are the
engines' own.  Needs torch, torchvision, timm and NumPy.  Run it in this folder:

    python3 net_vit.py > net_vit_golden.h && clang-format -i net_vit_golden.h
"""

import collections
import os
import sys

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision
from timm.models.vision_transformer import VisionTransformer as TimmVit
from torchvision.models.vision_transformer import VisionTransformer

import net_seeded

SAMPLES = 200
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "net", "files")
# fleck's names, which are DINOv2's, for torchvision's.
RENAMED = (("class_token", "cls_token"), ("encoder.pos_embedding", "pos_embed"),
           ("conv_proj", "patch_embed.proj"), ("encoder.layers.encoder_layer_", "blocks."),
           ("ln_1", "norm1"), ("ln_2", "norm2"), ("self_attention.in_proj_", "attn.qkv."),
           ("self_attention.out_proj", "attn.proj"), ("mlp.0", "mlp.fc1"), ("mlp.3", "mlp.fc2"),
           ("encoder.ln", "norm"))


def resample(table, how, height, width):
    """[1 + G G, D] -> [height width, D] of the grid, as each network's own code asks for it."""
    grid = int(round((table.shape[0] - 1) ** 0.5))
    x = table[1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
    if (height, width) == (grid, grid):
        pass
    elif how == "corners":  # torchvision's interpolate_embeddings
        x = F.interpolate(x, size=(height, width), mode="bicubic", align_corners=True)
    elif how == "offset":  # DINOv2's hub: interpolate_antialias=False, interpolate_offset=0.1
        x = F.interpolate(x, scale_factor=((height + 0.1) / grid, (width + 0.1) / grid),
                          mode="bicubic")
    else:  # the models with registers: interpolate_antialias=True, interpolate_offset=0.0
        x = F.interpolate(x, size=(height, width), mode="bicubic", antialias=True)
    assert x.shape[2:] == (height, width)
    return x[0].permute(1, 2, 0).reshape(height * width, -1)


def forward(conv, cls, table, registers, how, blocks, norm, x, taps):
    """[(tap, [C, h, w])] and the class token, of a network given in parts."""
    x = conv(torch.from_numpy(x).double())
    height, width = x.shape[2:]
    skip = 1 + (0 if registers is None else registers.shape[1])
    patches = x.flatten(2).transpose(1, 2) + resample(table[0], how, height, width)
    parts = [cls + table[:, :1]] + ([] if registers is None else [registers]) + [patches]
    x = torch.cat(parts, 1)
    maps = {}
    as_map = lambda t: t[0, skip:].T.reshape(-1, height, width).numpy()
    for i, block in enumerate(blocks):
        x = block(x)
        maps["block%d" % (i + 1)] = as_map(x)
    x = norm(x)
    maps["norm"] = as_map(x)
    return [(t, maps[t]) for t in taps] + [("pool", x[0, 0].numpy())]


def fleck_name(name):
    for theirs, ours in RENAMED:
        name = name.replace(theirs, ours)
    return name


def load(model, rename):
    for name, p in model.named_parameters():
        if not name.startswith("head"):
            value = (np.ones(p.shape) if name.endswith(".gamma") and rename is not None
                     else net_seeded.seeded(rename(name) if rename else name, tuple(p.shape)))
            p.data.copy_(torch.as_tensor(value))
    return model.double().eval()


def torchvision_parts(m):
    return (m.conv_proj, m.class_token, m.encoder.pos_embedding, None, "corners",
            m.encoder.layers, m.encoder.ln)


def dinov2_parts(m, how):
    return (m.patch_embed.proj, m.cls_token, m.pos_embed, m.reg_token, how, m.blocks, m.norm)


def dinov2(registers, size, depth, heads, grid, rename):
    m = TimmVit(img_size=14 * grid, patch_size=14, embed_dim=size, depth=depth, num_heads=heads,
                init_values=1.0, reg_tokens=registers, num_classes=0,
                no_embed_class=registers > 0)
    if registers > 0:  # timm keeps no position for the class token; DINOv2's files do
        m.pos_embed = torch.nn.Parameter(torch.zeros(1, 1 + grid * grid, size))
    return load(m, rename)


def picture(height, width):
    return net_seeded.normalise(net_seeded.image(height, width), *IMAGENET)


def nets():
    taps = ["block3", "block12", "norm"]
    reg = lambda name: name.replace("reg_token", "register_tokens")
    vit = load(torchvision.models.vit_b_16(), fleck_name)
    plain = dinov2(0, 384, 12, 6, 37, reg)
    registers = dinov2(4, 384, 12, 6, 37, reg)
    for arch, parts, sizes in (
            ("vit_b_16", torchvision_parts(vit), ((224, 224), (32, 48))),
            ("dinov2_vits14", dinov2_parts(plain, "offset"), ((224, 224), (70, 42))),
            ("dinov2_vits14_reg", dinov2_parts(registers, "smooth"), ((42, 56),))):
        for height, width in sizes:
            yield arch, "SEEDED", height, width, forward(*parts, picture(height, width), taps)


def tiny():
    """Networks of two blocks, as published files hold them: layer scales, old names, a head."""
    m = load(VisionTransformer(64, 16, 2, 2, 12, 48, num_classes=2), None)
    d = collections.OrderedDict()
    for name, p in m.state_dict().items():
        name = name.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2")
        d[name] = p.float().clone()
    torch.save(d, os.path.join(FILES, "tiny_vit.pth"))
    yield ("vit_b_16", "SEEDED", 48, 80, forward(*torchvision_parts(m), picture(48, 80),
                                                 ["block1", "block2", "norm"]))
    m = dinov2(2, 12, 2, 3, 5, None)
    d = collections.OrderedDict(mask_token=torch.zeros(1, 12))
    for name, p in m.state_dict().items():
        d[name.replace("reg_token", "register_tokens")] = p.float().clone()
    torch.save(d, os.path.join(FILES, "tiny_dinov2.pth"))
    yield ("dinov2_vits14_reg", "SEEDED", 42, 112,
           forward(*dinov2_parts(m, "smooth"), picture(42, 112), ["block1", "block2", "norm"]))


def positions():
    """A table of 5 x 5 of width 2, after its class token, brought to other grids."""
    table = torch.from_numpy(net_seeded.seeded("pos_embed", (1, 26, 2))[0]).double()
    for how, constant in (("corners", "CORNERS"), ("offset", "OFFSET"), ("smooth", "SMOOTH")):
        for height, width in ((5, 5), (3, 7), (1, 5), (9, 2)):
            values = resample(table, how, height, width).numpy().reshape(-1)
            yield '{FK_CUBIC_%s, %d, %d, {%s}},' % (constant, height, width,
                                                    ", ".join("%.10g" % v for v in values))


def print_nets(name, cases):
    print("static const golden_net %s[] = {" % name)
    for arch, kind, height, width, outputs in cases:
        case = "%s %dx%d" % (arch, height, width)
        print('{"%s", "%s", GOLDEN_%s, %d, %d, %d, {' % (case, arch, kind, height, width,
                                                          len(outputs)))
        print(net_seeded.c_outputs(case, outputs, SAMPLES) + "}},")
        for n, v in outputs:
            print(case, n, v.shape, "rms", np.sqrt((v**2).mean()), file=sys.stderr)
    print("};\n")


def main():
    torch.set_grad_enabled(False)
    print("/* Golden taps of vision transformers; made by net_vit.py with\n"
          " * torch %s, torchvision %s, timm %s, NumPy %s, Python %s. */" % (
              torch.__version__, torchvision.__version__, timm.__version__, np.__version__,
              sys.version.split()[0]))
    print("#ifndef GOLDEN_NET_VIT_GOLDEN_H\n#define GOLDEN_NET_VIT_GOLDEN_H\n")
    print('#include "net/graph.h"\n#include "unit/net/seeded.h"\n')
    print_nets("golden_vits", nets())
    print_nets("golden_tiny_vits", tiny())
    print("typedef struct golden_position {\nfk_resample how;\nint64_t height, width;\n"
          "double values[50];\n} golden_position;\n")
    print("static const golden_position golden_positions[] = {")
    print("\n".join(positions()))
    print("};\n\n#endif")


main()
