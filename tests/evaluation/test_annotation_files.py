"""Annotation files as tools write them: the figure of the clean file, or an error
that names the file."""

import copy
import functools
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmpose.registry import DATASETS, METRICS

from rtmw_ext.core.errors import RTMWError
from rtmw_ext.core.skeleton import FIELDS
from rtmw_ext.datasets.checks import AnnotationError
from support.examples import examples


@pytest.fixture(scope='module')
def clean(drawn_root):
    """(root, content of the annotation file)."""
    text = (drawn_root / 'annotations/val.json').read_text()
    return drawn_root, json.loads(text)


def dataset_of(root, path, **options):
    return DATASETS.build(
        dict(
            dict(
                type='WholeBodyDataset',
                ann_file=str(path),
                data_prefix=dict(img=str(root / 'images/val')),
                pipeline=[],
                test_mode=True,
            ),
            **options,
        )
    )


def truth_of(content):
    """{box: points (133, 2)} of the people of a file."""
    people = {}
    for row in content['annotations']:
        points = np.concatenate([np.reshape(row[field], (-1, 3)) for field in FIELDS])
        people[tuple(row['bbox'])] = points[:, :2]
    return people


def figures(dataset, points_of=None):
    """All results for predictions that miss each person by another distance."""
    metric = METRICS.build(dict(type='WholeBodyMetric'))
    metric.dataset_meta = dataset.metainfo
    for row in dataset:
        points = row['keypoints'] if points_of is None else points_of(row)
        points = points.astype(float)
        points = points + points[0, :, 0].sum() % 7 / 3
        # No two alike: AP depends on the order of equal ones.
        score = 0.5 + points[0, :, 1].sum() % 1 / 2
        metric.process(
            [],
            [
                dict(
                    id=row['id'],
                    img_id=row['img_id'],
                    category_id=row.get('category_id', 1),
                    pred_instances=dict(
                        keypoints=points,
                        keypoint_scores=np.full(points.shape[:2], score),
                    ),
                    gt_instances=dict(
                        bbox_scores=row['bbox_score'], bboxes=row['bbox']
                    ),
                )
            ],
        )
    return metric.evaluate(len(dataset))


def evaluate(root, tmp_path, content, **options):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(content))
    return figures(dataset_of(root, path, **options))


@pytest.fixture(scope='module')
def expected(clean, tmp_path_factory):
    return evaluate(clean[0], tmp_path_factory.mktemp('clean'), clean[1])


def rows(edit, where='annotations'):
    def change(content):
        for number, row in enumerate(content[where]):
            edit(row, number)

    return change


def rename(image=lambda value: value, person=lambda value: value):
    def change(content):
        for row in content['images']:
            row['id'] = image(row['id'])
        for row in content['annotations']:
            row.update(image_id=image(row['image_id']), id=person(row['id']))

    return change


def categories(*listed, used):
    def change(content):
        content['categories'] = list(listed)
        for row in content['annotations']:
            row['category_id'] = used

    return change


def nested(row, number):
    for field in FIELDS:
        row[field] = np.reshape(row[field], (-1, 3)).tolist()


def as_text(row, number):
    row['bbox'] = list(map(str, row['bbox']))
    row['face_kpts'] = list(map(str, row['face_kpts']))


def in_another_order(content):
    content['annotations'].reverse()
    content['images'].reverse()


