# The annotation service with a packaged pipeline. Build the image after `package`:
#   docker build --build-arg WHEEL=packages/<run>/<name>/dist/<wheel>.whl --build-arg MODEL=en_ner_<run> -t clinical-ner .
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

# The index of PyTorch's CPU builds, a tenth the size of the default with CUDA. If empty, the default is installed.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG WHEEL
ARG MODEL

# The service writes to /tmp only, so the file system can be read-only. It never contacts the model hub.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp \
    HF_HOME=/tmp/huggingface \
    HF_HUB_OFFLINE=1 \
    SERVE_MODEL=${MODEL} \
    SERVE_HOST=0.0.0.0 \
    SERVE_PORT=8000

WORKDIR /srv
COPY constraints.txt ${WHEEL} /wheels/
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --constraint /wheels/constraints.txt \
        /wheels/*.whl fastapi fastapi-offline prometheus-client uvicorn \
    && rm -r /wheels
COPY scripts ./scripts

# Root owns the files; the service can only read them.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"SERVE_PORT\"]}/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "scripts.serve"]
