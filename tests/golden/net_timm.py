# SPDX-License-Identifier: Apache-2.0
"""Writes net_timm_golden.h: taps and class tokens of transformers by timm's own code, of ViT-Ti/16
with the real weights in ../shared/weights, and of ViT-Ti/16 and DINOv3 ViT-S/16 with seeded ones;
and two files of a tiny DINOv3 in tests/unit/net/files, in bf16: tiny_dinov3.pth with Meta's names
and tiny_dinov3_timm.safetensors with timm's.

Arithmetic is float64 on float32 weights and inputs, but timm resamples positions in float32.  Needs
torch, timm, safetensors and NumPy.  Run it in this folder:

    python3 net_timm.py SHARED > net_timm_golden.h && clang-format -i net_timm_golden.h
"""

import functools
import os
import sys

import numpy as np
import safetensors.torch
import timm
import torch
from timm.models.eva import Eva

import net_seeded

SAMPLES = 200
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "net", "files")


def outputs(model, height, width, norm, taps):
    """[(tap, [C, h, w])] and the class token of a timm model in double."""
    x = net_seeded.normalise(net_seeded.image(height, width), *norm)
    x = torch.from_numpy(x).double()
    plain = model.forward_intermediates(x, norm=False, intermediates_only=True)
    normed = model.forward_intermediates(x, norm=True, intermediates_only=True)
    maps = {"block%d" % (i + 1): m[0].numpy() for i, m in enumerate(plain)}
    maps.update({"norm%d" % (i + 1): m[0].numpy() for i, m in enumerate(normed)})
    maps["norm"] = maps["norm%d" % len(normed)]
    return [(t, maps[t]) for t in taps] + [("pool", model.forward_features(x)[0, 0].numpy())]


def seed(model):
    """Give a model the seeded weights of fleck's names; layer scales are folded, so they are 1."""
    for name, p in list(model.named_parameters()):
        if name.startswith("head"):
            continue
        if name.endswith(("gamma_1", "gamma_2")):
            value = np.ones(p.shape)
        elif name.endswith(("q_bias", "v_bias")):
            part = 0 if name.endswith("q_bias") else 2
            whole = name[:-len("q_bias")] + "qkv.bias"
            value = np.split(net_seeded.seeded(whole, (3 * p.shape[0],)), 3)[part]
        else:
            value = net_seeded.seeded(name.replace("reg_token", "register_tokens"),
                                      tuple(p.shape))
        p.data.copy_(torch.as_tensor(value))
    for i, block in enumerate(model.blocks):
        if getattr(block.attn, "k_bias", None) is not None:
            n = block.attn.k_bias.shape[0]
            whole = net_seeded.seeded("blocks.%d.attn.qkv.bias" % i, (3 * n,))
            block.attn.k_bias.copy_(torch.as_tensor(np.split(whole, 3)[1]))


def in_double(model):
    model = model.double().eval()
    if getattr(model, "rope", None) is not None:
        n = model.rope.periods.shape[0]
        model.rope.periods = 100.0 ** (torch.arange(n, dtype=torch.float64) / n)
    return model


def vit_ti(shared, size):
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, dynamic_img_size=True)
    if shared is None:
        seed(model)
    else:
        weights = safetensors.torch.load_file(
            os.path.join(shared, "weights", "vit_ti_16_augreg_timm_f16.safetensors"))
        model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=True)
    return in_double(model)


def dinov3(width, depth, heads):
    return Eva(img_size=224, patch_size=16, embed_dim=width, depth=depth, num_heads=heads,
               qkv_bias=True, init_values=1e-5, rope_type="dinov3", rope_temperature=100,
               rope_rotate_half=True, use_rot_pos_emb=True, use_abs_pos_emb=False,
               num_reg_tokens=4, use_fc_norm=False, dynamic_img_size=True, num_classes=0,
               norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-5), global_pool="token")


def real(shared):
    model = vit_ti(shared, 224)
    taps = ["block1", "block6", "block12", "norm6", "norm"]
    for height, width in ((224, 224), (320, 256)):
        yield "vit_ti_16", "SHARED", height, width, outputs(model, height, width, HALF, taps)


def seeded():
    model = vit_ti(None, 224)
    yield "vit_ti_16", "SEEDED", 48, 80, outputs(model, 48, 80, HALF, ["block2", "norm5", "norm"])
    model = dinov3(384, 12, 6)
    seed(model)
    model = in_double(model)
    for height, width in ((224, 224), (32, 64)):
        yield ("dinov3_vits16", "SEEDED", height, width,
               outputs(model, height, width, IMAGENET, ["block1", "block12", "norm"]))


def meta_names(state):
    """The same weights as Meta's files have them: a bias of keys that a mask turns off."""
    out = {"mask_token": torch.zeros(1, 24), "rope_embed.periods": torch.ones(2)}
    for name, value in state.items():
        name = name.replace("reg_token", "storage_tokens")
        name = name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        if name.endswith("q_bias"):
            rest = name[:-len("q_bias")]
            bias = [value, torch.full_like(value, 7.0), state[rest + "v_bias"]]
            mask = [torch.ones_like(value), torch.zeros_like(value), torch.ones_like(value)]
            out[rest + "qkv.bias"], out[rest + "qkv.bias_mask"] = torch.cat(bias), torch.cat(mask)
        elif not name.endswith("v_bias"):
            out[name] = value
    return out


def tiny():
    torch.manual_seed(0)
    model = dinov3(24, 2, 3)
    for name, p in model.named_parameters():
        value = torch.as_tensor(net_seeded.seeded("tiny." + name, tuple(p.shape)))
        if name.endswith(("gamma_1", "gamma_2")):
            value = 0.5 + value.abs()
        p.data.copy_(value.bfloat16().float())
    state = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()
             if "rope" not in k}
    torch.save({k: v.bfloat16() for k, v in meta_names(state).items()},
               os.path.join(FILES, "tiny_dinov3.pth"))
    safetensors.torch.save_file(state, os.path.join(FILES, "tiny_dinov3_timm.safetensors"),
                                metadata={"format": "pt", "license": "dinov3-license"})
    yield ("dinov3_vits16", "SEEDED", 48, 80,
           outputs(in_double(model), 48, 80, IMAGENET, ["block1", "norm1", "norm"]))


def print_nets(name, cases):
    print("static const golden_net %s[] = {" % name)
    for arch, kind, height, width, result in cases:
        case = "%s %dx%d" % (arch, height, width)
        print('{"%s", "%s", GOLDEN_%s, %d, %d, %d, {' % (case, arch, kind, height, width,
                                                          len(result)))
        print(net_seeded.c_outputs(case, result, SAMPLES) + "}},")
        for n, v in result:
            print(case, n, v.shape, "rms", np.sqrt((v**2).mean()), file=sys.stderr)
    print("};\n")


def main():
    torch.set_grad_enabled(False)
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Golden taps of transformers by timm; made by net_timm.py with\n * torch %s, timm %s, "
          "NumPy %s, Python %s. */" % (torch.__version__, timm.__version__, np.__version__,
                                       sys.version.split()[0]))
    print("#ifndef GOLDEN_NET_TIMM_GOLDEN_H\n#define GOLDEN_NET_TIMM_GOLDEN_H\n")
    print('#include "unit/net/seeded.h"\n')
    print_nets("golden_real_vits", real(sys.argv[1]))
    print_nets("golden_seeded_vits", seeded())
    print_nets("golden_tiny_dinov3", tiny())
    print("#endif")


main()
