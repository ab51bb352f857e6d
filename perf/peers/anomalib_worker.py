# SPDX-License-Identifier: Apache-2.0
"""One task of anomalib's PaDiM in a process of its own; prints one JSON object as its last line.

    anomalib_worker.py fit|eval|one|openvino|verdict-torch|verdict-openvino SHARED WORK

The network gets fleck's weights: batch norms folded into the convolutions.  They are unfolded
into timm's ResNet-18 with batch norms that only add the bias, so that it computes the same.
"""
import json
import os
import resource
import sys
import time
from pathlib import Path

os.environ.setdefault("TRUST_REMOTE_CODE", "1")  # anomalib's own export, made by `fit` below
THREADS = int(os.environ.get("PEER_THREADS", "2"))
started = time.perf_counter()
task, shared, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
image = shared / "data/bottle/test/broken_large/000.png"
RUNS, WARM_UPS = 12, 2


def finish(**figures):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(figures, process_s=time.perf_counter() - started, peak_mib=peak)))
    sys.stdout.flush()
    os._exit(0)


if task == "verdict-openvino":
    from anomalib.deploy import OpenVINOInferencer

    inferencer = OpenVINOInferencer(work / "openvino/model.xml", device="CPU",
                                    config={"INFERENCE_PRECISION_HINT": "f32",
                                            "INFERENCE_NUM_THREADS": THREADS})
    finish(score=float(inferencer.predict(str(image)).pred_score.ravel()[0]))

import torch

torch.set_num_threads(THREADS)
if task == "verdict-torch":
    from anomalib.deploy import TorchInferencer

    finish(score=float(TorchInferencer(work / "torch/model.pt",
                                       device="cpu").predict(str(image)).pred_score.ravel()[0]))

from anomalib.data import MVTecAD
from anomalib.deploy import ExportType, OpenVINOInferencer, TorchInferencer
from anomalib.engine import Engine
from anomalib.metrics import AUPRO, AUROC, Evaluator
from anomalib.models import Padim
from anomalib.pre_processing import PreProcessor
from safetensors.torch import load_file
from torchvision.transforms.v2 import CenterCrop, Compose, Normalize, Resize


def unfold(network, weights):
    """Folded weights into a network with batch norms; returns how many convolutions were filled."""
    modules = dict(network.named_modules())
    filled = 0
    for name in sorted({key.rsplit(".", 1)[0] for key in weights}):
        if name not in modules:
            raise SystemExit(f"no convolution {name} in the network")
        parent, _, leaf = name.rpartition(".")
        norm = {"conv1": "bn1", "conv2": "bn2", "0": "1"}[leaf]
        bn = modules[f"{parent}.{norm}" if parent else norm]
        modules[name].weight.data.copy_(weights[f"{name}.weight"])
        bn.running_mean.zero_()
        bn.running_var.fill_(1.0 - bn.eps)
        bn.weight.data.fill_(1.0)
        bn.bias.data.copy_(weights[f"{name}.bias"])
        filled += 1
    return filled


def make_model():
    transform = Compose([Resize((256, 256), antialias=True), CenterCrop(224),
                         Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])])
    metrics = [AUROC(fields=["pred_score", "gt_label"], prefix="image_"),
               AUROC(fields=["anomaly_map", "gt_mask"], prefix="pixel_"),
               AUPRO(fields=["anomaly_map", "gt_mask"], prefix="pixel_")]
    # No pictures: less work than anomalib does by itself.
    model = Padim(backbone="resnet18", pre_trained=False, n_features=100,
                  pre_processor=PreProcessor(transform=transform),
                  evaluator=Evaluator(test_metrics=metrics), visualizer=False)
    network = model.model.feature_extractor.feature_extractor
    unfold(network, load_file(shared / "weights/resnet18_imagenet_bnfolded.safetensors"))
    lines = (shared / "reference/padim_idx_r18_100_seed1024.txt").read_text().split()
    model.model.idx = torch.tensor([int(line) for line in lines])
    return model


def time_images(inferencer):
    times = []
    for run in range(WARM_UPS + RUNS):
        begin = time.perf_counter()
        score = float(inferencer.predict(str(image)).pred_score.ravel()[0])
        if run >= WARM_UPS:
            times.append((time.perf_counter() - begin) * 1e3)
    finish(ms=sorted(times), score=score)


if task == "one":
    time_images(TorchInferencer(work / "torch/model.pt", device="cpu"))
if task == "openvino":
    time_images(OpenVINOInferencer(work / "openvino/model.xml", device="CPU",
                                   config={"INFERENCE_PRECISION_HINT": "f32",
                                           "INFERENCE_NUM_THREADS": THREADS}))
data = MVTecAD(root=shared / "data", category="bottle", num_workers=THREADS)
engine = Engine(default_root_dir=work / "runs", accelerator="cpu", devices=1, logger=False,
                enable_progress_bar=False, enable_model_summary=False)
model = make_model()
imported = time.perf_counter() - started

if task == "fit":
    # The time of fitting is taken without validation.  A validation afterwards gives the range that
    # scores are brought to [0, 1] by: torchmetrics squashes others, and ties spoil the ranking.
    fitting = Engine(default_root_dir=work / "runs", accelerator="cpu", devices=1, logger=False,
                     enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0)
    begin = time.perf_counter()
    fitting.fit(model=model, datamodule=data)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = time.perf_counter()
    engine.validate(model=model, datamodule=data, verbose=False)
    validation = time.perf_counter() - begin
    torch.save(model.state_dict(), work / "state.pt")
    finish(fit_s=seconds, validate_s=validation, import_s=imported, fit_peak_mib=peak)
model.load_state_dict(torch.load(work / "state.pt", weights_only=False))
if task == "export":
    print(engine.export(model, ExportType.TORCH, export_root=work / "export"))
    print(engine.export(model, ExportType.OPENVINO, export_root=work / "export",
                        input_size=(900, 900)))
    for kind, name in (("torch", "model.pt"), ("openvino", "model.xml")):
        found = next((work / "export").rglob(name))
        target = work / kind
        if not target.exists():
            target.symlink_to(found.parent, target_is_directory=True)
    finish()
if task == "eval":
    begin = time.perf_counter()
    results = engine.test(model=model, datamodule=data, verbose=False)[0]
    finish(eval_s=time.perf_counter() - begin, import_s=imported,
           image_auroc=results["image_AUROC"], pixel_auroc=results["pixel_AUROC"],
           pro=results["pixel_AUPRO"])
raise SystemExit(f"unknown task {task}")
