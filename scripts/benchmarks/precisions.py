"""The ways of computing one encoder faster on a CPU that `benchmark_precision` measures side by side.

Each takes the encoder in fp32 and a folder for its files, and gives a module that takes the encoder's place.
"""

import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.file_utils import ModelOutput

from scripts.clinical_ner.encoder.int8 import quantize_encoder

FP32 = "fp32, this pipeline"
INT8 = "int8, this pipeline: a scale for each token and each output"
INPUTS = ("input_ids", "attention_mask")

Run = Callable[[dict[str, torch.Tensor]], torch.Tensor]


class Peer(nn.Module):
    """A library's own session in the encoder's place.

    run (Callable): from the encoder's inputs, int64, to its last hidden state.
    """

    def __init__(self, run: Run):
        super().__init__()
        self.run = run

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> ModelOutput:
        inputs = {"input_ids": input_ids.long(), "attention_mask": attention_mask.long()}
        return ModelOutput(last_hidden_state=self.run(inputs))


class HiddenState(nn.Module):
    """An encoder that gives its last hidden state and nothing else, for the export."""

    def __init__(self, encoder: PreTrainedModel):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def as_it_is(encoder: PreTrainedModel, folder: Path) -> nn.Module:
    """Give the encoder itself."""
    return encoder


def with_int8(encoder: PreTrainedModel, folder: Path) -> nn.Module:
    """Give what the pipeline computes with when its precision is int8."""
    encoder = deepcopy(encoder)
    quantize_encoder(encoder)
    return encoder


def with_torch_dynamic(
    encoder: PreTrainedModel, folder: Path, *, per_channel: bool, keep_wide: bool = False
) -> nn.Module:
    """Give the encoder with torch's own dynamic quantization, whose activations have one scale for each batch.

    encoder (PreTrainedModel): the encoder.
    folder (Path): not used.
    per_channel (bool): whether each output has its own weight scale, or the whole matrix has one.
    keep_wide (bool): whether the layers behind GELU, whose inputs are wider than the others', stay in fp32.
    RETURNS (nn.Module): the quantized encoder.
    """
    from torch.ao.quantization import (
        default_dynamic_qconfig,
        per_channel_dynamic_qconfig,
        quantize_dynamic,
    )

    config = per_channel_dynamic_qconfig if per_channel else default_dynamic_qconfig
    linears = {name: module for name, module in encoder.named_modules() if isinstance(module, nn.Linear)}
    widest = encoder.config.hidden_size if keep_wide else max(linear.in_features for linear in linears.values())
    layers = {name: config for name, linear in linears.items() if linear.in_features <= widest}
    with warnings.catch_warnings():
        # Torch announces for all of its quantization that it moves to another package.
        warnings.simplefilter("ignore")
        return quantize_dynamic(deepcopy(encoder).eval(), layers, dtype=torch.qint8)


def export(encoder: PreTrainedModel, folder: Path) -> Path:
    """Write the encoder as an ONNX file, once for all that read it.

    encoder (PreTrainedModel): the encoder.
    folder (Path): the folder for the file.
    RETURNS (Path): the file.
    """
    path = folder / "encoder.onnx"
    if path.is_file():
        return path
    ids = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "rows", 1: "wordpieces"}
    with warnings.catch_warnings():
        # Tracing warns of each shape, and torch that it has a newer exporter, which needs one more package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            HiddenState(encoder).eval(),
            (ids, ids),
            str(path),
            input_names=list(INPUTS),
            output_names=["last_hidden_state"],
            dynamic_axes=dict.fromkeys((*INPUTS, "last_hidden_state"), axes),
            opset_version=17,
            dynamo=False,
        )
    return path


def fuse(encoder: PreTrainedModel, folder: Path) -> Path:
    """Write the encoder with ONNX Runtime's own fused attention, GELU and layer norm, once for all that read it."""
    from onnxruntime.transformers.optimizer import optimize_model

    path, config = folder / "fused.onnx", encoder.config
    if not path.is_file():
        sizes = {"num_heads": config.num_attention_heads, "hidden_size": config.hidden_size}
        fused = optimize_model(str(export(encoder, folder)), model_type="bert", opt_level=0, **sizes)
        fused.save_model_to_file(str(path))
    return path


def with_onnxruntime(encoder: PreTrainedModel, folder: Path, *, int8: bool, per_channel: bool = False) -> nn.Module:
    """Run the encoder in ONNX Runtime, with its fused kernels.

    encoder (PreTrainedModel): the encoder.
    folder (Path): a folder for the ONNX files.
    int8 (bool): whether it is quantized dynamically. Weights have 7 bits then: without VNNI, sums of 16 bits overflow.
    per_channel (bool): whether each output has its own weight scale.
    RETURNS (nn.Module): takes the encoder's place.
    """
    import onnxruntime
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = fuse(encoder, folder)
    if int8:
        source, path = path, folder / f"int8_{per_channel}.onnx"
        quantize_dynamic(
            source,
            path,
            op_types_to_quantize=["MatMul", "Attention"],
            per_channel=per_channel,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            # The fused operators are not those that it knows the types of.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    types = {entry.name: torch.int32 if "int32" in entry.type else torch.int64 for entry in session.get_inputs()}

    def run(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        (hidden,) = session.run(None, {name: inputs[name].to(kind).numpy() for name, kind in types.items()})
        return torch.from_numpy(hidden)

    return Peer(run)


def with_openvino(encoder: PreTrainedModel, folder: Path) -> nn.Module:
    """Run the encoder in OpenVINO, in fp32.

    encoder (PreTrainedModel): the encoder.
    folder (Path): a folder for the ONNX file.
    RETURNS (nn.Module): takes the encoder's place.
    """
    import openvino

    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(export(encoder, folder)), "CPU", settings)

    def run(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        # A copy, because the session writes its next result to the same place.
        return torch.from_numpy(model({name: tensor.numpy() for name, tensor in inputs.items()})[0].copy())

    return Peer(run)


CONTENDERS: dict[str, Callable[[PreTrainedModel, Path], nn.Module]] = {
    FP32: as_it_is,
    INT8: with_int8,
    "torch dynamic int8, a scale for each matrix": partial(with_torch_dynamic, per_channel=False),
    "torch dynamic int8, a scale for each output": partial(with_torch_dynamic, per_channel=True),
    "torch dynamic int8, a scale for each output, layers behind GELU in fp32": partial(
        with_torch_dynamic, per_channel=True, keep_wide=True
    ),
    "ONNX Runtime fp32": partial(with_onnxruntime, int8=False),
    "ONNX Runtime int8, a scale for each matrix": partial(with_onnxruntime, int8=True),
    "ONNX Runtime int8, a scale for each output": partial(with_onnxruntime, int8=True, per_channel=True),
    "OpenVINO fp32": with_openvino,
}
