"""Settings of the service and their defaults."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Settings(BaseModel):
    """Limits, batching and token. Each except the token is an option of `python -m scripts.serve`.

    batch_size (int): the maximum number of texts in a batch for the pipeline.
    batch_characters (int): the maximum number of characters in a batch; a longer text is a batch of its own.
    batch_wait (float): how long the first text of a batch waits for others, in seconds.
    queue_size (int): the maximum number of texts waiting for the pipeline. Requests that exceed it get a 429.
    max_body_bytes (int): the maximum size of a request body in bytes.
    max_texts (int): the maximum number of texts in a request.
    max_characters (int): the maximum number of characters in a text.
    read_timeout (float): how long the body of a request may take to arrive, in seconds.
    timeout (float): how long a request may take once its body has arrived, including the wait in the queue, in seconds.
    work_timeout (float): how long the pipeline may work on a batch, in seconds. After that its process is replaced.
    token (SecretStr | None): the bearer token that clients must send. None allows requests without one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_size: int = Field(default=32, ge=1)
    batch_characters: int = Field(default=200_000, ge=1)
    batch_wait: float = Field(default=0.005, ge=0, le=60)
    queue_size: int = Field(default=512, ge=1)
    max_body_bytes: int = Field(default=4_000_000, ge=1)
    max_texts: int = Field(default=128, ge=1)
    max_characters: int = Field(default=100_000, ge=1)
    read_timeout: float = Field(default=10, gt=0)
    timeout: float = Field(default=60, gt=0)
    work_timeout: float = Field(default=20, gt=0)
    token: SecretStr | None = None

    @model_validator(mode="after")
    def check_queue(self) -> "Settings":
        if self.max_texts > self.queue_size:
            raise ValueError(
                f"queue_size ({self.queue_size}) must be at least max_texts ({self.max_texts}):"
                " a request with that many texts could never be accepted"
            )
        return self
