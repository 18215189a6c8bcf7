"""Distillation: DWPose's arithmetic, by hand and by mmpose's own distiller;
what is trained, what is saved."""

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmpose.models.distillers import DWPoseDistiller
from mmpose.registry import MODELS
from torch.nn import functional as F

from rtmw_ext.models.distiller import DistillationError, find_weights
from rtmw_ext.models.loading import CheckpointError
from support.models import random_batch, tiny
from support.paths import mmpose_configs

K = 133
RTMPOSE = mmpose_configs() / 'ubody'


@pytest.fixture
def teacher(tmp_path):
    """(config, checkpoint) of a wider RTMW."""
    return saved(tiny(0.25), tmp_path)


def saved(config, folder):
    model = MODELS.build(config)
    model.init_weights()
    shake(model)
    path = folder / 'teacher.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return config, str(path)


def shake(model):
    """Weights with which features and logits differ from model to model."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(
                    torch.randn_like(parameter) * (1.5 / parameter[0].numel()) ** 0.5
                )


def distiller(student, teacher, weights, **settings):
    config = dict(
        student,
        type='DistilledRTMW3DEstimator'
        if student['type'] == 'RTMW3DEstimator'
        else 'DistilledEstimator',
        teacher=teacher,
        teacher_weights=weights,
        **settings,
    )
    model = MODELS.build(config)
    model.init_weights()
    return model


def at(epoch, epochs):
    hub = MessageHub.get_current_instance()
    hub.update_info_dict(
        dict(epoch=epoch, max_epochs=epochs, iter=7 * epoch, max_iters=7 * epochs)
    )


@pytest.fixture(autouse=True)
def _clock():
    at(0, 10)
    yield
    at(0, 10)


def test_stage_1_by_hand(teacher):
    """Both terms from their formulas, on the networks' own outputs."""
    model = distiller(tiny(), *teacher).eval()
    shake(model)
    images, samples = random_batch()
    at(3, 10)
    losses = model.loss(images, samples)
    features = model.extract_feat(images)
    expected = model.teacher.extract_feat(images)
    logits, targets = model.head(features), model.teacher.head(expected)

    total = 0.0
    for mine, theirs in zip(logits, targets):
        p = theirs.softmax(2)
        q = mine.softmax(2)
        total += (p * (p / q).log()).sum() / (3 * K)
    assert losses['loss_logit'].item() == pytest.approx(
        0.7 * 0.1 * total.item(), rel=1e-4
    )

    total = 0.0
    fine, coarse = zip(model.align, features, expected)
    for (align, mine, theirs), share in ((fine, 0.5), (coarse, 1.0)):
        mine = F.conv2d(mine, align.weight, align.bias)
        total += share * (mine - theirs).square().sum() / 3
    assert losses['loss_fea'].item() == pytest.approx(
        0.7 * 7e-5 * total.item(), rel=1e-4
    )

    alone = model.head.loss(features, samples)
    assert torch.equal(losses['loss_kpt'], alone['loss_kpt'])


