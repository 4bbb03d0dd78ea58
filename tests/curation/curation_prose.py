"""Three paragraphs, hard-wrapped, that the tests of cleaning put between what has to go."""

FIRST = """\
I was sent to Carrow Sound in the February of 1911, with a canvas
case of feeler gauges and a letter from the Harbour Commissioners,
to discover why a tidal mill that had ground barley without any
complaint for two hundred years should have lost its power."""
SECOND = """\
The miller led me down a ladder of nineteen rungs into the pit,
where the lantern showed a world already half returned to the sea.
He spoke of the knock as one speaks of a lodger. It had come, he
said, at Michaelmas, and it had not paid."""
THIRD = """\
A tidal mill is the most honest of engines, since it makes no
pretence of generating what it spends. The moon lifts the water,
a gate detains it, and for five hours in every twelve the detained
water is permitted to go home by way of a wheel."""


def flat(text: str) -> str:
    return " ".join(text.split())
