"""Agreement: within a document, all occurrences of a mention's words get the same label.

The head reads each occurrence by itself. A rare name may be clear in one sentence and doubtful in the next, so the
occurrences vote.
"""

from collections import Counter, defaultdict

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..factory import Factory
from ..version import check_version


def make_agreement(nlp: Language, name: str, share: float) -> "Agreement":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    share (float): the minimum fraction of a form's occurrences that must be predicted; below it, none is kept.
    RETURNS (Agreement): the component.
    RAISES (ValueError): the share is not within 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share ({share}) must be within [0, 1]")
    check_version(nlp)
    return Agreement(share)


class Agreement:
    """A component that gives all occurrences of the same words in a document the same label, ignoring case.

    Gale, Church and Yarowsky, One sense per discourse, 1992.
    """

    def __init__(self, share: float):
        self.share = share

    def __call__(self, doc: Doc) -> Doc:
        """Let the mentions of a document agree.

        doc (Doc): the document with the mentions that the head found.
        RETURNS (Doc): the same document with the mentions that won the vote.
        """
        mentions, others = defaultdict(list), defaultdict(list)
        for ent in doc.ents:
            mentions[words(ent)].append(ent)
        for span in find_others(doc, [ents[0] for ents in mentions.values()]):
            others[words(span)].append(span)
        agreed: list[Span] = []
        for form, ents in mentions.items():
            if len(ents) >= self.share * (len(ents) + len(others[form])):
                agreed += agree(ents, others[form])
        doc.ents = filter_spans(agreed)
        return doc


def words(span: Span) -> tuple[str, ...]:
    """Return the words of a span in lower case."""
    return tuple(token.lower_ for token in span)


def find_others(doc: Doc, mentions: list[Span]) -> list[Span]:
    """Find the occurrences of mentions' words outside all mentions.

    doc (Doc): the document.
    mentions (list[Span]): one mention for each sequence of words.
    RETURNS (list[Span]): the occurrences in order. They may overlap.
    """
    if not mentions:
        return []
    matcher = PhraseMatcher(doc.vocab, attr="LOWER")
    matcher.add("mention", [Doc(doc.vocab, words=[token.text for token in mention]) for mention in mentions])
    taken = {token.i for ent in doc.ents for token in ent}
    return [span for span in matcher(doc, as_spans=True) if taken.isdisjoint(range(span.start, span.end))]


def agree(mentions: list[Span], others: list[Span]) -> list[Span]:
    """Assign to all occurrences the label that most mentions have.

    mentions (list[Span]): the mentions that the head found with the same words.
    others (list[Span]): the occurrences of these words where it found none.
    RETURNS (list[Span]): a mention for each occurrence. Where the head gives confidences, a mention that it did not
        find has the mean confidence of those that agree, times their fraction of all occurrences.
    """
    label, _ = Counter(mention.label_ for mention in mentions).most_common(1)[0]
    right = [mention for mention in mentions if mention.label_ == label]
    changed = [Span(span.doc, span.start, span.end, label) for span in (*mentions, *others) if span.label_ != label]
    if right[0].has_extension("confidence") and right[0]._.confidence is not None:
        confidence = sum(mention._.confidence for mention in right) / (len(mentions) + len(others))
        for span in changed:
            span._.confidence = confidence
    return [*right, *changed]


AGREEMENT = Factory(
    "clinical_agreement",
    make_agreement,
    {
        "requires": ["doc.ents"],
        "assigns": ["doc.ents", "token.ent_iob", "token.ent_type"],
        "default_config": {"share": 0.5},
    },
)
