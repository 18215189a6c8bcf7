"""All 17 datasets, from their owners' files to the 133 points and batches."""

import json
import pickle
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from rtmw_ext.datasets import KeypointDataset, catalog, sample_cache
from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.datasets.converters import DOWNLOADS
from rtmw_ext.datasets.mix import dataset_configs
from support.models import build
from support.paths import CONFIGS
from support.tiny_datasets import HEIGHT, MAKERS, WIDTH, depth, points, source_points


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """data/ with all datasets, converted."""
    init_default_scope('mmpose')
    root = tmp_path_factory.mktemp('data')
    for name, make in MAKERS.items():
        if name != 'ubody':  # made with ubody3d
            make(root)
    for name, download in DOWNLOADS.items():
        assert download.missing(root) == [], name
        if download.convert:
            counts = download.convert(root / download.root)
            assert all(counts.values()), name
    return root


def at(root, config):
    """The config with its files below ``root`` instead of data/."""
    config = Config(config).to_dict()
    config['data_root'] = config['data_root'].replace('data/', f'{root}/', 1)
    return config


def datasets(name, root):
    for config in catalog.training_sets(catalog.config_file(name)):
        config = at(root, config)
        config.pop('share', None)
        yield DATASETS.build(config), catalog.mapping_of(config)


@pytest.mark.parametrize('name', catalog.cocktail())
def test_owner_format_to_133_points(name, data):
    for dataset, mapping in datasets(name, data):
        sample = dataset[0]
        assert sample['keypoints'].shape == (1, 133, 2)
        expected = np.zeros((133, 2))
        weights = np.ones(133)
        if mapping is None:
            expected = source_points(None)
        else:
            expected[mapping.target] = source_points(mapping)[mapping.source]
            weights = mapping.weights
        assert np.allclose(sample['keypoints'][0], expected, atol=2e-3)
        assert np.allclose(sample['keypoints_visible'][0], weights)
        # Every labelled point is in the image that the sample names.
        image = cv2.imread(sample['img_path'])
        assert image.shape[:2] == (HEIGHT, WIDTH)
        assert (expected <= (WIDTH, HEIGHT)).all()


@pytest.mark.parametrize('name', ['h3wb', 'ubody3d', 'dna_rendering'])
def test_3d_is_metres_in_the_camera(name, data):
    (dataset, mapping), *_ = datasets(name, data)
    sample = dataset[0]
    known = sample['keypoints_3d_visible'][0] > 0
    z = sample['keypoints_3d'][0, :, 2]
    truth = np.zeros(133)
    source = depth(len(source_points(mapping)))
    if name == 'ubody3d':
        # z counts from the part's root, whose own counts from the pelvis.
        source = source - 3
        for part, root in (
            (slice(25, 45), 12),
            (slice(45, 65), 13),
            (slice(65, 137), 7),
        ):
            source[part] += source[root]
    if mapping is None:
        truth = source
    else:
        truth[mapping.target] = source[mapping.source]
    assert known.all()
    assert np.allclose(
        (z - z[11:13].mean())[known], (truth - truth[11:13].mean())[known], atol=1e-4
    )
    assert np.isfinite(sample['keypoints_3d']).all()
    assert not sample['keypoints_3d'][0, ~known].any()
    if name != 'ubody3d':
        # x, y and z are one point in the camera.
        pixels = sample['keypoints_3d'][0] @ sample['camera_param']['K'].T
        assert np.allclose(
            pixels[:, :2] / pixels[:, 2:], sample['keypoints'][0], atol=1e-2
        )


@pytest.mark.parametrize('name', ['coco-wholebody', 'aic', 'wflw'])
def test_2d_datasets_carry_no_3d(name, data):
    (dataset, _), *_ = datasets(name, data)
    assert not {'keypoints_3d', 'keypoints_3d_visible'} & dataset[0].keys()


