"""Find the cues of a document: spaCy's PhraseMatcher for literals, Matcher for patterns, `re` for expressions.

Tokens of white space are left out first, so that "no  evidence\nof" is "no evidence of".
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, IDX, IS_SPACE, LEMMA, LOWER, POS, SENT_START, SPACY, TAG
from spacy.matcher import Matcher, PhraseMatcher
from spacy.strings import get_string_id
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from .rules import ContextRule

COPIED = (POS, TAG, LEMMA, ENT_IOB, ENT_TYPE, SENT_START)
CURLY = "\u2019"
# What a cue that counts at an end only can have after it.
CLOSING = {*".,;:)]!?\u2013\u2014-"}
# Words that a negation at the end of a clause can have after it: "felt unlikely and", "stopped yesterday".
CLOSING_WORDS = {
    *("and", "but", "so", "today", "tonight", "now", "yesterday", "currently", "this", "at", "by", "given", "because"),
    *("since", "after", "per", "in", "during", "overnight", "throughout", "as", "when", "while", "although"),
    *("though", "however", "due", "for", "until", "pending", "prior", "before", "last", "two", "three"),
    *("completely", "earlier", "with", "to", "on", "following", "within", "over", "again", "altogether"),
    *("entirely", "fully", "spontaneously", "then"),
}
# The same for a doubt: "possible but less likely", "likely given the fever". Behind "due to" the doubt is of the cause.
CLOSING_DOUBT = {*("but", "given", "although", "though", "however", "because", "based", "pending", "until", "on")}


class Cue(NamedTuple):
    """A rule's match.

    start, end (int): its tokens, white space not counted.
    rule (ContextRule): the rule.
    """

    start: int
    end: int
    rule: ContextRule


class Words(NamedTuple):
    """A document without its tokens of white space.

    doc (Doc): the words. The document itself, if it has no white space but single spaces.
    places (Sequence[int]): the token of the original document that each word is.
    """

    doc: Doc
    places: Sequence[int]


def without_space(doc: Doc) -> Words:
    """Return a document without tokens of white space, and with straight apostrophes.

    doc (Doc): any document.
    RETURNS (Words): its words. They keep what rules can ask for: part of speech, lemma, entity, sentence start.
    """
    is_space, has_space = doc.to_array([IS_SPACE, SPACY]).astype(bool).T
    if not is_space.any() and CURLY not in doc.text:
        return Words(doc, range(len(doc)))
    places = np.flatnonzero(~is_space).tolist()
    words = [doc[place].text.replace(CURLY, "'") for place in places]
    # A word before a token of white space is followed by a space, too.
    spaces = (has_space | np.append(is_space[1:], False))[places].tolist()
    copy = Doc(doc.vocab, words=words, spaces=spaces)
    values: Any = doc.to_array(list(COPIED))[places]
    return Words(copy.from_array(list(COPIED), values), places)


class CueMatcher:
    """Finds the cues of a list of rules."""

    def __init__(self, rules: Sequence[ContextRule], tokenizer: Tokenizer):
        """Prepare the rules.

        rules (Sequence[ContextRule]): the rules.
        tokenizer (Tokenizer): the pipeline's, to split literals as documents are split.
        """
        self.vocab = tokenizer.vocab
        self.rules: dict[int, ContextRule] = {}
        self.phrases = PhraseMatcher(self.vocab, attr="LOWER")
        self.patterns = PatternMatcher(self.vocab)
        self.expressions: list[tuple[re.Pattern, ContextRule]] = []
        for number, rule in enumerate(rules):
            key = str(number)
            # The first document may come in a memory zone, which takes the strings of its time with it.
            self.rules[self.vocab.strings.add(key, allow_transient=False)] = rule
            if rule.pattern is None:
                self.phrases.add(key, [without_space(tokenizer(rule.literal.strip())).doc])
            elif isinstance(rule.pattern, str):
                self.expressions.append((re.compile(rule.pattern, re.IGNORECASE), rule))
            else:
                self.patterns.add(key, rule.pattern)

    def __call__(self, doc: Doc, words: Words, bounds: Sequence[int]) -> list[Cue]:
        """Find the cues of a document.

        doc (Doc): the document.
        words (Words): the same without white space.
        bounds (Sequence[int]): the first word of each sentence, and the number of words.
        RETURNS (list[Cue]): the cues in order, see `longest`. None crosses the end of a sentence.
        """
        matches = [*self.phrases(words.doc), *self.patterns(words.doc)]
        cues = [Cue(start, end, self.rules[key]) for key, start, end in matches]
        if self.expressions:
            cues += self.find_expressions(doc, words)
        return longest(cue for cue in cues if counts(cue, words, bounds))

    def find_expressions(self, doc: Doc, words: Words) -> list[Cue]:
        """Find the matches of regular expressions. Parts of tokens are extended to whole tokens, as in medspaCy."""
        text = doc.text
        starts = doc.to_array(IDX)[words.places].tolist() if words.places else []
        return [
            Cue(max(bisect_right(starts, match.start()) - 1, 0), bisect_left(starts, match.end()), rule)
            for expression, rule in self.expressions
            for match in expression.finditer(text)
            if match[0].strip()
        ]


class Anchored(NamedTuple):
    """A pattern that has one of a few words at a known place.

    matcher (Matcher): spaCy's, with this pattern only.
    before (int): the number of its tokens before that word.
    width (int): the number of tokens that it matches at most.
    needed (tuple[frozenset[int], ...]): choices of words, of each of which it has one further on.
    """

    matcher: Matcher
    before: int
    width: int
    needed: tuple[frozenset[int], ...]


class PatternMatcher:
    """spaCy's Matcher, asked only where a pattern can match.

    Matcher evaluates an `IN` in Python at every token. Nearly all patterns have one of a few words at their start.
    """

    def __init__(self, vocab: Vocab):
        self.vocab = vocab
        self.anywhere = Matcher(vocab)
        self.anchored: dict[int, list[Anchored]] = defaultdict(list)

    def add(self, key: str, pattern: list[dict[str, Any]]) -> None:
        """Add a pattern under a key."""
        fixed = takewhile(lambda token: "OP" not in token, pattern)
        choices = [(number, words) for number, token in enumerate(fixed) if (words := words_of(token))]
        width = max_width(pattern)
        if not choices or width is None:
            self.anywhere.add(key, [pattern])
            return
        before, words = choices[0]
        needed = tuple(filter(None, map(words_of, pattern[before + 1 :])))
        matcher = Matcher(self.vocab)
        matcher.add(key, [pattern])
        for word in words:
            self.anchored[word].append(Anchored(matcher, before, width, needed))

    def __call__(self, doc: Doc) -> Iterator[tuple[int, int, int]]:
        """Yield key, start and end of each match."""
        if len(self.anywhere):
            yield from self.anywhere(doc)
        words = doc.to_array(LOWER).tolist()
        for place, word in enumerate(words):
            for matcher, before, width, needed in self.anchored.get(word, ()):
                start = place - before
                further = words[place + 1 : start + width]
                if start < 0 or any(choice.isdisjoint(further) for choice in needed):
                    continue
                for key, first, end in matcher(doc[start : start + width]):
                    if first == 0:
                        yield key, start, start + end


def words_of(token: dict[str, Any]) -> frozenset[int]:
    """Return the words that a token of a pattern has to be, in lower case; none if it can be left out or be others."""
    if list(token) not in (["LOWER"], ["TEXT"]):
        return frozenset()
    (value,) = token.values()
    words = [value] if isinstance(value, str) else value["IN"] if list(value) == ["IN"] else []
    return frozenset(get_string_id(word.lower()) for word in words)


def max_width(pattern: list[dict[str, Any]]) -> int | None:
    """Return the number of tokens that a pattern matches at most, or None if there is no maximum."""
    widths = [re.fullmatch(r"[?!1]|\{(?:\d+,)?(\d+)\}", token.get("OP", "1")) for token in pattern]
    return sum(int(width[1] or 1) for width in widths if width) if all(widths) else None


def counts(cue: Cue, words: Words, bounds: Sequence[int]) -> bool:
    """Return whether a cue is within a sentence and, if its rule says so, before a sign or the sentence's end."""
    end = bounds[bisect_right(bounds, cue.start)]
    if cue.end > end:
        return False
    if not cue.rule.at_end or cue.end == end or words.doc[cue.end].text in CLOSING:
        return True
    following = words.doc[cue.end].lower_
    # "Respiratory: negative for cough" negates what follows.
    is_followed = closes(following) and (following != "for" or cue.rule.allowed_types is not None)
    if cue.rule.category == "POSSIBLE_EXISTENCE":
        return following in CLOSING_DOUBT
    return cue.rule.category == "NEGATED_EXISTENCE" and is_followed


