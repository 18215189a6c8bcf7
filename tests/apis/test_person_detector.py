"""The person detector of our own: scenes, training, file, evaluation."""

import json
import re
import shutil

import numpy as np
import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from rtmw_ext import zoo
from rtmw_ext.core.metadata import NetworkMetadata
from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.export import to_onnx
from rtmw_ext.export.formats import ExportError
from rtmw_ext.runtime import Detector, load_network
from rtmw_ext.zoo import resolve_network
from support.paths import CONFIGS
from support.tools import load_tool, run_script

CONFIG = CONFIGS / 'synthetic' / 'rtmdet-nano_synthetic-320.py'
NAME = 'rtmdet-nano'
#: What NAME was trained with.
SHIPPED = CONFIGS / 'photos' / 'rtmdet-nano_photos-320.py'
SHAPES = {(160, 160), (160, 128), (160, 120), (160, 107), (160, 90)}


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """A folder of small scenes for detectors: 12 to train, 12 to test."""
    pytest.importorskip('numba', reason='needs requirements/synthetic.txt')
    from rtmw_ext.synthetic import body

    if not body.body_path().is_file():
        pytest.importorskip(
            'anny',
            reason='no body file, and no Anny to make it: requirements/synthetic.txt',
        )
    from rtmw_ext.synthetic.export import export

    out = tmp_path_factory.mktemp('scenes')
    for split, seed in (('train', 31), ('val', 32)):
        export(out, 12, seed, 'detection', (160, 160), (0, 3), split)
    return out


def test_scenes(scenes):
    for split in ('train', 'val'):
        content = json.loads((scenes / 'annotations' / f'{split}.json').read_text())
        sizes = {
            image['id']: (image['width'], image['height'])
            for image in content['images']
        }
        assert len(sizes) == 12
        assert {tuple(sorted(size))[::-1] for size in sizes.values()} <= SHAPES
        assert len(set(sizes.values())) > 3
        for row in content['annotations']:
            x, y, w, h = row['bbox']
            width, height = sizes[row['image_id']]
            assert 0 <= x and 0 <= y and w >= 1 and h >= 1
            assert x + w <= width and y + h <= height
            assert abs(row['area'] - w * h) < 2
        crowded = {row['image_id'] for row in content['annotations']}
        # Some are empty, which is what backgrounds are learned from.
        assert 0 < len(crowded) < 12


def test_who_is_shown_counts():
    from rtmw_ext.synthetic.export import box_annotation
    from rtmw_ext.synthetic.scene import Sample

    box = np.array([[1, 2, 11, 22.0]])

    def of(shown):
        return box_annotation(
            Sample(None, None, None, None, None, box, np.array([shown]), None),
            0,
            7,
            700,
        )

    assert of(0.9) == dict(
        id=700, image_id=7, category_id=1, iscrowd=0, bbox=[1, 2, 10, 20], area=200
    )
    assert of(0.1)['iscrowd'] == 1
    assert of(0.01) is None


def test_released_weights_fit():
    """It is the network of mmpose's person detector."""
    from mmdet.registry import MODELS

    def shapes(path):
        with DefaultScope.overwrite_default_scope('mmdet'):
            model = Config.fromfile(path).model
            model.backbone.pop('init_cfg', None)
            return {
                name: tensor.shape
                for name, tensor in MODELS.build(model).state_dict().items()
            }

    assert shapes(CONFIG) == shapes(zoo.get('rtmdet-nano-person').config)


