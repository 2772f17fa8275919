"""What happens to files on disks, in networks and at people's hands."""

from hypothesis import strategies as st

KINDS = ("a flipped bit", "a truncation", "zeros", "something behind")


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """A file's content after one of these."""
    place = data.draw(st.integers(0, len(content) - 1), "place")
    kind = data.draw(st.sampled_from(KINDS), "damage")
    if kind == "a flipped bit":
        return (
            content[:place] + bytes([content[place] ^ 1 << data.draw(st.integers(0, 7), "bit")]) + content[place + 1 :]
        )
    if kind == "zeros":
        return content[:place] + bytes(min(64, len(content) - place)) + content[place + 64 :]
    return content[:place] if kind == "a truncation" else content + b"x" * (1 + place % 7)
