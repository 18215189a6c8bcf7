"""What inputs of ``rtmw label`` stand for."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from label.conftest import png, write_tar
from rtmw_ext.core.errors import UsageError
from rtmw_ext.label.inputs import InputError, find_inputs, record


def names(inputs, root):
    return [source.removeprefix(f'{root}/') for source in inputs.images]


@pytest.fixture
def tree(tmp_path):
    for name in (
        'b.png',
        'a.jpg',
        'in/c.webp',
        '.hidden/d.png',
        'notes.md',
        'out/e.png',
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(1))
    for name in ('in/f.mp4', 'g.tar', 'h.tar.gz', 'i.parquet'):
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_is_looked_into_but_for_outputs_and_what_is_hidden(tree):
    inputs = find_inputs([str(tree)], str(tree / 'out'))
    assert names(inputs, tree) == ['a.jpg', 'b.png', 'in/c.webp']
    assert [(kind, path.rsplit('/', 1)[1]) for kind, path in inputs.containers] == [
        ('tar', 'g.tar'),
        ('tar', 'h.tar.gz'),
        ('parquet', 'i.parquet'),
        ('video', 'f.mp4'),
    ]
    assert inputs.skipped == {'.md': 1}


def test_globs_and_lists(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert names(find_inputs(['*.png', 'in/*'], 'out'), tree) == ['b.png', 'in/c.webp']
    # Lines count from the list's folder; with other suffixes they are images, too.
    (tree / 'in' / 'all').write_text(
        '# a list\n\nc.webp\na.jpg\nhttps://x.org/z?id=1\n'
    )
    assert names(find_inputs(['@in/all'], 'out'), tree) == [
        'in/c.webp',
        'a.jpg',
        'https://x.org/z?id=1',
    ]
    (tree / 'all.txt').write_text('in/c.webp')
    assert names(find_inputs(['all.txt'], 'out'), tree) == ['in/c.webp']
    # A name may be like a glob.
    (tree / '[1].png').write_bytes(png(1))
    assert names(find_inputs(['[1].png'], 'out'), tree) == ['[1].png']


@pytest.mark.parametrize(
    'text, says',
    [
        ('*.bmp', 'no file matches'),
        ('nothing.png', 'does not exist'),
        ('empty', 'no image'),
        ('@missing', 'list missing cannot be read'),
        ('nowhere://bucket', 'fsspec package'),
    ],
)
def test_what_is_no_input_is_an_error(tree, monkeypatch, text, says):
    monkeypatch.chdir(tree)
    (tree / 'empty').mkdir()
    with pytest.raises((InputError, UsageError), match=says):
        find_inputs([text], 'out')


def test_elsewhere(elsewhere):
    elsewhere.pipe({'/bucket/a/1.png': png(1), '/bucket/2.png': png(2)})
    inputs = find_inputs(['memory://bucket'], 'out')
    assert inputs.images == ['memory:///bucket/2.png', 'memory:///bucket/a/1.png']
    assert find_inputs(['memory://bucket/*/1.png'], 'out').images == inputs.images[1:]


def test_units_have_so_many_images_or_a_container(tree):
    table = pa.table({'image': [png(1)] * 10})
    pq.write_table(table, tree / 'i.parquet', row_group_size=2)
    write_tar(tree / 'g.tar', ['x', 'y'])
    units = find_inputs([str(tree)], str(tree / 'out')).units(2)
    assert [unit.number for unit in units] == [*range(len(units))]
    assert [(unit.kind, unit.groups, unit.count) for unit in units] == [
        ('images', (), 2),
        ('images', (), 1),
        ('tar', (), None),
        ('tar', (), None),
        *[('parquet', (group,), 2) for group in range(5)],
        ('video', (), None),
    ]
    big = find_inputs([str(tree / 'i.parquet')], 'out').units(5)
    assert [(unit.groups, unit.count) for unit in big] == [((0, 1, 2), 6), ((3, 4), 4)]


def test_inputs_are_the_same_if_their_names_and_order_are(tree):
    def fingerprint(*texts):
        inputs = find_inputs([str(tree / text) for text in texts], 'out')
        return record([], inputs.units(2))['sha256']

    assert fingerprint('a.jpg', 'b.png') == fingerprint('a.jpg', 'b.png')
    assert fingerprint('a.jpg', 'b.png') != fingerprint('b.png', 'a.jpg')
    assert fingerprint('.') != fingerprint('in')
