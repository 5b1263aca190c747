"""Agreement: within a document, all occurrences of a mention's words get the same label.

The head reads each occurrence by itself. A rare name may be clear in one sentence and doubtful in the next, so the
occurrences vote.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TypeVar

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span

from ..factory import Factory, check_fraction
from ..version import check_version
from .mentions import mean_confidence, read_mentions, set_confidence, set_mentions, taken_tokens

Form = tuple[str, ...]
Key = TypeVar("Key")
# A word of this many characters can be another one in capitals: "AIDS" and "aids", "Lead" and "lead".
SHORT = 5
# Longer mentions have no vote: the time to find a mention's words is proportional to their number.
MAX_TOKENS = 64


def make_agreement(nlp: Language, name: str, share: float) -> "Agreement":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    share (float): the minimum fraction of a form's occurrences that must be predicted; below it, none is kept.
    RETURNS (Agreement): the component.
    RAISES (ValueError): the share is not within 0 and 1.
    """
    check_fraction("share", share)
    check_version(nlp)
    return Agreement(share)


class Agreement:
    """A component that gives all occurrences of the same words in a document the same label.

    Case is ignored, except in short words: "MS" and "ms" are different words.

    Gale, Church and Yarowsky, One sense per discourse, 1992.
    """

    def __init__(self, share: float):
        self.share = share

    def __call__(self, doc: Doc) -> Doc:
        """Let the mentions of a document agree.

        doc (Doc): the document with the mentions that the head found.
        RETURNS (Doc): the same document with the mentions that won the vote.
        """
        agreed: list[Span] = []
        voters: list[Span] = []
        for ent in read_mentions(doc):
            (voters if len(ent) <= MAX_TOKENS else agreed).append(ent)
        mentions = group_by(form, voters)
        others = find_others(doc, mentions)
        for name, ents in mentions.items():
            agreed += self.vote(ents, others.get(name, []))
        set_mentions(doc, agreed)
        return doc

    def vote(self, mentions: list[Span], others: list[Span]) -> list[Span]:
        """Return the mentions of a form after the vote.

        mentions (list[Span]): the mentions that the head found.
        others (list[Span]): the form's other occurrences.
        RETURNS (list[Span]): a mention for each occurrence, or none if too few are mentions. Then a short word votes
            once more by each of its spellings: an ECG's "lead" does not vote on "Lead".
        """
        if self.is_enough(mentions, others):
            return agree(mentions, others)
        if not is_short(mentions[0]):
            return []
        spellings, rest = group_by(attrgetter("text"), mentions), group_by(attrgetter("text"), others)
        pairs = [(same, rest.get(spelling, [])) for spelling, same in spellings.items()]
        return [mention for pair in pairs if self.is_enough(*pair) for mention in agree(*pair)]

    def is_enough(self, mentions: list[Span], others: list[Span]) -> bool:
        """Return whether the share of mentions among all occurrences is large enough."""
        return len(mentions) >= self.share * (len(mentions) + len(others))


def group_by(key: Callable[[Span], Key], spans: Iterable[Span]) -> dict[Key, list[Span]]:
    """Return spans by a key, in order."""
    groups = defaultdict(list)
    for span in spans:
        groups[key(span)].append(span)
    return dict(groups)


def is_short(span: Span) -> bool:
    """Return whether a span is one short word."""
    return len(span) == 1 and len(span.text) <= SHORT


def form(span: Span) -> Form:
    """Return what all occurrences of the same words share.

    span (Span): the words.
    RETURNS (Form): the words in lower case; as they are if they are one short word in capitals ("AIDS", not
        "aids"), or one of up to two characters ("Mg", not "mg").
    """
    if is_short(span) and (span.text.isupper() or len(span.text) <= 2):
        return (span.text,)
    return tuple(token.lower_ for token in span)


def find_others(doc: Doc, mentions: dict[Form, list[Span]]) -> dict[Form, list[Span]]:
    """Find the occurrences of mentions' words outside all mentions and blocked tokens.

    doc (Doc): the document.
    mentions (dict[Form, list[Span]]): the mentions by their form.
    RETURNS (dict[Form, list[Span]]): the occurrences by their form, in order. They may overlap.
    """
    matcher = PhraseMatcher(doc.vocab, attr="LOWER")
    for name, ents in mentions.items():
        matcher.add(" ".join(name), [Doc(doc.vocab, words=[token.text for token in ents[0]])])
    names = {doc.vocab.strings[" ".join(name)]: name for name in mentions}
    taken, others, orths = taken_tokens(doc), defaultdict(list), doc.to_array("ORTH").tolist()
    # By word, because a text can repeat one thousands of times.
    word_forms: dict[int, Form] = {}
    for key, start, end in matcher(doc):
        if not taken.isdisjoint(range(start, end)):
            continue
        # Without case, "ms" is an occurrence of "MS".
        orth = orths[start]
        if end - start == 1 and orth not in word_forms:
            word_forms[orth] = form(doc[start:end])
        if end - start > 1 or word_forms[orth] == names[key]:
            others[names[key]].append(doc[start:end])
    return dict(others)


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
    confidence = mean_confidence(right)
    set_confidence(changed, confidence and confidence * len(right) / (len(mentions) + len(others)))
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
