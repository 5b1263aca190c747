"""The confidence of what leaves the pipeline: calibrated, and above the threshold.

The head sets the probability of each mention that it finds, and the components behind it derive one for those that they
add. This component comes after them and is the only one that calibrates and that leaves mentions out.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import srsly
from spacy.language import Language
from spacy.tokens import Doc

from ..factory import Factory, check_fraction
from ..version import check_version
from .calibration import Calibration
from .mentions import CONFIDENCE, set_mentions

FILE = "calibration.json"


def make_confidence(nlp: Language, name: str, threshold: float) -> "Confidence":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    threshold (float): mentions with a lower confidence are left out.
    RETURNS (Confidence): the component.
    RAISES (ValueError): the threshold is not within 0 and 1.
    """
    check_fraction("threshold", threshold)
    check_version(nlp)
    return Confidence(threshold)


class Confidence:
    """A component that calibrates `ent._.confidence` and leaves out mentions below a threshold.

    A mention without a confidence is kept as it is. The calibration is saved with the pipeline. The threshold is a
    setting of the config, so that `spacy.load(..., config=...)` can set another one.
    """

    def __init__(self, threshold: float = 0.0):
        self.threshold = threshold
        self._calibration: dict[str, Calibration] = {}

    @property
    def calibration(self) -> dict[str, Calibration]:
        """The calibration of each label. The confidence of other labels is the probability as it is."""
        return self._calibration

    @calibration.setter
    def calibration(self, values: Mapping[str, Iterable[float]]) -> None:
        new = {label: Calibration(*value) for label, value in values.items()}
        for label, (temperature, _) in new.items():
            if not temperature > 0:
                raise ValueError(f"The temperature of {label} ({temperature}) must be above 0")
        # Rounded to 1/1024, because spaCy's JSON has ten decimals and a loaded pipeline must be exactly the same.
        self._calibration = {
            label: Calibration(max(round(temperature * 1024), 1) / 1024, round(bias * 1024) / 1024)
            for label, (temperature, bias) in new.items()
        }

    def __call__(self, doc: Doc) -> Doc:
        """Calibrate the confidences of a document's mentions, and leave out those below the threshold.

        doc (Doc): the document.
        RETURNS (Doc): the same document.
        """
        kept = []
        for ent in doc.ents:
            probability = ent._.get(CONFIDENCE) if ent.has_extension(CONFIDENCE) else None
            if probability is not None:
                ent._.confidence = self._calibration.get(ent.label_, Calibration())(probability)
                if ent._.confidence < self.threshold:
                    continue
            kept.append(ent)
        if len(kept) < len(doc.ents):
            set_mentions(doc, kept)
        return doc

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the calibration as bytes."""
        return srsly.json_dumps(self._calibration).encode("utf8")

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "Confidence":
        """Load the calibration from bytes.

        data (bytes): what `to_bytes` returned.
        RETURNS (Confidence): the component itself.
        """
        self.calibration = srsly.json_loads(data)
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the calibration in a folder."""
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / FILE).write_bytes(self.to_bytes())

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Confidence":
        """Load the calibration from a folder.

        path (str | Path): the folder that `to_disk` wrote.
        RETURNS (Confidence): the component itself.
        """
        return self.from_bytes((Path(path) / FILE).read_bytes())


CONFIDENCE_FILTER = Factory(
    "clinical_confidence",
    make_confidence,
    {
        "requires": ["doc.ents"],
        "assigns": ["doc.ents", "token.ent_iob", "token.ent_type"],
        "default_config": {"threshold": 0.0},
    },
)