def _tool(name, *arguments):
    done = run_script(f'tools/{name}', *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.slow
def test_training_resuming_and_testing(scenes, tmp_path):
    options = [
        f'{key}={value}'
        for key, value in {
            'train_dataloader.dataset.data_root': f'{scenes}/',
            'val_dataloader.dataset.data_root': f'{scenes}/',
            'test_dataloader.dataset.data_root': f'{scenes}/',
            'val_evaluator.ann_file': f'{scenes}/annotations/val.json',
            'test_evaluator.ann_file': f'{scenes}/annotations/val.json',
            'train_dataloader.batch_size': 4,
            # Next to nothing is learned, and nothing sure.
            'model.test_cfg.score_thr': 0.0,
            'default_hooks.checkpoint.interval': 2,
            'default_hooks.logger.interval': 1,
        }.items()
    ]
    common = ['--work-dir', tmp_path, '--cfg-options', *options]
    out = _tool('train.py', CONFIG, '--no-validate', *common, 'minutes=0.02')
    losses = [float(loss) for loss in re.findall(r' loss: (\S+)', out)]
    assert losses and np.isfinite(losses).all()
    last = (tmp_path / 'last_checkpoint').read_text()
    out = _tool(
        'train.py',
        CONFIG,
        '--no-validate',
        '--resume',
        *common,
        'minutes=0.04',
    )
    assert 'resumed epoch: ' in out
    again = (tmp_path / 'last_checkpoint').read_text()
    assert again != last
    out = _tool(
        'test.py',
        CONFIG,
        again,
        '--show-dir',
        tmp_path / 'drawn',
        '--out',
        tmp_path / 'metrics.json',
        *common,
    )
    assert (
        0
        <= json.loads((tmp_path / 'metrics.json').read_text())['coco/bbox_mAP_50']
        <= 1
    )
    assert len([*(tmp_path / 'drawn').iterdir()]) == 12


def test_half_weights(tmp_path):
    """Half the file, the same numbers but for the rounding of weights."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 256, 3), torch.nn.Conv2d(256, 64, 3))
    pixels = torch.randn(1, 3, 9, 9)
    torch.onnx.export(net, pixels, str(tmp_path / 'a.onnx'), dynamo=False)
    to_onnx.write_metadata(
        to_onnx.halve_weights(onnx.load(tmp_path / 'a.onnx')),
        NetworkMetadata(),
        tmp_path / 'b.onnx',
    )
    sizes = [(tmp_path / name).stat().st_size for name in ('a.onnx', 'b.onnx')]
    assert sizes[1] < 0.55 * sizes[0]
    outputs = [
        load_network(tmp_path / name)(pixels.numpy())[0]
        for name in ('a.onnx', 'b.onnx')
    ]
    assert 0 < np.abs(outputs[0] - outputs[1]).max() < 2e-3
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.half().float()
    with torch.no_grad():
        assert np.abs(net(pixels).numpy() - outputs[1]).max() < 1e-5


@pytest.fixture
def by_hand():
    """Annotations: three people, and a crowd, in the first of two images."""
    return dict(
        images=[
            dict(id=1, file_name='a.png', width=99, height=99),
            dict(id=2, file_name='b.png', width=99, height=99),
        ],
        categories=[dict(id=1, name='person')],
        annotations=[
            dict(
                id=n,
                image_id=1,
                category_id=1,
                iscrowd=crowd,
                bbox=[x, 0, w, w],
                area=w * w,
            )
            for n, (x, w, crowd) in enumerate(
                [(0, 20, 0), (30, 20, 0), (60, 10, 0), (80, 10, 1)], 1
            )
        ],
    )


def hand_made(path):
    """One hit, another on the same person, one below the threshold, one on the
    crowd; nobody in the second image."""
    if path.name == 'b.png':
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    return np.float32(
        [[0, 0, 20, 20], [0, 0, 19, 20], [60, 0, 70, 10], [80, 0, 90, 10]]
    ), np.float32([0.9, 0.5, 0.1, 0.8])


def evaluate(folder, content, detector=hand_made, **options):
    (folder / 'truth.json').write_text(json.dumps(content))
    evaluate = load_tool('test_detector').evaluate
    return evaluate(detector, folder / 'truth.json', folder, **options)


def test_evaluation_by_hand(tmp_path, by_hand):
    found = evaluate(tmp_path, by_hand)
    assert (found['people'], found['detected'], found['boxes']) == (3, 1, 3)
    # Precision is 1 at a recall of 1/3 (34 of 101 places), 2/3 at 2/3.
    assert abs(found['AP50'] - (34 + 33 * 2 / 3) / 101) < 1e-3
    large = evaluate(tmp_path, by_hand, side=15)
    assert (large['people'], large['detected']) == (2, 1)
    nobody = evaluate(tmp_path, by_hand, lambda _: hand_made(tmp_path / 'b.png'))
    assert nobody['AP50'] == 0


def test_evaluation_on_files_of_other_tools(tmp_path, by_hand):
    """Ids, categories and what is left out do not change the figures."""
    expected = evaluate(tmp_path, by_hand)
    by_hand['categories'] = [dict(id=0, name='dog'), dict(id='h', name='Human')]
    for row in by_hand['images']:
        row['id'] = f'photo {row["id"]}'
        del row['width']
    for row in by_hand['annotations']:
        row.update(id=0, image_id=f'photo {row["image_id"]}', category_id='h')
        del row['area']
        if not row['iscrowd']:
            del row['iscrowd']
    by_hand['annotations'].append(
        dict(id=9, image_id='photo 2', category_id=0, bbox=[0, 0, 9, 9])
    )
    assert evaluate(tmp_path, by_hand) == pytest.approx(expected)
    for change, said in [
        (dict(bbox=[0, 0, -5, 9]), 'its box has no area'),
        (dict(category_id=4), 'its category is not listed'),
        (dict(image_id=1), 'its image is not listed'),
    ]:
        by_hand['annotations'][0].update(change)
        with pytest.raises(AnnotationError, match=f'truth.json.*{said}'):
            evaluate(tmp_path, by_hand)


# The shipped file


def test_shipped_file():
    path = resolve_network(NAME, 'detector')
    assert path.stat().st_size <= 3e6
    meta = load_network(path).metadata
    assert meta.licence == 'Apache-2.0' and meta.kind == 'rtmdet'
    card = (zoo.SHIPPED / 'README.md').read_text()
    assert path.name in card and 'Apache-2.0' in card
    names = [node.name for node in onnx.load(path).graph.output]
    assert names == ['dets', 'labels']


def test_ship_weights_takes_a_detector(tmp_path):
    """As it is; what was there before is replaced."""
    ship = load_tool('ship_weights').ship
    source = tmp_path / 'end2end.onnx'
    shutil.copy(resolve_network(NAME, 'detector'), source)
    folder = tmp_path / 'weights'
    folder.mkdir()
    (folder / f'{SHIPPED.stem}.onnx').write_bytes(b'old')
    (path,) = ship(str(source), str(SHIPPED), folder)
    assert [*folder.iterdir()] == [path] and path.name == f'{SHIPPED.stem}.onnx'
    assert path.read_bytes() == source.read_bytes()

    with pytest.raises(ExportError, match='no detector is called rtmw-t_'):
        ship(str(source), 'rtmw-t_synthetic.py', folder)
    model = onnx.load(source)
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT16:
            values = onnx.numpy_helper.to_array(weight).astype(np.float32)
            weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, source)
    with pytest.raises(ExportError, match='end2end.onnx has no float16 weights'):
        ship(str(source), str(SHIPPED), folder)
    assert [*folder.iterdir()] == [path]


@pytest.mark.slow
def test_shipped_detector_finds_people(scenes, tmp_path):
    """On scenes that are smaller and other than those it learned from."""
    detector = Detector(resolve_network(NAME, 'detector'), score_thr=0.01)
    found = load_tool('test_detector').evaluate(
        detector, scenes / 'annotations' / 'val.json', scenes / 'images' / 'val'
    )
    assert found['AP50'] > 0.8
