"""Two-stage distillation in the way of DWPose, for 2D and 3D.

Shapes: B persons (crops), K keypoints, W bins of an axis, C channels and
(h, w) cells of a feature level.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner.checkpoint import CheckpointLoader, _load_checkpoint_to_model
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from .. import zoo
from ..core.errors import RTMWError
from ..core.paths import root
from .loading import check_fit
from .rtmw3d import RTMW3DEstimator

# The released DWPose configs.
STAGES = {
    1: dict(feature_weight=7e-5, logit_weight=0.1, decay='epoch'),
    2: dict(feature_weight=0.0, logit_weight=1.0, decay='none'),
}
DISTILLATION_KEYS = (
    'teacher',
    'teacher_weights',
    'student',
    'stage',
    'feature_weight',
    'logit_weight',
    'decay',
    'labelled_z',
)
DECAYS = ('epoch', 'iter', 'none')

#: Tensors of each level or axis.
Features = tuple[Tensor, ...]
#: (B, K) bool of each axis, the points that count; None for all.
Masks = tuple[Tensor | None, ...]


class DistillationError(RTMWError, ValueError):
    """Teacher and student do not go together; the text names both."""


class Distillation:
    """Mix-in that gives an estimator a teacher. The estimator itself is the
    student: its checkpoints load as the student's, with no conversion.

    Stage 1 trains the student from the labels, the teacher's features and its
    logits. Stage 2 takes a trained student as its own teacher, freezes its
    backbone and neck and trains a new head from the old one's logits alone.
    Distilled are all feature levels that reach the head: of RTMW both, since
    each gives half of a keypoint's token (HEM), weighted alike for their
    number of values. Logits are distilled on every point, visible or not,
    along each axis that both heads have.

    The teacher is held outside the module tree, so that no optimizer, moving
    average, ``train()`` or checkpoint includes it.

    Source: DWPose (arXiv 2307.15880), sections 3.1 and 3.2; its released
    configs for the weights.

    Args:
        teacher: Name of a model, path of a config (from the working folder, or as
            in ``configs/...`` of this package) or a model's config. None: the
            student's own, for stage 2.
        teacher_weights: Path or address of a checkpoint, name of a model, or a
            folder: the last checkpoint of a training there. None: the weights of
            the model that ``teacher`` names. Loaded by ``init_weights``, so that
            only training needs them.
        student: As ``teacher``, instead of the other arguments of the estimator;
            what these give has precedence.
        stage: 1 or 2.
        feature_weight: Of the squared difference of the features, summed over C, h
            and w. None: 7e-5, in stage 2 0.
        logit_weight: Of the divergence of the logits, summed over W. None: 0.1, in
            stage 2 1.
        decay: Both weights fall linearly to 0 over the training, stepwise by
            'epoch' or 'iter', or stay: 'none'. None: 'epoch', in stage 2 'none'.
        labelled_z: Distil z only where the sample's z is labelled. By default
            wherever the teacher has it, as with x and y.
        kwargs: Of the estimator.

    Raises:
        DistillationError: Teacher and student differ in their keypoints, input or
            bins, the number of their levels or (stage 2) at all, or the teacher's
            weights are absent.
        CheckpointError: The weights are of another model than ``teacher``.
        UnknownModelError: No model or file has the name.
    """

    def __init__(
        self,
        teacher: str | dict | None = None,
        teacher_weights: str | None = None,
        student: str | dict | None = None,
        stage: int = 1,
        feature_weight: float | None = None,
        logit_weight: float | None = None,
        decay: str | None = None,
        labelled_z: bool = False,
        **kwargs: Any,
    ) -> None:
        if stage not in STAGES:
            raise DistillationError(f'stage={stage} is neither 1 nor 2')
        if student is not None:
            kwargs = {**self._own(read_model(student)), **kwargs}
        super().__init__(**kwargs)
        self.stage = stage
        given = dict(
            feature_weight=feature_weight, logit_weight=logit_weight, decay=decay
        )
        for name, default in STAGES[stage].items():
            value = given[name]
            setattr(self, name, default if value is None else value)
        if self.decay not in DECAYS:
            raise DistillationError(
                f'decay={self.decay!r} is none of {", ".join(DECAYS)}'
            )
        self.labelled_z = labelled_z
        if teacher is None and stage == 1:
            raise DistillationError(
                'stage 1 needs a teacher: the name of a model or the path of a config'
            )
        config = kwargs if teacher is None else read_model(teacher)
        # Its features and logits are all that is asked of it.
        config = {**_undistilled(config), 'type': TopdownPoseEstimator}
        self.teacher_weights = teacher_weights or teacher
        self._teacher = _Teacher(MODELS.build(config))
        self.align = nn.ModuleList()
        self._check()
        if stage == 2:
            for module in _trunk(self):
                module.requires_grad_(False)
                # Its weights come from the teacher.
                module.init_cfg = None

    @property
    def teacher(self) -> nn.Module:
        """Frozen, in eval mode."""
        return self._teacher.model

    def _own(self, config: dict) -> dict:
        """The estimator's arguments in a model's config."""
        if not issubclass(type(self), _class(config)):
            raise DistillationError(
                f'the student is a {_class(config).__name__}, which '
                f'{type(self).__name__} is not'
            )
        config = _undistilled(config)
        del config['type']
        return config

    def _check(self) -> None:
        """Compares the two networks and builds the alignment."""
        differences = [
            f'{name}: {mine} and {theirs}'
            for (name, mine), theirs in zip(
                _signature(self).items(), _signature(self.teacher).values()
            )
            if None not in (mine, theirs) and mine != theirs
        ]
        if self.stage == 2:
            mine, theirs = (
                {key: tuple(value.shape) for key, value in model.state_dict().items()}
                for model in (self, self.teacher)
            )
            if mine != theirs:
                differences.append('stage 2 needs the same model twice')
        mine, theirs = (_levels(model) for model in (self, self.teacher))
        if [level[1:] for level in mine] != [level[1:] for level in theirs]:
            differences.append(f'sizes of the feature levels: {mine} and {theirs}')
        if differences:
            raise DistillationError(
                'student and teacher do not go together; ' + '; '.join(differences)
            )
        if self.feature_weight and self.stage == 2:
            raise DistillationError(
                'stage 2 freezes what makes features: feature_weight must be 0'
            )
        if self.feature_weight:
            self.align.extend(
                nn.Identity() if a[0] == b[0] else Alignment(a[0], b[0], 1)
                for a, b in zip(mine, theirs)
            )

    def init_weights(self) -> None:
        super().init_weights()
        source = find_weights(self.teacher_weights)
        checkpoint = CheckpointLoader.load_checkpoint(source, 'cpu')
        check_fit(
            self.teacher,
            checkpoint.get('state_dict', checkpoint),
            f'{source} of the teacher',
        )
        _load_checkpoint_to_model(self.teacher, checkpoint)
        if self.stage == 2:
            for mine, theirs in zip(_trunk(self), _trunk(self.teacher)):
                mine.load_state_dict(theirs.state_dict())
            # From here on the old head reads the student's own features.
            self.teacher.backbone = self.teacher.neck = None
        self._teacher.ready = True

    def train(self, mode: bool = True) -> 'Distillation':
        super().train(mode)
        if self.stage == 2:
            # BN statistics stay those that the old head was trained with.
            for module in _trunk(self):
                module.eval()
        return self

    def _apply(self, *args: Any, **kwargs: Any) -> 'Distillation':
        self.teacher._apply(*args, **kwargs)
        return super()._apply(*args, **kwargs)

    def training_state(self) -> dict[str, Tensor]:
        """What training needs beside the student: {name: tensor}."""
        return dict(self.align.named_parameters())

    def load_training_state(self, state: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.align.named_parameters():
                parameter.copy_(state[name])

    def loss(
        self, inputs: Tensor, data_samples: list[PoseDataSample]
    ) -> dict[str, Tensor]:
        """
        Args:
            inputs: (B, 3, H, W), normalised.
            data_samples: With labels.

        Returns:
            In stage 1 all that the head gives, ``loss_logit`` and ``loss_fea``; in
            stage 2 ``loss_logit`` and what the head gives beside losses.
        """
        if not self._teacher.ready:
            raise DistillationError(
                'the teacher has no weights yet: call init_weights() before training'
            )
        features, expected, targets = self._features(inputs)
        logits = self.head(features)
        with _computed(self.head, logits):
            losses = self.head.loss(features, data_samples, train_cfg=self.train_cfg)
        if self.stage == 2:
            losses = {key: value for key, value in losses.items() if 'loss' not in key}
        factor = self.decay_factor()
        if self.align:
            losses['loss_fea'] = factor * self.feature_loss(features, expected)
        losses['loss_logit'] = factor * self.logit_loss(
            logits, targets, self._known(data_samples)
        )
        return losses

    def _features(self, inputs: Tensor) -> tuple[Features, Features, Features]:
        """(student's features, teacher's features, teacher's logits)."""
        if self.stage == 1:
            features = self.extract_feat(inputs)
        with torch.no_grad():
            if self.stage == 2:
                features = expected = self.extract_feat(inputs)
            else:
                expected = self.teacher.extract_feat(inputs)
            return features, expected, self.teacher.head(expected)

    def _known(self, data_samples: list[PoseDataSample]) -> Masks:
        """A (B, K) mask for each axis, None for all points."""
        if not self.labelled_z:
            return None, None, None
        labels = [sample.gt_instance_labels for sample in data_samples]
        return (
            None,
            None,
            torch.cat([label.keypoint_z_weights for label in labels]) > 0,
        )

    def decay_factor(self) -> float:
        """1 at the start of the training, then falling to 0; the progress is that
        of MMEngine's message hub."""
        if self.decay == 'none':
            return 1.0
        hub = MessageHub.get_current_instance()
        current = hub.get_info(self.decay, 0)
        return 1 - current / hub.get_info(f'max_{self.decay}s', 1)

    def feature_loss(self, features: Features, expected: Features) -> Tensor:
        """Squared difference, summed over a level's values, mean over B.

        A level with more values than the last one is scaled down to it.

        Args:
            features: Student's, (B, C, h, w) each.
            expected: Teacher's.

        Returns:
            ().
        """
        last = expected[-1][0].numel()
        return (
            self.feature_weight
            * last
            * sum(
                F.mse_loss(align(mine), theirs)
                for align, mine, theirs in zip(self.align, features, expected)
            )
        )

    def logit_loss(
        self, logits: Features, targets: Features, known: Masks = (None, None, None)
    ) -> Tensor:
        """Divergence KL(teacher || student), summed over the axes and their
        bins, mean over B and K.

        Args:
            logits: Student's, (B, K, W) an axis.
            targets: Teacher's; axes that only one of them has are left out.
            known: (B, K) bool an axis, the points that count.

        Returns:
            ().
        """
        beta = self.head.loss_module.beta
        total = 0
        for mine, theirs, mask in zip(logits, targets, known):
            divergence = F.kl_div(
                (mine * beta).log_softmax(2),
                (theirs * beta).log_softmax(2),
                reduction='none',
                log_target=True,
            ).sum(2)
            if mask is not None:
                divergence = divergence * mask
            total = total + divergence.mean()
        return self.logit_weight * total


class Alignment(nn.Conv2d):
    """Takes a student's level to its teacher's width. It is no part of the
    student and in no state dict; ``training_state`` keeps it."""

    def _save_to_state_dict(self, *_: Any) -> None:
        pass

    def _load_from_state_dict(self, *_: Any) -> None:
        pass


class _Teacher:
    """Holds a frozen model outside the module tree. It exists once: the copy that
    a moving average makes of the student shares it."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model.eval().requires_grad_(False)
        self.ready = False

    def __deepcopy__(self, _: dict) -> '_Teacher':
        return self


@contextlib.contextmanager
def _computed(head: nn.Module, logits: Features) -> Iterator[None]:
    """Inside, the head gives logits that it has computed before."""
    head.forward = lambda _: logits
    try:
        yield
    finally:
        del head.forward


def _trunk(model: nn.Module) -> list[nn.Module]:
    """What makes the features, which stage 2 does not train."""
    return [model.backbone, *([model.neck] if model.with_neck else [])]


def _class(config: dict) -> type:
    kind = config['type']
    return MODELS.get(kind) if isinstance(kind, str) else kind


def _signature(model: nn.Module) -> dict[str, Any]:
    """What has to be the same in a teacher and its student."""
    head, images = model.head, model.data_preprocessor
    axes = [getattr(head, f'cls_{axis}', None) for axis in 'xyz']
    both = [None if axis is None else axis.out_features for axis in axes]
    statistics = [getattr(images, name).flatten().tolist() for name in ('mean', 'std')]
    return {
        'keypoints': head.out_channels,
        'input size': tuple(head.decoder.input_size)[:2],
        'bins of x and y': both[:2],
        'mean, std and channel order of the input': [
            *statistics,
            images._channel_conversion,
        ],
        'bins of z': both[2],
    }


@torch.no_grad()
def _levels(model: nn.Module) -> list[list[int]]:
    """[C, h, w] of each level for a small input."""
    training = model.training
    inputs = torch.zeros(1, 3, 64, 64)
    levels = [list(level.shape[1:]) for level in model.eval().extract_feat(inputs)]
    model.train(training)
    return levels


def read_model(source: str | dict) -> dict:
    """The ``model`` of a config, from a path or the name of a model.

    Raises:
        UnknownModelError: It is neither.
    """
    if isinstance(source, dict):
        return source
    for path in (Path(source), root() / source):
        if path.is_file():
            return Config.fromfile(path).model
    return Config.fromfile(zoo.get(source).pytorch()[0]).model


def find_weights(source: str | dict | None) -> str:
    """Path or address of the weights that ``source`` means.

    Raises:
        DistillationError: There is no such checkpoint.
    """
    if not isinstance(source, str):
        raise DistillationError(
            'teacher_weights is needed: a path, an '
            'address, a folder or the name of a model'
        )
    try:
        path = zoo.resolve_checkpoint(source)
    except zoo.WeightsError as error:
        raise DistillationError(f'teacher_weights: {error}') from None
    if '://' not in path and (not Path(path).is_file() or path.endswith('.py')):
        raise DistillationError(
            f'teacher_weights: there is no checkpoint {path}; train the '
            'teacher first, or give model.teacher_weights=PATH'
        )
    return path


def _undistilled(config: dict) -> dict:
    """A model's config without the arguments of :class:`Distillation`."""
    return {key: value for key, value in config.items() if key not in DISTILLATION_KEYS}


@MODELS.register_module()
class DistilledEstimator(Distillation, TopdownPoseEstimator):
    """mmpose's top-down estimator as the student."""


@MODELS.register_module()
class DistilledRTMW3DEstimator(Distillation, RTMW3DEstimator):
    """RTMW3D as the student."""