def mix(config, root):
    """A mix whose samples all count once."""
    config = Config.fromfile(catalog.root() / config)
    dataset = config.train_dataloader.dataset
    sets = [
        dict(at(root, entry), share=1.0) for entry in dataset_configs(dataset.datasets)
    ]
    return config, DATASETS.build(dict(dataset, datasets=sets))


@pytest.mark.parametrize(
    'config, count',
    [
        ('configs/_base_/data/rtmw_256x192.py', 14),
        ('configs/_base_/data/rtmw3d_384x288.py', 17),
    ],
)
def test_cocktails_yield_mixed_batches(config, count, data):
    config, dataset = mix(config, data)
    # CrowdPose has two files.
    assert len(dataset.datasets) == count + 1
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    width, height = config.codec.input_size[:2]
    assert {tuple(image.shape) for image in batch['inputs']} == {(3, height, width)}
    labels = [sample.gt_instance_labels for sample in batch['data_samples']]
    x = torch.cat([label.keypoint_x_labels for label in labels])
    assert x.shape == (len(dataset), 133, 2 * width) and x.isfinite().all()
    names = {sample.dataset_name for sample in batch['data_samples']}
    assert len(names) == count
    if count == 17:
        by_set = [
            sample.gt_instance_labels.keypoint_z_weights.any().item()
            for sample in batch['data_samples']
        ]
        ends = np.cumsum([0, *map(len, dataset.datasets)])
        per_set = [any(by_set[a:b]) for a, b in zip(ends, ends[1:])]
        assert per_set == [False] * 15 + [True] * 3


def test_training_step_on_the_2d_mix(data, rtmw_t):
    import copy

    model = copy.deepcopy(rtmw_t[0]).train()
    _, dataset = mix('configs/_base_/data/rtmw_256x192.py', data)
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    inputs = model.data_preprocessor(batch, True)
    losses = model.loss(inputs['inputs'], inputs['data_samples'])
    total = losses['loss_kpt']
    total.backward()
    assert torch.isfinite(total) and total > 0
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads and all(grad.isfinite().all() for grad in grads)


def test_z_learns_from_3d_samples_only(data):
    init_default_scope('mmpose')
    model, config = build(CONFIGS / 'rtmw3d/rtmw3d-t_cocktail17-256x192.py')
    sets = [
        dict(at(data, entry), share=1.0)
        for entry in dataset_configs(config.train_dataloader.dataset.datasets)
    ]
    dataset = DATASETS.build(dict(config.train_dataloader.dataset, datasets=sets))
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    batch = model.train().data_preprocessor(batch, True)
    deep = np.array(
        [
            sample.gt_instance_labels.keypoint_z_weights.any().item()
            for sample in batch['data_samples']
        ]
    )
    assert deep.any() and not deep.all()
    for rows, learns in ((~deep, False), (deep, True)):
        model.zero_grad()
        losses = model.loss(
            batch['inputs'][torch.from_numpy(rows)],
            [sample for sample, row in zip(batch['data_samples'], rows) if row],
        )
        total = sum(value for name, value in losses.items() if 'loss' in name)
        total.backward()
        assert total.isfinite()
        z, x = (layer.weight.grad for layer in (model.head.cls_z, model.head.cls_x))
        assert x.abs().sum() > 0
        assert (z is not None and bool(z.abs().sum() > 0)) == learns


def test_share_is_how_often_a_sample_counts(data):
    config = next(iter(catalog.training_sets(catalog.config_file('coco-wholebody'))))
    shares = [dict(at(data, config), share=share) for share in (1.0, 3.0, 0.0)]
    dataset = DATASETS.build(dict(type='WholeBodyMix', datasets=shares))
    assert dataset.lens == [1, 3, 0] and len(dataset) == 4
    assert dataset[3]['keypoints'].shape == (1, 133, 2)
    for bad, text in (([], 'no dataset'), ([dict(config, share=-1.0)], 'negative')):
        with pytest.raises(AnnotationError, match=text):
            DATASETS.build(dict(type='WholeBodyMix', datasets=bad))


