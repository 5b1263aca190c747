"""Which cues modify which mentions: ConText's scopes, in one pass forward and one backward over each sentence.

Harkema et al. (2009), ConText: an algorithm for determining negation, experiencer, and temporal status from clinical
reports, https://doi.org/10.1016/j.jbi.2009.05.002.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .matching import Cue

JOINS = {"and", "or", "nor", "/", "&", "and/or"}
# A list that ends with one of these shares a cue before it over its commas; "prior MI, CHF and COPD" may not.
ALTERNATIVES = {"or", "nor"}
COMMA = ","
# A cue of a list does not reach over these.
BREAKS = {
    *";:()[]-\u2013\u2014",
    *("with", "without", "no", "not", "denies", "who", "which", "whose", "presents", "presented", "presenting", "now"),
    *("due", "secondary", "because", "but", "while", "whereas"),
}
SEPARATORS = JOINS | BREAKS | {COMMA}
# How many separators a pair of brackets has in it at most, for a cue behind them to reach over it.
NEAR = 6


class Target(NamedTuple):
    """A mention.

    start, end (int): its tokens, white space not counted.
    label (str): its label.
    number (int): its place among all mentions.
    """

    start: int
    end: int
    label: str
    number: int


class Sentence(NamedTuple):
    """A sentence or list item with what is in it.

    start, end (int): its tokens, white space not counted.
    cues (list[Cue]): its cues in order.
    targets (list[Target]): its mentions in order.
    separators (list[tuple[int, str]]): place and word of what separates items, in order.
    leads (bool): whether it ends with a colon, so that its cues hold for the list that follows.
    continues (bool): whether it is an item of such a list, or follows on the same line.
    """

    start: int
    end: int
    cues: list[Cue]
    targets: list[Target]
    separators: list[tuple[int, str]]
    leads: bool
    continues: bool


class Active(NamedTuple):
    """A cue whose scope is open.

    cue (Cue): the cue.
    limit (int): the token where its scope ends: the first after it, or, backward, its first.
    """

    cue: Cue
    limit: int


def find_edges(sentences: Iterable[Sentence], terminating_types: Mapping[str, frozenset[str]]) -> dict[int, list[Cue]]:
    """Find the cues that modify each mention.

    A cue's scope ends at the sentence's end, at a termination, at the next cue of its category in the same direction,
    and where its rule says. So a mention has at most two cues of each category and type, and the time is linear.

    sentences (Iterable[Sentence]): the sentences of a document in order.
    terminating_types (Mapping[str, frozenset[str]]): by category, those whose cues end its scope.
    RETURNS (dict[int, list[Cue]]): the cues by the mention's number.
    """
    targets: dict[Cue, list[Target]] = defaultdict(list)
    carried: dict[tuple, Active] = {}
    for sentence in sentences:
        carried = carried if sentence.continues else {}
        if sentence.cues or carried:
            still_open = sweep_forward(sentence, carried, terminating_types, targets)
            sweep_backward(sentence, terminating_types, targets)
            carried = still_open if sentence.leads else carried
    edges = defaultdict(list)
    for cue, found in targets.items():
        for target in nearest(cue, found):
            edges[target.number].append(cue)
    return edges


def nearest(cue: Cue, targets: list[Target]) -> list[Target]:
    """Return the mentions that a cue modifies, if its rule has a maximum the nearest ones."""
    if cue.rule.max_targets is None:
        return targets
    return sorted(targets, key=lambda target: distance(cue, target))[: cue.rule.max_targets]


def distance(cue: Cue, target: Target) -> int:
    """Return the number of tokens between a cue and a mention."""
    return max(target.start - cue.end, cue.start - target.end)


def sweep_forward(
    sentence: Sentence,
    carried: Mapping[tuple, Active],
    terminating_types: Mapping[str, frozenset[str]],
    found: dict[Cue, list[Target]],
) -> dict[tuple, Active]:
    """Add the mentions after the cues of a sentence.

    sentence (Sentence): the sentence.
    carried (Mapping[tuple, Active]): cues of a sentence before that are still open.
    terminating_types (Mapping[str, frozenset[str]]): see `find_edges`.
    found (dict[Cue, list[Target]]): the mentions of each cue, to which it adds.
    RETURNS (dict[tuple, Active]): the cues that are still open at the end.
    """
    active = dict(carried)
    limits = forward_limits(sentence.separators, sentence.end)
    for item in in_order(sentence):
        if isinstance(item, Target):
            for cue, limit in active.values():
                if item.start > cue.start and item.start < limit and reaches(cue, item):
                    found[cue].append(item)
            continue
        close(active, item, terminating_types)
        if item.rule.direction in ("FORWARD", "BIDIRECTIONAL"):
            active[slot(item)] = Active(item, forward_limit(item, sentence, limits))
    return {key: Active(one.cue, 1 << 62) for key, one in active.items() if one.limit >= sentence.end - 1}


def sweep_backward(
    sentence: Sentence, terminating_types: Mapping[str, frozenset[str]], found: dict[Cue, list[Target]]
) -> None:
    """Add the mentions before the cues of a sentence; see `sweep_forward`."""
    active: dict[tuple, Active] = {}
    limits = backward_limits(sentence.separators, sentence.start)
    for item in reversed([*in_order(sentence, by_end=True)]):
        if isinstance(item, Target):
            for cue, limit in active.values():
                if item.end < cue.end and item.end > limit and reaches(cue, item):
                    found[cue].append(item)
            continue
        close(active, item, terminating_types)
        if item.rule.direction in ("BACKWARD", "BIDIRECTIONAL"):
            active[slot(item)] = Active(item, backward_limit(item, sentence, limits))


def in_order(sentence: Sentence, *, by_end: bool = False) -> Iterator[Cue | Target]:
    """Yield cues and mentions by their start, or by their end. Of two at one place the mention is the later.

    by_end (bool): for the pass backward, which reads them from the last.
    """
    both: list[Cue | Target] = [*sentence.cues, *sentence.targets]
    place = 1 if by_end else 0
    return iter(sorted(both, key=lambda item: (item[place], isinstance(item, Target) is not by_end)))


def slot(cue: Cue) -> tuple:
    """Return what a cue shares with those that end its scope: category, types, and how far it reaches."""
    rule = cue.rule
    return rule.category, rule.allowed_types, rule.excluded_types, rule.scope


def close(active: dict[tuple, Active], cue: Cue, terminating_types: Mapping[str, frozenset[str]]) -> None:
    """Remove the cues whose scope ends at a cue."""
    rule = cue.rule
    for key, one in [*active.items()]:
        category = one.cue.rule.category
        if one.cue.start < cue.end and cue.start < one.cue.end:
            continue
        if rule.direction == "TERMINATE":
            ends = rule.terminates is None or category in rule.terminates
        else:
            ends = rule.category in one.cue.rule.terminated_by or rule.category in terminating_types.get(category, ())
        if ends:
            del active[key]


def reaches(cue: Cue, target: Target) -> bool:
    """Return whether a mention in the direction of a cue is near enough and has a label that it can modify."""
    rule = cue.rule
    return (rule.max_scope is None or distance(cue, target) < rule.max_scope) and rule.allows(target.label)


def forward_limits(separators: Sequence[tuple[int, str]], end: int) -> list[int]:
    """Return where a list ends that is read forward from each separator, and as the last the sentence's end.

    separators (Sequence[tuple[int, str]]): place and word.
    end (int): the sentence's end.
    RETURNS (list[int]): for each, the place of the first separator that ends the list.
    """
    limits, last_join = [end], ""
    for place, word in reversed(separators):
        passes = word in JOINS or (word == COMMA and last_join in ALTERNATIVES)
        limits.append(limits[-1] if passes else place)
        if word != COMMA:
            last_join = word
    return limits[::-1]


def backward_limits(separators: Sequence[tuple[int, str]], start: int) -> list[tuple[int, int]]:
    """Return where a list starts that is read backward from each separator, and as the first the sentence's start.

    Commas are passed after an "and" or an "or": in "fever, chills and cough resolved" all three have, in "COPD, cough
    resolved" one.

    separators (Sequence[tuple[int, str]]): place and word.
    start (int): the sentence's start.
    RETURNS (list[tuple[int, int]]): for each, the list's first token without and with a join on the way.
    """
    limits = [(start, start)]
    for place, word in separators:
        joined = limits[-1][1]
        if word in JOINS:
            limits.append((joined, joined))
        elif word == COMMA:
            limits.append((place + 1, joined))
        else:
            limits.append((place + 1, place + 1))
    return limits


def forward_limit(cue: Cue, sentence: Sentence, limits: Sequence[int]) -> int:
    """Return the first token after a cue's scope."""
    if cue.rule.scope == "sentence":
        return sentence.end
    number = bisect_left(sentence.separators, (cue.end, ""))
    if cue.rule.scope == "list":
        return limits[number]
    return sentence.separators[number][0] if number < len(sentence.separators) else sentence.end


def backward_limit(cue: Cue, sentence: Sentence, limits: Sequence[tuple[int, int]]) -> int:
    """Return the first token of a cue's scope before it.

    A separator right before the cue does not end it, nor do brackets: "aspirin (Ecotrin, 81 mg) was stopped".
    """
    if cue.rule.scope == "sentence":
        return sentence.start
    number = bisect_left(sentence.separators, (cue.start, ""))
    if number and sentence.separators[number - 1][0] == cue.start - 1:
        number = before_bracket(sentence.separators, number - 1)
    if cue.rule.scope == "list":
        return limits[number][0]
    return sentence.separators[number - 1][0] + 1 if number else sentence.start


def before_bracket(separators: Sequence[tuple[int, str]], number: int) -> int:
    """Return the number of the bracket that a separator closes, or the separator's own if it closes none near it."""
    if separators[number][1] != ")":
        return number
    first = max(number - NEAR, 0)
    opening = (each for each in range(number - 1, first - 1, -1) if separators[each][1] == "(")
    return next(opening, number)
