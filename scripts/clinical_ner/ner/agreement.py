"""What is written alike in a document is read alike: the places where a mention's words stand vote on what they are.

The head reads each place by itself, and a rare name or an abbreviation is clear in one place and doubtful in the next.
It ships inside the wheel.
"""

from collections import Counter, defaultdict

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..factory import Factory
from ..version import check_version


def make_agreement(nlp: Language, name: str, share: float) -> "Agreement":
    """Make the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    share (float): of the places where a mention's words stand, this share has to be mentions, or none is one.
    RETURNS (Agreement): the component.
    RAISES (ValueError): the share is not within 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share ({share}) must be within [0, 1]")
    check_version(nlp)
    return Agreement(share)


class Agreement:
    """A component that makes the places of a document agree where the same words stand, in capitals or not.

    Gale, Church and Yarowsky, One sense per discourse, 1992.
    """

    def __init__(self, share: float):
        self.share = share

    def __call__(self, doc: Doc) -> Doc:
        """Make the mentions of a document agree.

        doc (Doc): the document with the mentions that the head found.
        RETURNS (Doc): the document with those that were voted for.
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
    """Give the words of a span without their capitals."""
    return tuple(token.lower_ for token in span)


def find_others(doc: Doc, mentions: list[Span]) -> list[Span]:
    """Find where the words of mentions stand outside of all mentions.

    doc (Doc): the document.
    mentions (list[Span]): one mention for each sequence of words.
    RETURNS (list[Span]): the places in order; they may overlap each other.
    """
    if not mentions:
        return []
    matcher = PhraseMatcher(doc.vocab, attr="LOWER")
    matcher.add("mention", [Doc(doc.vocab, words=[token.text for token in mention]) for mention in mentions])
    taken = {token.i for ent in doc.ents for token in ent}
    return [span for span in matcher(doc, as_spans=True) if taken.isdisjoint(range(span.start, span.end))]


def agree(mentions: list[Span], others: list[Span]) -> list[Span]:
    """Give all places the label that most mentions have.

    mentions (list[Span]): the mentions that the head found with the same words.
    others (list[Span]): where these words stand and it found none.
    RETURNS (list[Span]): a mention for each place. What the head did not find like this has, where there are
        confidences, the mean of those that agree, times their share of all places.
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
