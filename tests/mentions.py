"""Random flat mentions for property tests."""

from hypothesis import strategies as st

from scripts.records.mentions import Mention

LENGTH = 40


@st.composite
def drawn_mentions(draw: st.DrawFn) -> list[Mention]:
    """Draw mentions of two labels in a text of `LENGTH` characters, none overlapping another."""
    ends = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=10)))
    pairs = zip(ends[::2], ends[1::2], strict=False)
    return [Mention(start, end, draw(st.sampled_from(["Chemical", "Disease"]))) for start, end in pairs]