def test_released_shares_are_the_default():
    shares = {
        name: catalog.training_sets(catalog.config_file(name))[0].get('share', 1.0)
        for name in catalog.cocktail()
    }
    tenth = {'ubody', 'interhand26m', 'ubody3d', 'dna_rendering'}
    assert {name for name, share in shares.items() if share != 1} == tenth
    assert {shares[name] for name in tenth} == {0.1}


# The cache.


def count_reads(dataset_config):
    with mock.patch.object(
        KeypointDataset, 'read', autospec=True, side_effect=KeypointDataset.read
    ) as read:
        dataset = DATASETS.build(dataset_config)
    return dataset, read.call_count


def test_second_start_reads_no_annotations(data, tmp_path, monkeypatch):
    monkeypatch.setenv('RTMW_CACHE', str(tmp_path / 'cache'))
    config = at(data, catalog.training_sets(catalog.config_file('halpe'))[0])
    first, reads = count_reads(config)
    assert reads == 1
    second, reads = count_reads(config)
    assert reads == 0 and len(second) == len(first)
    a, b = first[0], second[0]
    assert a.keys() == b.keys()
    assert np.array_equal(a['keypoints'], b['keypoints'])
    # Another time of the file is another file.
    path = data / 'halpe/annotations/halpe_train_v1.json'
    path.write_text(path.read_text())
    import os

    os.utime(path, ns=(1, 1))
    assert count_reads(config)[1] == 1


def test_cached_samples_are_mapped_and_travel_as_a_path(data):
    dataset, _ = next(datasets('halpe', data))
    array = dataset.data_list.arrays['keypoints']
    assert isinstance(array, np.memmap)
    packed = pickle.dumps(dataset.data_list)
    assert len(packed) < 1000
    copy = pickle.loads(packed)
    assert np.array_equal(copy[0]['keypoints'], dataset.data_list[0]['keypoints'])
    sample = dataset.data_list[0]
    sample['keypoints'][:] = 0
    assert dataset.data_list[0]['keypoints'].any(), 'the file was changed'


