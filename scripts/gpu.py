"""Use a GPU where one is asked for, and say clearly where there is none."""

import torch
from thinc.api import require_gpu, set_gpu_allocator
from thinc.compat import cupy_version, has_cupy, has_cupy_gpu

from scripts.errors import ProjectError

ON_CPU = "To work on the CPU, give --gpu-id -1."
# For the commands to which project.yml gives its variable gpu_id. How they were started can't be known.
ON_CPU_IN_PROJECT = "To work on the CPU, give --vars.gpu_id -1 to `spacy project run`, or --gpu-id -1 to the module."
INSTALL = "Install what a GPU needs: pip install -r requirements-gpu.txt."


def use_gpu(gpu_id: int, *, advice: str = ON_CPU) -> None:
    """Let spaCy and PyTorch work on a GPU from here on, in this thread.

    The current device belongs to a thread: a thread that loads or runs a pipeline calls this itself, as often as it
    likes.

    gpu_id (int): the GPU's number, or -1 for the CPU, which changes nothing.
    advice (str): how to do without a GPU, by the option that the user has given.
    RAISES (ProjectError): there is no such GPU, or spaCy cannot reach it because CuPy is missing or cannot work.
    """
    if gpu_id < 0:
        return
    try:
        require_device(gpu_id)
    except ProjectError as error:
        raise ProjectError(error.title, f"{error.hint} {advice}") from error
    require_gpu(gpu_id)
    # Only now: thinc ignores it as long as the CPU is in use.
    set_gpu_allocator("pytorch")


def require_device(gpu_id: int) -> None:
    """Check that PyTorch and CuPy can use a GPU.

    gpu_id (int): the GPU's number, from 0.
    RAISES (ProjectError): one of them cannot; the message says which, and what to install.
    """
    count = torch.cuda.device_count()
    if gpu_id >= count:
        known = f"There are {count}, numbered from 0." if count else explain_none()
        raise ProjectError(f"There is no GPU {gpu_id}", known)
    if not has_cupy:
        raise ProjectError("spaCy needs CuPy to use a GPU, and it is not installed or lacks CUDA's libraries", INSTALL)
    if not has_cupy_gpu:
        raise ProjectError(
            f"PyTorch, built for CUDA {torch.version.cuda}, finds the GPU, and CuPy {cupy_version} does not",
            f"CuPy has to be built for the same CUDA. {INSTALL}",
        )


def explain_none() -> str:
    """Return why PyTorch finds no GPU."""
    if torch.version.cuda is None:
        return "This PyTorch is built for the CPU only."
    return f"PyTorch, built for CUDA {torch.version.cuda}, finds none on this machine. Does nvidia-smi show one?"
