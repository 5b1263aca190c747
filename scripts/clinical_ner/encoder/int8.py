"""Reduced precision on a CPU: the encoder's linear layers compute in int8, with one scale for each token.

In: an encoder of transformers in fp32. It is changed in place and keeps its fp32 weights, which are what is saved.
Used by `clinical_ner.WindowedTransformer.v1` if its precision is "int8".
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

ENGINE = "fbgemm"
# torch has the operator since 2.2. 2.13, the newest that this was tested with, announces the removal of the quantized
# tensors that it takes, so that a wheel in int8 requires a version below this one.
OPERATOR = "linear_with_input_q_dq_qweight_dq_output_fp32"
BELOW_TORCH = "2.14"
# Processors without VNNI add two products in 16 bits, into which 2 * 255 * 63 still fits. So activations have 8 bits,
# and weights, which have a scale for each output, have 7.
WEIGHT_MAX = 63
ACTIVATION_MAX = 127
ACTIVATION_ZERO = 128


class Int8Linear(nn.Linear):
    """A linear layer that computes in int8 and keeps its weights in fp32, for saving.

    Each token is divided by its own largest value. torch's dynamic quantization has one scale for the whole batch: a
    few large values of one token would reduce the precision of all others, and the entities of a document would depend
    on the documents that it is processed with.
    """

    def __init__(self, linear: nn.Linear):
        # Nothing is allocated on "meta": the parameters are those of the given layer.
        super().__init__(linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.packed = pack(linear.weight.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = torch.maximum(x.amax(-1, keepdim=True), x.amin(-1, keepdim=True).neg_())
        largest.clamp_(min=torch.finfo(x.dtype).tiny)
        y = getattr(torch.ops.quantized, OPERATOR)(x / largest, 1 / ACTIVATION_MAX, ACTIVATION_ZERO, self.packed)
        return y.mul_(largest) if self.bias is None else torch.addcmul(self.bias, y, largest, out=y)


def quantize_encoder(encoder: nn.Module) -> None:
    """Make an encoder's linear layers compute in int8, unless they do already.

    encoder (nn.Module): the encoder, which is changed in place. Its state_dict stays the same.
    RAISES (ValueError): it is on a GPU, or this PyTorch has no int8 kernels for this processor, or not the operators.
    """
    # A list, because the layers are replaced meanwhile.
    found = [(parent, *child) for parent in encoder.modules() for child in parent.named_children()]
    linears = [(parent, name, child) for parent, name, child in found if type(child) is nn.Linear]
    if not linears:
        return
    device = linears[0][2].weight.device.type
    if device != "cpu":
        raise ValueError(f"The precision int8 is for a CPU, and the encoder is on {device}: {advice()}")
    if ENGINE not in torch.backends.quantized.supported_engines:
        raise ValueError(f"This build of PyTorch has no int8 kernels for this processor ({ENGINE}): {advice()}")
    if not (hasattr(torch.ops.quantized, OPERATOR) and hasattr(torch, "quantize_per_channel")):
        raise ValueError(f"PyTorch {torch.__version__} does not have the operators of int8: {advice()}")
    with torch.no_grad():
        for parent, name, linear in linears:
            setattr(parent, name, Int8Linear(linear))


def advice() -> str:
    """Return how to load a pipeline in fp32."""
    return """load the pipeline with config={"components": {"transformer": {"model": {"precision": "fp32"}}}}"""


def pack(weight: torch.Tensor) -> torch.ScriptObject:
    """Quantize weights with a scale for each output, and pack them for the kernel.

    weight (torch.Tensor): float32, (outputs, inputs).
    RETURNS (torch.ScriptObject): what torch's quantized linear operators take.
    """
    largest = weight.abs().amax(1).clamp(min=torch.finfo(weight.dtype).tiny)
    scales, zeros = (largest / WEIGHT_MAX).double(), torch.zeros(len(weight), dtype=torch.int64)
    with quantized_engine(), warnings.catch_warnings():
        # torch 2.13 announces that these tensors will be removed, see `BELOW_TORCH`.
        warnings.filterwarnings("ignore", "torch.quantize_per", UserWarning)
        quantized = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        return torch.ops.quantized.linear_prepack(quantized, None)


@contextmanager
def quantized_engine() -> Iterator[None]:
    """Make torch pack weights for `ENGINE` in the block: with VNNI its default lacks the kernel that is used here."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINE
    try:
        yield
    finally:
        torch.backends.quantized.engine = before