def test_no_place_for_a_cache(data, tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('RTMW_CACHE', str(tmp_path / 'file' / 'below'))
    config = at(data, catalog.training_sets(catalog.config_file('aic'))[0])
    with mock.patch.object(sample_cache, 'print_log') as log:
        dataset = DATASETS.build(config)
    assert log.call_count == 1 and 'RTMW_CACHE' in log.call_args[0][0]
    assert dataset[0]['keypoints'].shape == (1, 133, 2)


def test_indices_and_intervals(tmp_path):
    write_people(tmp_path, 6)
    assert len(dataset_of(tmp_path, indices=2)) == 2
    assert [dataset_of(tmp_path, indices=[4, 1])[i]['id'] for i in (0, 1)] == [5, 2]
    few = dataset_of(tmp_path, sample_interval=3)
    assert [few[i]['id'] for i in range(len(few))] == [1, 4]


# Bad data.


def person(**changes):
    return dict(
        dict(
            id=1,
            image_id=1,
            category_id=1,
            bbox=[20, 15, 100, 60],
            num_keypoints=14,
            iscrowd=0,
            keypoints=np.column_stack([points(14), np.full(14, 2)]).ravel().tolist(),
        ),
        **changes,
    )


def write_people(root, count=1, **changes):
    (root / 'p.json').write_text(
        json.dumps(
            dict(
                images=[
                    dict(id=n + 1, file_name='1.jpg', width=WIDTH, height=HEIGHT)
                    for n in range(count)
                ],
                annotations=[
                    person(
                        **dict(
                            dict(id=n + 1, image_id=n + 1),
                            **(changes if n == 0 else {}),
                        )
                    )
                    for n in range(count)
                ],
                categories=[dict(id=1, name='person'), dict(id=2, name='dog')],
            )
        )
    )


def dataset_of(root, **kwargs):
    return DATASETS.build(
        dict(
            dict(
                type='KeypointDataset',
                metainfo=dict(from_file='aic.py'),
                data_root=str(root),
                ann_file='p.json',
                data_prefix=dict(img=''),
                pipeline=[],
            ),
            **kwargs,
        )
    )


@pytest.mark.parametrize(
    'changes, text',
    [
        (dict(keypoints=[1.0] * 39), 'does not have 42 values'),
        (dict(keypoints='none'), 'not a list of numbers'),
        (dict(keypoints=[float('nan')] * 42), 'NaN'),
        (dict(bbox=[20, 15, -5, 60]), 'no area'),
        (dict(bbox=[20, 15]), 'four finite numbers'),
        (dict(bbox=[500, 15, 10, 60]), 'outside the image'),
        (dict(bbox=[-50, -50, 10, 10]), 'outside the image'),
        (dict(category_id=2), 'no person'),
        (dict(image_id=77), 'not listed'),
    ],
)
def test_bad_person_is_skipped_with_one_warning(tmp_path, changes, text):
    write_people(tmp_path, 3, **changes)
    with mock.patch('rtmw_ext.datasets.checks.print_log') as log:
        assert len(dataset_of(tmp_path)) == 2
    assert log.call_count == 1
    said = log.call_args[0][0]
    assert text in said and 'p.json' in said and 'annotation 1' in said


def test_many_bad_people_are_one_warning(tmp_path):
    write_people(tmp_path, 9)
    content = json.loads((tmp_path / 'p.json').read_text())
    for row in content['annotations'][:7]:
        row['bbox'][2] = -1
    (tmp_path / 'p.json').write_text(json.dumps(content))
    with mock.patch('rtmw_ext.datasets.checks.print_log') as log:
        assert len(dataset_of(tmp_path)) == 2
    assert log.call_count == 1
    assert '7 annotations skipped' in log.call_args[0][0]
    assert 'and 6 more' in log.call_args[0][0]


@pytest.mark.parametrize(
    'text, problem',
    [
        ('{"images": [', 'not valid JSON.*cut off'),
        ('[]', 'holds a list'),
        ('{"images": []}', 'no annotations'),
        ('{"images": [], "annotations": []}', 'no usable person'),
    ],
)
def test_bad_file_is_named(tmp_path, text, problem):
    (tmp_path / 'p.json').write_text(text)
    with pytest.raises(AnnotationError, match=f'p.json.*{problem}'):
        dataset_of(tmp_path)


def test_missing_file_is_named(tmp_path):
    for name in ('none.json', 'annotations/*/none.json'):
        with pytest.raises(AnnotationError, match='none.json does not exist'):
            dataset_of(tmp_path, ann_file=name)


def test_missing_image_draws_another_sample(tmp_path):
    write_people(tmp_path, 2)
    content = json.loads((tmp_path / 'p.json').read_text())
    content['images'][1]['file_name'] = '2.jpg'
    (tmp_path / 'p.json').write_text(json.dumps(content))
    cv2.imwrite(str(tmp_path / '2.jpg'), np.zeros((HEIGHT, WIDTH, 3)))
    dataset = dataset_of(tmp_path, pipeline=[dict(type='LoadImageOrSkip')])
    with mock.patch('rtmw_ext.datasets.transforms.print_log') as log:
        names = {dataset[0]['img_path'][-5:] for _ in range(20)}
    assert names == {'2.jpg'} and log.call_count == 1
    assert '1.jpg' in log.call_args[0][0]


def test_ubody3d_layout(data, tmp_path):
    config = at(data, catalog.training_sets(catalog.config_file('ubody3d'))[0])
    config.pop('share')
    with pytest.raises(AnnotationError, match='osx137'):
        DATASETS.build(dict(config, layout='other'))
    with mock.patch('rtmw_ext.datasets.checks.print_log') as log:
        with pytest.raises(AnnotationError, match='no usable'):
            DATASETS.build(dict(config, layout='osx133'))
    assert 'does not have the 133 points' in log.call_args[0][0]
