"""Any dataset's keypoints in the language of COCO-WholeBody, by name.

Shapes: N persons, S points of the source dataset, K points of the target
(133).
"""

import functools
import re
from collections import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mmpose
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import TRANSFORMS

from ..core.errors import RTMWError

TARGET = 'coco_wholebody'
# mmpose's SimCC codec draws no label for a point with a lower visibility.
LOWEST_WEIGHT = 0.5
NAMELESS = re.compile(r'kpt-\d+')
SIDES = dict(left='left', l='left', right='right', r='right')
# What the pipeline reads of a dataset's meta information.
META_KEYS = (
    'upper_body_ids',
    'lower_body_ids',
    'flip_pairs',
    'flip_indices',
    'dataset_keypoint_weights',
)


class MappingError(RTMWError, ValueError):
    """A keypoint mapping cannot be right; the text names the points."""


def definition_file(name: str) -> str:
    """Path of a definition that mmpose ships.

    Raises:
        MappingError: mmpose ships no such definition.
    """
    path = (
        Path(mmpose.__file__).parent
        / '.mim'
        / 'configs'
        / '_base_'
        / 'datasets'
        / f'{name}.py'
    )
    if not path.is_file():
        known = ', '.join(sorted(p.stem for p in path.parent.glob('*.py')))
        raise MappingError(
            f'unknown dataset definition "{name}": give one of '
            f'{known}, or a dict in that format'
        )
    return str(path)


@functools.lru_cache
def _from_mmpose(name):
    return parse_pose_metainfo(dict(from_file=definition_file(name)))


def definition(source: str | dict) -> dict:
    """A dataset's points: names, swaps, body halves.

    Args:
        source: Name of a definition that mmpose ships ('aic'), or a dict in the
            same format (``dataset_info`` of mmpose).

    Returns:
        As mmpose's ``parse_pose_metainfo``; shared, not to be changed.

    Raises:
        MappingError: mmpose ships no such definition.
    """
    if isinstance(source, str):
        return _from_mmpose(source)
    return parse_pose_metainfo(source)