HARMLESS = dict(
    area_null=rows(lambda row, number: row.update(area=None)),
    area_negative=rows(lambda row, number: row.update(area=-1)),
    area_text=rows(lambda row, number: row.update(area=str(row['area']))),
    crowd_false=rows(lambda row, number: row.update(iscrowd=False)),
    crowd_text=rows(lambda row, number: row.update(iscrowd='0')),
    points_null=rows(lambda row, number: row.update(num_keypoints=None)),
    points_nested=rows(nested),
    numbers_as_text=rows(as_text),
    no_ids=rows(lambda row, number: row.pop('id')),
    half_equal_ids=rows(lambda row, number: row.update(id=number // 2)),
    no_category=rows(lambda row, number: row.pop('category_id')),
    categories_empty=lambda content: content.update(categories=[]),
    category_pedestrian=categories(dict(id=3, name='Pedestrian'), used=3),
    category_text=categories(dict(id='p', name='runner'), used='p'),
    category_of_several=categories(
        dict(id=7, name='dog'), dict(id='8', name='Persons'), used=8
    ),
    height_null=rows(lambda row, number: row.update(height=None), 'images'),
    size_zero=rows(lambda row, number: row.update(width=0, height=0), 'images'),
    size_of_some=rows(lambda row, number: number or row.pop('width'), 'images'),
    size_as_float=rows(lambda row, number: row.update(width=320.0), 'images'),
    negative_ids=rename(lambda value: -value, lambda value: -value),
    text_and_number_ids=rename(lambda value: value if value % 2 else f'{value:05}'),
    float_ids=rename(float, float),
    image_listed_twice=lambda content: content['images'].append(content['images'][0]),
    in_another_order=in_another_order,
    no_info=lambda content: content.pop('info', None),
)


@pytest.mark.parametrize('name', HARMLESS)
def test_what_tools_write_gives_the_same_figures(clean, expected, tmp_path, name):
    content = copy.deepcopy(clean[1])
    HARMLESS[name](content)
    assert evaluate(clean[0], tmp_path, content) == pytest.approx(expected)


def change_first(**values):
    def change(content):
        content['annotations'][0].update(values)

    return change


def broken(where, number, value):
    def change(content):
        content[where][number] = value

    return change


FATAL = {
    'annotation.*number 1.*list': broken('annotations', 1, []),
    'image number 0.*list': broken('images', 0, [1, 'a.jpg']),
    '"id" is neither': change_first(id=[3]),
    'not listed .annotation 2: 10': change_first(image_id=10, id=2),
    'file_name.*True': rows(lambda row, number: row.update(file_name=True), 'images'),
    'lefthand_kpts': change_first(lefthand_kpts={}),
    'no area': change_first(bbox=[3, 3, 0, 9]),
    '"area" is no number': change_first(area='large'),
    '"iscrowd" is neither 0 nor 1': change_first(iscrowd=3),
    'category is not listed': change_first(category_id=4),
    'category number 0': lambda content: content.update(categories=['person']),
    r'categories \(cat, dog\) is a person': lambda content: content.update(
        categories=[dict(id=1, name='cat'), dict(id=2, name='dog')]
    ),
    'both have id 1': rows(lambda row, number: row.update(id=1), 'images'),
    '"images" is a dict': lambda content: content.update(images={}),
    'crowds and people without': rows(lambda row, number: row.update(iscrowd=1)),
}


@pytest.mark.parametrize('text', FATAL)
def test_what_cannot_be_evaluated_is_named_at_the_start(clean, tmp_path, text):
    content = copy.deepcopy(clean[1])
    FATAL[text](content)
    with pytest.raises(AnnotationError, match=f'people.json.*{text}'):
        evaluate(clean[0], tmp_path, content)


JUNK = [None, True, 'x', '', [], {}, [[]], float('nan'), -float('inf'), 2**70]


@st.composite
def mutations(draw):
    """Functions that change one place of a file without giving it another sound
    value."""
    steps = draw(st.lists(st.integers(0, 10**6), min_size=0, max_size=5))
    kind = draw(st.sampled_from(['replace', 'delete', 'wrap', 'text', 'twice']))
    junk = draw(st.sampled_from(JUNK))

    def mutate(content):
        parent = dict(top=content)
        key = 'top'
        for step in steps:
            below = parent[key]
            if not isinstance(below, (dict, list)) or not below:
                break
            names = sorted(below) if isinstance(below, dict) else range(len(below))
            parent, key = below, names[step % len(names)]
        value = parent[key]
        row_of_people = isinstance(value, dict) and 'face_kpts' in value
        if key in ('annotations', 'iscrowd') or row_of_people:
            # Fewer people, or crowds, are other data.
            kind_here = 'wrap'
        else:
            kind_here = kind
        if kind_here == 'replace':
            parent[key] = junk
        elif kind_here == 'delete':
            del parent[key]
        elif kind_here == 'wrap':
            parent[key] = [value]
        elif kind_here == 'text' and isinstance(value, (int, float)):
            parent[key] = str(value)
        elif kind_here == 'twice' and isinstance(parent, list):
            parent.insert(key, value)
        return parent.get('top', content) if isinstance(parent, dict) else content

    return mutate


@examples(120)
@given(mutate=mutations())
def test_any_change_of_structure(clean, expected, tmp_path_factory, mutate):
    content = mutate(copy.deepcopy(clean[1]))
    folder = tmp_path_factory.mktemp('changed')
    try:
        got = evaluate(clean[0], folder, content)
    except RTMWError as error:
        assert 'people.json' in str(error)
    else:
        assert got == pytest.approx(expected)
    try:
        train = dataset_of(clean[0], folder / 'people.json', test_mode=False)
        assert all(len(sample['keypoints'][0]) == 133 for sample in train)
    except RTMWError as error:
        assert 'people.json' in str(error)
    shutil.rmtree(folder)


# Paths, boxes of a detector, parts of a file.


def test_brackets_in_the_path_are_no_pattern(clean, expected, tmp_path):
    root = tmp_path / 'take [1] *?'
    shutil.copytree(clean[0], root)
    dataset = dataset_of(
        root,
        'annotations/v*.json',
        data_root=str(root),
        data_prefix=dict(img='images/val'),
    )
    assert figures(dataset) == pytest.approx(expected)


def test_backslashes_of_windows(clean, tmp_path):
    root, content = clean[0], copy.deepcopy(clean[1])
    for row in content['images']:
        row['file_name'] = f'images\\val\\{row["file_name"]}'
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(content))
    dataset = dataset_of(root, path, data_prefix=dict(img=str(root)))
    assert all((root / row['img_path']).is_file() for row in dataset)


def boxes_of(content, **changes):
    return [
        dict(
            dict(
                image_id=row['image_id'],
                category_id=1,
                bbox=row['bbox'],
                score=0.9,
            ),
            **changes,
        )
        for row in content['annotations']
    ]


def with_boxes(clean, tmp_path, boxes, content=None):
    root, content = clean[0], content or clean[1]
    (tmp_path / 'people.json').write_text(json.dumps(content))
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    dataset = dataset_of(
        root, tmp_path / 'people.json', bbox_file=str(tmp_path / 'boxes.json')
    )
    people = truth_of(clean[1])

    def points_of(row):
        x1, y1, x2, y2 = row['bbox'][0]
        box = x1, y1, x2 - x1, y2 - y1
        near = min(people, key=lambda key: np.abs(np.subtract(key, box)).sum())
        return people[near][None]

    return figures(dataset, points_of)


@pytest.mark.parametrize(
    'more',
    [
        [dict(image_id='none', category_id=1, bbox=[0, 0, 9, 9], score=0.5)],
        [dict(image_id=1, category_id=1, bbox=[0, 0, -9, 9], score=0.5)],
        [dict(image_id=1, category_id=44, bbox=[0, 0, 9, 9], score=0.5)],
        [dict(image_id=1, category_id=1, bbox=[0, 0, 9, 9])],
        ['row', None, []],
    ],
)
def test_boxes_of_a_detector(clean, expected, tmp_path, more):
    boxes = boxes_of(clean[1])
    assert with_boxes(clean, tmp_path, boxes + more) == pytest.approx(expected)


def test_boxes_have_the_ids_and_categories_of_their_detector(clean, expected, tmp_path):
    content = copy.deepcopy(clean[1])
    rename(lambda value: f'photo {value}')(content)
    categories(dict(id=0, name='Human'), used=0)(content)
    for category in (0, 1):
        boxes = boxes_of(content, category_id=category)
        got = with_boxes(clean, tmp_path, boxes, content)
        assert got == pytest.approx(expected)


@pytest.mark.parametrize(
    'boxes, text',
    [
        ([], 'boxes.json has no box'),
        ({}, 'boxes.json holds a dict'),
        ([dict(image_id=99, bbox=[1, 1, 9, 9], score=1)], 'boxes.json has no box'),
    ],
)
def test_no_boxes(clean, tmp_path, boxes, text):
    with pytest.raises(AnnotationError, match=text):
        with_boxes(clean, tmp_path, boxes)
    with pytest.raises(AnnotationError, match='none.json does not exist'):
        dataset_of(clean[0], tmp_path / 'people.json', bbox_file='none.json')


@pytest.mark.parametrize('part', [dict(indices=2), dict(sample_interval=2)])
def test_a_part_of_a_file_is_compared_with_that_part(clean, tmp_path, part):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(clean[1]))
    assert figures(dataset_of(clean[0], path, **part))['coco-wholebody/AR'] > 0.9


