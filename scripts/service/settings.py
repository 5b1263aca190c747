"""What can be set about the service, with the values it has unless told otherwise."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Settings(BaseModel):
    """Limits and batching of a service; each is an option of `python -m scripts.serve`, the token apart.

    batch_size (int): texts that the pipeline gets at once, at most.
    batch_characters (int): characters that the pipeline gets at once, at most; one longer text goes alone.
    batch_wait (float): seconds that a text waits for others to share its batch, at most.
    queue_size (int): texts that wait for the pipeline, at most; past that a request is turned away.
    max_body_bytes (int): size of a request's body.
    max_texts (int): texts in a request.
    max_characters (int): characters in a text.
    read_timeout (float): seconds in which a request's body must have arrived.
    timeout (float): seconds in which an answer must be ready, waiting included.
    token (SecretStr | None): what a client must send as bearer token. None lets everybody in.
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
    token: SecretStr | None = None

    @model_validator(mode="after")
    def check_queue(self) -> "Settings":
        if self.max_texts > self.queue_size:
            raise ValueError(
                f"queue_size ({self.queue_size}) must be at least max_texts ({self.max_texts}):"
                " a request of that many texts could never be accepted"
            )
        return self
