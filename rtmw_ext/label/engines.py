"""Who does the units of a run: this process, or Ray."""

import dataclasses
import functools
import os
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from typing import Any, cast

from ..core.errors import RTMWError, UsageError
from ..core.signals import handlers_kept
from ..runtime.video import side_by_side
from .inputs import Unit
from .work import Done, Facts, Job, Worker

#: In what actors return, the error that ended a unit; empty if none did.
FAILED = 'failed'
#: Told of images and people as they are done.
Step = Callable[[int, int], None]


class EngineError(RTMWError, ValueError):
    """Ray, or a worker of it, failed; the text says why."""


class LocalEngine:
    """This process: images side by side, as many as the networks have streams.

    Args:
        job: What to do.
    """

    def __init__(self, job: Job) -> None:
        self._worker = Worker(job)
        self.facts = self._worker.facts

    def run(self, units: list[Unit], step: Step) -> Generator[Done, None, None]:
        """Does units.

        Args:
            units: To do.
            step: Told of images and people as they are done.

        Yields:
            Each that is done.

        Raises:
            StorageError: As of :class:`Worker`.
        """
        # A video has one frame at a time.
        videos = [unit for unit in units if unit.kind == 'video']
        for unit in units:
            if unit.kind != 'video':
                yield self._worker(unit, step)
        streams = self._worker.estimator.pose.network.streams
        work = side_by_side(lambda unit: self._worker(unit, step), videos, streams)
        for _, done in work:
            yield done()

    def close(self) -> None:
        """Nothing is to be closed."""


class RayEngine:
    """Ray Data: actors that hold networks each; a unit goes to one that is free, and
    to another if that dies.

    Args:
        job: What to do.
        address: Of a cluster; None takes ``$RAY_ADDRESS``, or begins a local one.
        workers: Actors at most; None takes as many as the cluster has room for.
        cpus: Cores of an actor.
        gpus: GPUs of an actor; parts of one are shared.

    Raises:
        UsageError: Ray is not installed.
        EngineError: The cluster cannot be reached, or has no room for an actor.
    """

    def __init__(
        self,
        job: Job,
        address: str | None = None,
        workers: int | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
    ) -> None:
        if not find_spec('ray'):
            raise UsageError(
                "--engine ray needs Ray: pip install 'rtmw_ext[label]', or give "
                '--engine local'
            )
        import ray

        self._ray, self._job = ray, job
        self._needs: dict[str, Any] = dict(num_cpus=cpus, num_gpus=gpus)
        begun = ray.is_initialized()
        if not begun:
            address = address or os.environ.get('RAY_ADDRESS') or 'local'
            try:
                # Ray's would end the run without a word, with exit code 15.
                with handlers_kept():
                    ray.init(
                        address,
                        log_to_driver=False,
                        configure_logging=False,
                        include_dashboard=False if address == 'local' else None,
                    )
            except Exception as error:
                raise EngineError(
                    f'Ray at {address} cannot be reached ({error}): check --ray-address'
                ) from None
        self._begun = not begun
        has = ray.cluster_resources()
        room = int(has.get('CPU', 0) // cpus)
        if gpus:
            room = min(room, int(has.get('GPU', 0) / gpus))
        if not room:
            raise EngineError(
                f'a worker needs {cpus} cores and {gpus:g} GPUs, but the cluster has '
                f'{has.get("CPU", 0):g} and {has.get("GPU", 0):g}: give less'
            )
        self._most = min(workers or room, room)
        self.facts: Facts = self._call(
            lambda: ray.get(ray.remote(**self._needs, max_calls=1)(_facts).remote(job))
        )

    def _call(self, function: Callable[[], Any]) -> Any:
        """The result of a function that asks Ray; its errors are ours."""
        try:
            return function()
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, 'cause', None)
            if isinstance(cause, RTMWError):
                raise cause from None
            raise EngineError(f'a worker of Ray failed: {cause or error}') from None

    def run(self, units: list[Unit], step: Step) -> Iterator[Done]:
        """As :meth:`LocalEngine.run`; units are done in any order."""
        from ray import data

        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        if not units:
            return
        rows = [dataclasses.asdict(unit) for unit in units]
        size = min(self._most, len(rows))
        # A block is what is given to an actor, and done again if that dies.
        dataset = data.from_items(rows, override_num_blocks=len(rows)).map(
            cast(Any, _Actor),
            fn_constructor_args=[self._job, self.facts],
            # It goes on with those that are left of a cluster.
            compute=data.ActorPoolStrategy(
                min_size=1, max_size=size, initial_size=size
            ),
            **self._needs,
        )
        results = iter(dataset.iter_rows())
        while row := self._call(lambda: next(results, None)):
            if failed := row.pop(FAILED):
                raise EngineError(f'a worker of Ray failed: {failed}')
            done = Done(**row)
            step(done.images, done.people)
            yield done

    def close(self) -> None:
        """Ends a local Ray."""
        if self._begun:
            self._ray.shutdown()


def _facts(job: Job) -> Facts:
    return Worker(job).facts


class _Actor:
    """A worker that Ray gives rows. Its errors are in what it returns: Ray would keep
    their texts alone, with its own around them."""

    def __init__(self, job: Job, facts: Facts) -> None:
        self._begin = functools.cache(lambda: Worker(job, facts))

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        row = dict(row, sources=tuple(row['sources']), groups=tuple(row['groups']))
        unit = Unit(**row)
        try:
            return {**dataclasses.asdict(self._begin()(unit)), FAILED: ''}
        except RTMWError as error:
            done = Done(unit.number, 0, 0, 0)
            return {**dataclasses.asdict(done), FAILED: str(error)}