def closes(word: str) -> bool:
    """Return whether a negation can end before a word: a known one, an adverb ("excluded clinically"), a number."""
    return word in CLOSING_WORDS or word.endswith("ly") or word[0].isdigit()


def longest(cues: Iterable[Cue]) -> list[Cue]:
    """Return the cues without those that overlap a longer one.

    Cues with the same tokens stay, because two rules can have one literal. A termination neither removes a cue nor
    is removed by one, because "but no" is both; a PSEUDO cue removes all.

    cues (Iterable[Cue]): cues in any order.
    RETURNS (list[Cue]): those left, by start and end, without PSEUDO.
    """
    kept: list[Cue] = []
    taken: dict[int, tuple[int, int]] = {}
    pseudo: set[int] = set()
    for cue in sorted(cues, key=lambda cue: (cue.start - cue.end, cue.rule.direction != "PSEUDO", cue.start)):
        own = (cue.start, cue.end)
        tokens = range(*own)
        if cue.rule.direction == "TERMINATE":
            kept.append(cue)
        elif all(taken.get(token, own) == own for token in tokens) and pseudo.isdisjoint(tokens):
            taken.update(dict.fromkeys(tokens, own))
            if cue.rule.direction == "PSEUDO":
                pseudo.update(tokens)
            else:
                kept.append(cue)
    kept = [cue for cue in kept if pseudo.isdisjoint(range(cue.start, cue.end))]
    return sorted(kept, key=lambda cue: (cue.start, cue.end))