@dataclass(frozen=True)
class Mapping:
    """A compiled mapping: target point ``target[i]`` is ``source[i]``.

    Attributes:
        source: (P,) indices into the S source points.
        target: (P,) indices into the K target points, ascending.
        weights: (K,) float32; 0 where no point is mapped.
        num_source: S.
        name: Of the source dataset.
    """

    source: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    num_source: int
    name: str

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(source, target), ascending by target."""
        return list(zip(self.source.tolist(), self.target.tolist()))

    def to_target(self, values: np.ndarray) -> np.ndarray:
        """Source values (N, S, ...) as target values (N, K, ...); 0 where no
        point is mapped."""
        out = np.zeros((len(values), len(self.weights), *values.shape[2:]), np.float32)
        out[:, self.target] = values[:, self.source]
        return out


def side_of(name: str) -> str | None:
    """'left', 'right' or None, from a name such as left_hip or L_Hip."""
    return SIDES.get(name.lower().split('_')[0])


def compile_mapping(
    source: str | dict,
    same_names: bool = False,
    points: abc.Mapping[str, str | tuple[str, ...] | None] = {},
    pairs: abc.Sequence[tuple[int, int]] = (),
    weights: abc.Mapping[str, float] = {},
) -> Mapping:
    """Turns a declaration by name into indices, or says why it is wrong.

    Args:
        source: As :func:`definition` takes it.
        same_names: Map every point whose name both sides share.
        points: {source name: target name}; several targets repeat the point,
            None leaves out one that ``same_names`` would map.
        pairs: (source index, target index), for points without a name of their
            own ("kpt-17").
        weights: {target name: weight in [0.5, 1]} for points that are only
            nearly the same; others have 1.

    Raises:
        MappingError: A name or index is unknown, two sources have one target,
            a named point is mapped by index, left and right are not treated
            alike, or a weight is out of range.
    """
    ours, theirs = definition(TARGET), definition(source)
    name = theirs['dataset_name']
    ids, names = ours['keypoint_name2id'], ours['keypoint_id2name']
    source_ids = theirs['keypoint_name2id']
    source_names = theirs['keypoint_id2name']

    def check(point, table, dataset):
        if point not in table:
            raise MappingError(
                f'mapping of {name}: {dataset} has no point {point!r}; it has '
                f'{", ".join(map(str, table))}'
            )

    chosen = []
    for point in points:
        check(point, source_ids, name)
    if same_names:
        chosen += [
            (point, point)
            for point in source_ids
            if point in ids and point not in points
        ]
    for point, targets in points.items():
        targets = (targets,) if isinstance(targets, str) else targets or ()
        chosen += [(point, target) for target in targets]
    for left, right in pairs:
        check(left, source_names, name)
        check(right, names, TARGET)
        if not NAMELESS.fullmatch(source_names[left]):
            raise MappingError(
                f'mapping of {name}: point {left} has the name '
                f'{source_names[left]!r}; map it by name'
            )
        chosen.append((source_names[left], names[right]))

    taken = {}
    for point, target in chosen:
        check(target, ids, TARGET)
        if target in taken:
            raise MappingError(
                f'mapping of {name}: {taken[target]!r} and {point!r} both map '
                f'to {target!r}'
            )
        if {side_of(point), side_of(target)} == {'left', 'right'}:
            raise MappingError(
                f'mapping of {name} breaks left/right symmetry: {point!r} -> {target!r}'
            )
        taken[target] = point
    if not taken:
        raise MappingError(
            f'mapping of {name} maps no point: give same_names=True, points or pairs'
        )

    for target, weight in weights.items():
        check(target, ids, TARGET)
        if target not in taken:
            raise MappingError(
                f'mapping of {name}: {target!r} has a weight '
                'but no point is mapped to it'
            )
        if not LOWEST_WEIGHT <= weight <= 1:
            raise MappingError(
                f'mapping of {name}: the weight {weight} of '
                f'{target!r} is not in [{LOWEST_WEIGHT}, 1]'
            )

    for target, point in taken.items():
        mirrored = names[ours['flip_indices'][ids[target]]]
        other = source_names[theirs['flip_indices'][source_ids[point]]]
        if taken.get(mirrored) != other:
            raise MappingError(
                f'mapping of {name} breaks left/right symmetry: {point!r} -> '
                f'{target!r}, so {other!r} must map to {mirrored!r}, not '
                f'{taken.get(mirrored)!r}'
            )
        if weights.get(mirrored, 1) != weights.get(target, 1):
            raise MappingError(
                f'mapping of {name} breaks left/right symmetry: '
                f'{target!r} and {mirrored!r} have different weights'
            )

    compiled = sorted(
        (ids[target], source_ids[point]) for target, point in taken.items()
    )
    dense = np.zeros(len(ids), np.float32)
    for target in taken:
        dense[ids[target]] = weights.get(target, 1)
    target, origin = map(np.array, zip(*compiled))
    return Mapping(origin, target, dense, len(source_ids), name)


@TRANSFORMS.register_module()
class WholeBodyKeypointMapping(BaseTransform):
    """Writes a sample in the 133 points of COCO-WholeBody.

    Maps ``keypoints`` (N, S, 2), ``keypoints_visible`` (N, S) and, where the
    sample has them, ``keypoints_3d`` (N, S, 3) and ``keypoints_3d_visible``
    (N, S). Points that the dataset lacks are 0 with visibility 0, so neither
    loss nor metric counts them; ``keypoints_visible`` is multiplied by the
    mapping's weights.

    Args:
        source: As :func:`definition` takes it.
        **declaration: Other arguments of :func:`compile_mapping`.

    Raises:
        MappingError: The declaration is wrong, or a sample has another number
            of points than the dataset.
    """

    def __init__(self, source: str | dict, **declaration: Any) -> None:
        self.mapping = compile_mapping(source, **declaration)
        target = definition(TARGET)
        self.meta = {key: target[key] for key in META_KEYS}

    def transform(self, results: dict) -> dict:
        mapping = self.mapping
        keypoints = results['keypoints']
        if keypoints.shape[1] != mapping.num_source:
            raise MappingError(
                f'sample {results.get("id")} of {results.get("img_path")} has '
                f'{keypoints.shape[1]} points, but {mapping.name} has '
                f'{mapping.num_source}'
            )
        results['keypoints'] = mapping.to_target(keypoints[..., :2])
        results['keypoints_visible'] = mapping.weights * mapping.to_target(
            results['keypoints_visible']
        )
        for key in ('keypoints_3d', 'keypoints_3d_visible'):
            if results.get(key) is not None:
                results[key] = mapping.to_target(results[key])
        results.update(self.meta)
        return results
