"""A watch on windows longer than the encoder's limit: what lies past it is cut, and here it is counted and said.

Plugged into the transformer component as `set_extra_annotations`; it ships inside the wheel.
"""

import logging
from collections.abc import Callable

from spacy.tokens import Doc
from spacy.util import registry
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData

logger = logging.getLogger(f"spacy.{__name__}")


@registry.annotation_setters("clinical_ner.report_truncation.v1")
def configure_report_truncation(max_wordpieces: int) -> Callable[[list[Doc], FullTransformerBatch], None]:
    """Give an annotation setter that warns of tokens that the encoder never saw.

    max_wordpieces (int): the encoder's limit, special tokens included; 512 for BERT.
    RETURNS (Callable): called by the transformer component with the documents and its output.
    RAISES (ValueError): the limit leaves no room for a wordpiece between the special tokens.
    """
    if max_wordpieces < 3:
        raise ValueError(f"max_wordpieces ({max_wordpieces}) must be at least 3")

    def report_truncation(docs: list[Doc], batch: FullTransformerBatch) -> None:
        # No window reaches the limit: nothing was cut, and nothing more is computed.
        if batch.wordpieces.input_ids.shape[1] < max_wordpieces:
            return
        cut = [count_unseen(doc, data) for doc, data in zip(docs, batch.doc_data, strict=True)]
        if any(cut):
            logger.warning(
                "%d tokens in %d of %d documents lie past the encoder's limit of %d wordpieces and were not read:"
                " entities in them are missed. Text without spaces or of rare characters does this.",
                sum(cut),
                sum(map(bool, cut)),
                len(docs),
                max_wordpieces,
            )

    return report_truncation


def count_unseen(doc: Doc, data: TransformerData) -> int:
    """Count a document's tokens, spaces apart, that got no wordpiece in any window.

    doc (Doc): the document, wholly covered by windows.
    data (TransformerData): its part of the encoder's output; `align.lengths` has one number of wordpieces a token.
    RETURNS (int): the number of tokens.
    """
    return sum(length == 0 and not token.is_space for token, length in zip(doc, data.align.lengths, strict=True))