# Points of one's own.


@pytest.fixture
def own_points(clean, tmp_path):
    """People with COCO's 17 points, of a tool that counts categories from 0."""
    content = copy.deepcopy(clean[1])
    for row in content['annotations']:
        for field in list(FIELDS)[1:]:
            del row[field]
        del row['area']
    categories(dict(id=0, name='player'), used=0)(content)
    path = tmp_path / 'own.json'
    path.write_text(json.dumps(content))
    return functools.partial(
        dataset_of,
        clean[0],
        path,
        type='KeypointDataset',
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
    )


MAPPED = [dict(type='WholeBodyKeypointMapping', source='coco', same_names=True)]


def test_own_points_are_scored_as_part_of_the_133(own_points):
    result = figures(own_points(pipeline=MAPPED))
    assert result['coco-wholebody/body/AP'] == result['coco-wholebody/AP'] > 0.5
    assert result['coco-wholebody/face/AP'] == -1


def test_metrics_of_other_points_say_so(own_points):
    for metric, pipeline in (('WholeBodyMetric', []), ('CocoMetric', MAPPED)):
        dataset = own_points(pipeline=pipeline)
        with pytest.raises(RTMWError, match='coco has 17 points'):
            METRICS.build(dict(type=metric)).dataset_meta = dataset.metainfo


def test_another_file_to_compare_with(clean, expected, tmp_path):
    content = copy.deepcopy(clean[1])
    rename(person=lambda value: 'same')(content)
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(content))
    dataset = dataset_of(clean[0], path)
    metric = METRICS.build(dict(type='WholeBodyMetric', ann_file=str(path)))
    metric.dataset_meta = dataset.metainfo
    assert len(metric.coco.anns) == len(content['annotations'])