@pytest.mark.parametrize(
    'decay, factors',
    [
        ('epoch', [1.0, 0.9, 0.5, 0.1]),
        ('iter', [1.0, 0.9, 0.5, 0.1]),
        ('none', [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_decay(teacher, decay, factors):
    model = distiller(tiny(), *teacher, decay=decay).eval()
    images, samples = random_batch(2)
    values = []
    for epoch in (0, 1, 5, 9):
        at(epoch, 10)
        losses = model.loss(images, samples)
        values.append((losses['loss_fea'].item(), losses['loss_logit'].item()))
    for value, factor in zip(values, factors):
        assert value == pytest.approx([factor * first for first in values[0]], rel=1e-5)


def step(model, images, samples):
    """One training step as MMEngine does it; the parameters it had."""
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = model.loss(images, samples)
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    optimizer.step()
    return before


def test_the_teacher_is_neither_trained_nor_saved(teacher):
    model = distiller(tiny(), *teacher).train()
    before = copy.deepcopy(model.teacher.state_dict())
    step(model, *random_batch())
    after = model.teacher.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(p.grad is None for p in model.teacher.parameters())
    assert not model.teacher.training and not model.teacher.head.training

    plain = MODELS.build(tiny())
    assert list(model.state_dict()) == list(plain.state_dict())
    assert not any(plain.load_state_dict(model.state_dict(), strict=True))
    assert not any(model.load_state_dict(plain.state_dict(), strict=True))
    # The copy of a moving average does not copy the teacher.
    assert copy.deepcopy(model).teacher is model.teacher
    # It follows the student to another device or type.
    model.double()
    assert model.teacher.head.cls_x.weight.dtype == torch.float64


def test_stage_1_trains_all_of_the_student_and_the_alignment(teacher):
    model = distiller(tiny(), *teacher).train()
    shake(model)
    step(model, *random_batch())
    names = dict(model.named_parameters())
    assert {'align.0.weight', 'align.1.bias'} <= set(names)
    for name, parameter in names.items():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_stage_2_changes_the_head_only(tmp_path):
    config = tiny()
    _, weights = saved(config, tmp_path)
    model = distiller(config, None, weights, stage=2).train()
    first = torch.load(weights)['state_dict']
    start = model.state_dict()
    for key, value in first.items():
        same = torch.equal(value, start[key])
        if not key.startswith('head.'):
            assert same, f'{key} is not that of the trained student'
        elif key.endswith('cls_x.weight'):
            assert not same, 'the head is not new'
    before = step(model, *random_batch())
    after = model.state_dict()
    for name, parameter in model.named_parameters():
        if name.startswith('head.'):
            assert parameter.grad.abs().sum() > 0, name
            assert not torch.equal(before[_released(model, name)], parameter), name
        else:
            assert parameter.grad is None, name
    for key in before:
        if not key.startswith('head.'):
            assert torch.equal(before[key], after[key]), key


def _released(model, name):
    for old, new in model.head.released_names.items():
        name = name.replace(f'head.{new}', f'head.{old}')
    return name


def test_stage_2_by_hand(tmp_path):
    config = tiny()
    _, weights = saved(config, tmp_path)
    old = MODELS.build(config).eval()
    old.load_state_dict(torch.load(weights)['state_dict'])
    model = distiller(config, None, weights, stage=2).eval()
    images, samples = random_batch()
    at(5, 10)
    losses = model.loss(images, samples)
    total = 0.0
    features = old.extract_feat(images)
    for mine, theirs in zip(model.head(features), old.head(features)):
        p = theirs.softmax(2)
        total += (p * (p / mine.softmax(2)).log()).sum() / (3 * K)
    assert losses['loss_logit'].item() == pytest.approx(total.item(), rel=1e-4)
    assert {key for key in losses if 'loss' in key} == {'loss_logit'}


def test_3d_distils_z(tmp_path):
    """All of x, y and z; on request z only where it is labelled; from a 2D
    teacher x and y alone."""
    student = tiny(three_d=True)
    teacher = saved(tiny(0.25, three_d=True), tmp_path)
    images, samples = random_batch(three_d=True)
    model = distiller(student, *teacher).eval()
    shake(model)
    logits = model.head(model.extract_feat(images))
    targets = model.teacher.head(model.teacher.extract_feat(images))
    points = [
        F.kl_div(
            (mine * 10).log_softmax(2), (theirs * 10).softmax(2), reduction='none'
        ).sum(2)
        for mine, theirs in zip(logits, targets)
    ]
    losses = model.loss(images, samples)
    assert losses['loss_logit'].item() == pytest.approx(
        0.1 * sum(axis.mean().item() for axis in points), rel=1e-4
    )
    model.labelled_z = True
    labelled = (
        torch.cat([sample.gt_instance_labels.keypoint_z_weights for sample in samples])
        > 0
    )
    assert not labelled[-1].any() and labelled.any()
    points[2] = points[2] * labelled
    assert model.loss(images, samples)['loss_logit'].item() == pytest.approx(
        0.1 * sum(axis.mean().item() for axis in points), rel=1e-4
    )

    teacher = saved(tiny(0.25, **{'head.loss.beta': 10.0}), tmp_path)
    flat = distiller(student, *teacher)
    gradient = torch.autograd.grad(
        flat.loss(images, samples)['loss_logit'],
        flat.head.cls_z.weight,
        allow_unused=True,
    )[0]
    assert gradient is None


def small_rtmpose(widen):
    """mmpose's own RTMPose config, at a small size."""
    config = Config(
        Config.fromfile(
            RTMPOSE / 'rtmpose-m_8xb64-270e_coco-ubody-wholebody-256x192.py'
        ).model.to_dict()
    )
    config.merge_from_dict(
        {
            'backbone.widen_factor': widen,
            'backbone.deepen_factor': 0.167,
            'backbone.init_cfg': None,
            'backbone.norm_cfg': dict(type='BN'),
            'head.in_channels': int(1024 * widen),
            'head.gau_cfg.hidden_dims': 32,
        }
    )
    return config


@pytest.mark.parametrize('stage, teacher_width', [(1, 0.25), (1, 0.125), (2, 0.125)])
def test_same_as_mmpose(tmp_path, stage, teacher_width):
    """mmpose's DWPoseDistiller on RTMPose and ours, same weights."""
    student, teacher = small_rtmpose(0.125), small_rtmpose(teacher_width)
    for name, model in (('student', student), ('teacher', teacher)):
        Config(dict(model=model.to_dict())).dump(tmp_path / f'{name}.py')
    _, weights = saved(teacher.to_dict(), tmp_path)
    widths = dict(student_channels=128, teacher_channels=int(1024 * teacher_width))
    terms = [
        dict(
            type='KDLoss',
            name='loss_logit',
            use_this=True,
            weight=0.1 if stage == 1 else 1.0,
        )
    ]
    if stage == 1:
        terms.append(
            dict(
                type='FeaLoss', name='loss_fea', use_this=True, alpha_fea=7e-5, **widths
            )
        )
    theirs = DWPoseDistiller(
        teacher_cfg=str(tmp_path / 'teacher.py'),
        student_cfg=str(tmp_path / 'student.py'),
        two_dis=stage == 2,
        distill_cfg=[Config(dict(methods=[term])) for term in terms],
        teacher_pretrained=weights,
    )
    theirs.init_weights()
    ours = distiller(
        student.to_dict(), str(tmp_path / 'teacher.py'), weights, stage=stage
    )
    shake(ours.head)
    if stage == 1:
        shake(ours.backbone)
        theirs.student.backbone.load_state_dict(ours.backbone.state_dict())
    theirs.student.head.load_state_dict(ours.head.state_dict())
    if teacher_width != 0.125:
        theirs.distill_losses['loss_fea'].align.load_state_dict(
            {key: value for key, value in ours.align[0].named_parameters()}
        )
    images, samples = random_batch(2, bins=(384, 512))
    at(2, 10)
    # The student as in training, the teacher as distillers hold it.
    ours.train(), theirs.student.train()
    mine, expected = (model.loss(images, samples) for model in (ours, theirs))
    names = {'loss_kpt', 'loss_fea', 'loss_logit'} if stage == 1 else {'loss_logit'}
    for values in (mine, expected):
        assert {key for key in values if 'loss' in key} == names
    for name in names:
        assert mine[name].item() > 0
        assert mine[name].item() == pytest.approx(
            expected[name].item(), rel=1e-6, abs=1e-6
        ), name
    ours_sum, theirs_sum = (
        sum(values[name] for name in names) for values in (mine, expected)
    )
    key = 'head.cls_x.weight'
    gradient, reference = (
        torch.autograd.grad(total, dict(model.named_parameters())[key])[0]
        for total, model in ((ours_sum, ours), (theirs_sum, theirs.student))
    )
    assert torch.allclose(gradient, reference, rtol=1e-4, atol=1e-7)


def test_names_paths_and_folders(tmp_path, teacher):
    config, weights = teacher
    folder = tmp_path / 'work'
    folder.mkdir()
    with pytest.raises(DistillationError, match='no last_checkpoint'):
        find_weights(str(folder))
    (folder / 'epoch_3.pth').write_bytes(Path(weights).read_bytes())
    (folder / 'last_checkpoint').write_text('/moved/from/epoch_3.pth')
    assert find_weights(str(folder)) == str(folder / 'epoch_3.pth')
    assert find_weights('rtmw-x-256x192').endswith('.pth')
    with pytest.raises(DistillationError, match='train the teacher first'):
        find_weights('nowhere.pth')
    # The student by its config file, the teacher by a path of the package.
    Config(dict(model=tiny())).dump(tmp_path / 'student.py')
    model = MODELS.build(
        dict(
            type='DistilledEstimator',
            student=str(tmp_path / 'student.py'),
            teacher=config,
            teacher_weights=weights,
        )
    )
    assert model.head.cls_x.out_features == 128
    with pytest.raises(ValueError, match='unknown model "rtmw-z"'):
        MODELS.build(dict(tiny(), type='DistilledEstimator', teacher='rtmw-z'))
    with pytest.raises(DistillationError, match='needs a teacher'):
        MODELS.build(dict(tiny(), type='DistilledEstimator'))


@pytest.mark.parametrize(
    'changes, text',
    [
        ({'head.out_channels': 17}, 'keypoints: 133 and 17'),
        ({'head.decoder.simcc_split_ratio': 1.0}, 'bins of x and y'),
        ({'head.decoder.input_size': (96, 96)}, 'input size'),
        ({'data_preprocessor.bgr_to_rgb': False}, 'channel order'),
    ],
)
def test_a_teacher_that_does_not_fit_is_named(changes, text):
    config = tiny()
    with pytest.raises(DistillationError, match=text):
        MODELS.build(dict(config, type='DistilledEstimator', teacher=tiny(**changes)))


def test_wrong_weights_and_stages_are_named(tmp_path, teacher):
    _, weights = teacher
    with pytest.raises(CheckpointError, match='of the teacher'):
        distiller(tiny(), tiny(), weights)
    with pytest.raises(DistillationError, match='same model twice'):
        distiller(tiny(), teacher[0], weights, stage=2)
    with pytest.raises(DistillationError, match='must be 0'):
        distiller(tiny(), None, weights, stage=2, feature_weight=1.0)
    with pytest.raises(DistillationError, match='RTMW3DEstimator, which'):
        MODELS.build(
            dict(
                type='DistilledEstimator',
                student=tiny(three_d=True),
                teacher=teacher[0],
            )
        )
    model = MODELS.build(
        dict(
            tiny(),
            type='DistilledEstimator',
            teacher=teacher[0],
            teacher_weights=weights,
        )
    )
    with pytest.raises(DistillationError, match='init_weights'):
        model.loss(*random_batch())
