"""``rtmw infer``: lists, folders of all kinds of files, names of outputs."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.commands import cli
from rtmw_ext.commands.inputs import find_inputs
from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.images import ImageError
from rtmw_ext.output import FORMATS, read
from rtmw_ext.output.video_writer import VideoWriter
from support.examples import examples
from support.networks import bright

pytestmark = pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    return bright(tmp_path_factory.mktemp('net') / 'net.onnx', 1.0, points=133)


@pytest.fixture
def tree(tmp_path):
    """Images and a clip among other files, in folders of folders."""
    root = tmp_path / 'tree'
    for name in ('a.jpg', 'b/a.jpg', 'b/c/a.png', 'b/c/no suffix', '.thumbs/a.jpg'):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode('.png', PICTURE)[1].tobytes())
    with VideoWriter(root / 'b' / 'clip.mp4', 10) as writer:
        for shade in range(3):
            writer.write(np.full((48, 64, 3), 60 * shade, np.uint8))
    (root / 'notes.txt').write_text('nothing')
    (root / 'table.CSV').write_text('1,2')
    (root / '.DS_Store').write_bytes(b'\0')
    (root / 'b' / 'loop').symlink_to(root)
    return root


def names(found):
    return [str(source) for source, _ in found.inputs]


def infer(capsys, network, *arguments):
    command = ['infer', *arguments, '--pose', network, '--det', 'none']
    code = cli.main([*map(str, command), '--threads', '1'])
    return code, capsys.readouterr().err


def test_nothing_of_a_folder_is_dropped_in_silence(tree):
    found = find_inputs([str(tree)])
    assert names(found) == [str(tree / 'a.jpg')]
    (line,) = found.skipped
    assert line.startswith(f'{tree}: skipped 4 files that are no image or video (')
    assert '2 hidden' in line and '1 .txt' in line and '1 .csv' in line
    assert '1 folders (--recursive looks into them)' in line
    found = find_inputs([str(tree / 'b')])
    assert names(found) == [str(tree / 'b' / name) for name in ('a.jpg', 'clip.mp4')]
    only = tree / 'texts'
    only.mkdir()
    (only / 'x.txt').touch()
    with pytest.raises(ImageError, match='texts holds no image or video.*1 .txt'):
        find_inputs([str(only)])


def test_folders_of_folders(tree):
    found = find_inputs([str(tree)], recursive=True)
    assert [
        (Path(source).relative_to(tree).as_posix(), folder)
        for source, folder in found.inputs
    ] == [
        ('a.jpg', ''),
        ('b/a.jpg', 'b'),
        ('b/clip.mp4', 'b'),
        ('b/c/a.png', 'b/c'),
        ('b/c/no suffix', 'b/c'),
    ]
    found = find_inputs([str(tree)], recursive=True, out=tree / 'b' / 'c')
    assert len(found.inputs) == 3 and 'the folder of the outputs' in found.skipped[0]


def test_globs_find_folders(tree):
    assert len(names(find_inputs([f'{tree}/b*', f'{tree}/a*']))) == 3


@pytest.mark.parametrize('given_as', ['@{}', '{}'])
def test_lists(given_as, tree, tmp_path, monkeypatch):
    path = tmp_path / 'list.txt'
    lines = ['\ufeff# mine', '', f'  {tree}/a.jpg', 'tree/b/*.mp4', 'tree/b/c', '7']
    path.write_text('\n'.join([*lines, 'none.jpg']), encoding='utf-8')
    (tmp_path / 'other').mkdir()
    monkeypatch.chdir(tmp_path / 'other')
    found = find_inputs([given_as.format(path)])
    clip, picture, no_suffix = (
        str(tree / 'b' / name) for name in ('clip.mp4', 'c/a.png', 'c/no suffix')
    )
    assert names(found) == [
        str(tree / 'a.jpg'),
        *(clip, picture, no_suffix),
        *('7', 'none.jpg'),
    ]
    # What is in the current folder comes first, as in ultralytics.
    (tmp_path / 'other' / 'none.jpg').touch()
    (tmp_path / 'none.jpg').touch()
    assert names(find_inputs([f'@{path}']))[-1] == 'none.jpg'


def test_lists_that_are_none(tmp_path):
    path = tmp_path / 'list.lst'
    for content, said in [(b'', 'names no input'), (b'\xff\xfe\0', 'no UTF-8 text')]:
        path.write_bytes(content)
        with pytest.raises(UsageError, match=f'list .*list.lst .*{said}'):
            find_inputs([f'@{path}'])
    with pytest.raises(UsageError, match='none.txt cannot be read'):
        find_inputs([str(tmp_path / 'none.txt')])


def test_outputs_mirror_folders_in_every_format(capsys, network, tree, tmp_path):
    out = tmp_path / 'out'
    arguments = (tree, '--recursive', '--out', out, '--format', *FORMATS)
    code, err = infer(capsys, network, *arguments)
    assert code == 0 and err.count('\n') == 1 and 'skipped 4 files' in err
    expected = ['a', 'b/a', 'b/c/a', 'b/c/no suffix']
    for name in expected:
        assert (out / f'{name}.jpg').is_file()
        for suffix in ('.json', '.jsonl', '_keypoints.json'):
            (frame,) = read(out / f'{name}{suffix}')
            assert frame.source == name and len(frame.people) == 1
    assert (out / 'b' / 'clip.mp4').is_file()
    for path in ('keypoints.csv', 'keypoints.npz', 'coco_results.json'):
        results = read(out / path)
        assert list(dict.fromkeys(frame.source for frame in results)) == [
            *expected[:2],
            'b/clip',
            *expected[2:],
        ]
        assert results.sources['b/c/a']['path'] == str(tree / 'b' / 'c' / 'a.png')
    assert {frame.source for frame in read(out / 'b' / 'clip.json')} == {'b/clip'}
    frames = read(out / 'b')
    assert {frame.source for frame in frames} == {'b/a', 'b/clip'} and len(frames) == 4
    code, err = infer(capsys, network, *arguments)
    assert code == 1 and 'would be replaced' in err


def test_outputs_below_the_input_are_not_inputs(capsys, network, tree):
    arguments = (tree, '--recursive', '--out', tree / 'out')
    for more in ([], ['--overwrite']):
        code, err = infer(capsys, network, *arguments, *more)
        assert code == 0 and ('the folder of the outputs' in err) == bool(more)
        assert len(list((tree / 'out').rglob('*.jpg'))) == 4


def test_image_ids_of_numbered_files_in_folders(capsys, network, tmp_path):
    for name in ('x/000007.png', 'y/000007.png', 'y/000003.png'):
        path = tmp_path / 'in' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), PICTURE)
    out = tmp_path / 'out'
    command = (tmp_path / 'in', '--recursive', '--out', out, '--format', 'coco')
    assert infer(capsys, network, *command, '--no-draw') == (0, '')
    rows = json.loads((out / 'coco_results.json').read_text())
    assert [(row['file_name'], row['image_id']) for row in rows] == [
        ('x/000007', 7),
        ('y/000003', 3),
        ('y/000007', 1),
    ]


PART = st.sampled_from(['a', 'A', 'a.jpg', 'a_2', 'b', 'keypoints'])


PATH = st.lists(PART, min_size=1, max_size=3)


@examples(100)
@given(paths=st.lists(PATH, max_size=6, unique_by=tuple))
def test_no_output_is_of_two_inputs_or_a_folder(paths, tmp_path_factory):
    from rtmw_ext.output.folder import OutputFolder

    outputs = OutputFolder(tmp_path_factory.mktemp('out'), ['json', 'openpose', 'csv'])
    sources = [('/'.join([*path[:-1], f'{path[-1]}.png']), False) for path in paths]
    folders = ['/'.join(path[:-1]) for path in paths]
    planned = outputs.plan(sources, folders=folders)
    files = [f'{name}{end}' for name in planned for end in ('.json', '.jpg')]
    files.append('keypoints.csv')
    assert len({file.casefold() for file in files}) == len(files)
    above = {
        '/'.join(folder.split('/')[: count + 1]).casefold()
        for folder in folders
        for count in range(folder.count('/') + 1)
    }
    assert not above & {file.casefold() for file in files}
    for name, folder, path in zip(planned, folders, paths):
        assert os.path.dirname(name) == folder
        assert os.path.basename(name).startswith(os.path.splitext(path[-1])[0][:1])
