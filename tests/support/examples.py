"""How many examples Hypothesis tries: ``RTMW_TEST_EXAMPLES=20`` times as many
as by default, drawn anew each run; without it, the same ones every run."""

import os

from hypothesis import settings

FACTOR = int(os.environ.get('RTMW_TEST_EXAMPLES', 1))


def examples(count: int) -> settings:
    """Decorates a property whose examples take long: ``count`` by default."""
    return settings(max_examples=count * FACTOR)


def load_profile() -> None:
    settings.register_profile(
        'rtmw', max_examples=100 * FACTOR, derandomize=FACTOR == 1, deadline=None
    )
    settings.load_profile('rtmw')
