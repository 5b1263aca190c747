"""Work on a GPU where one is asked for, and say so clearly where there is none."""

import torch
from thinc.api import require_gpu, set_gpu_allocator
from thinc.util import has_cupy

from scripts.errors import ProjectError


def use_gpu(gpu_id: int) -> None:
    """Let spaCy and PyTorch work on a GPU from here on.

    gpu_id (int): the GPU's number, or -1 for the CPU, which changes nothing.
    RAISES (ProjectError): there is no such GPU, or CuPy, with which spaCy reaches it, is not installed.
    """
    if gpu_id < 0:
        return
    count = torch.cuda.device_count()
    if gpu_id >= count:
        known = f"There are {count}, numbered from 0" if count else "PyTorch finds none on this machine"
        raise ProjectError(f"There is no GPU {gpu_id}", f"{known}. Use --vars.gpu_id -1 to work on the CPU.")
    if not has_cupy:
        raise ProjectError(
            "spaCy needs CuPy to use a GPU, and it is not installed",
            "Install its build for your CUDA, for instance: pip install cupy-cuda12x",
        )
    set_gpu_allocator("pytorch")
    require_gpu(gpu_id)
