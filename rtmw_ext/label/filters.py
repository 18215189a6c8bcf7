"""Which people count for a data set."""

from dataclasses import dataclass, fields

import numpy as np

from ..core.errors import UsageError
from ..core.people import MIN_SCORE, People
from ..core.skeleton import PARTS

HELP = {
    'box': 'least shorter side of the box in pixels',
    'score': 'least mean score of the 17 points of the body, 0 to 1',
    'body': f'least number of them that score {MIN_SCORE}, 0 to 17',
}


@dataclass(frozen=True)
class Filter:
    """Keeps people who are large and sure enough; ``HELP`` says of the attributes
    what they are."""

    box: float = 0.0
    score: float = 0.0
    body: float = 0.0

    def __call__(self, people: People) -> People:
        body = people.scores[:, PARTS['body']]
        sides = (people.boxes[:, 2:] - people.boxes[:, :2]).min(1, initial=np.inf)
        return people[
            (sides >= self.box)
            & (body.mean(1) >= self.score)
            & ((body >= MIN_SCORE).sum(1) >= self.body)
        ]


def parse_filter(texts: list[str]) -> Filter:
    """A filter of ``NAME=NUMBER``.

    Raises:
        UsageError: There is no such name, or it is no such number.
    """
    most = dict(box=float('inf'), score=1.0, body=float(len(PARTS['body'])))
    values = {}
    for text in texts:
        name, _, number = text.partition('=')
        try:
            values[name] = float(number)
            good = 0 <= values[name] <= most[name]
        except (KeyError, ValueError):
            good = False
        if not good:
            known = '; '.join(
                f'{field.name}=N, {HELP[field.name]}' for field in fields(Filter)
            )
            raise UsageError(f'--filter {text} is none of these: {known}')
    return Filter(**values)
