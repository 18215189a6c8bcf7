"""The table of export formats: every row is complete, writes and runs, and says
what it cannot hold."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from rtmw_ext.commands import cli
from rtmw_ext.core.metadata import NetworkMetadata
from rtmw_ext.export.exporter import export
from rtmw_ext.export.formats import (
    CALIBRATED,
    FORMATS,
    PRECISIONS,
    ExportError,
    check_combination,
    import_package,
    load_function,
)
from rtmw_ext.export.model import describe
from rtmw_ext.runtime import PoseModel

ROWS = FORMATS.values()
PACKAGES = dict(openvino=['openvino'], ncnn=['pnnx', 'ncnn'])


def by_name(row):
    return row.name


@pytest.mark.parametrize('row', ROWS, ids=by_name)
def test_a_row_is_complete(row):
    assert FORMATS[row.name] is row
    assert row.description and row.suffix
    assert row.precisions and set(row.precisions) <= set(PRECISIONS)
    assert set(row.decode_precisions) <= set(row.precisions)
    assert callable(load_function(row.write))
    assert row.run is None or callable(load_function(row.run))


def test_the_table_needs_no_torch():
    code = (
        'import sys; import rtmw_ext.export.formats; '
        'print("torch" in sys.modules or "mmengine" in sys.modules)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.strip() == 'False', done.stderr


@pytest.mark.parametrize('row', ROWS, ids=by_name)
@pytest.mark.parametrize('precision', [*PRECISIONS, 'fp8'])
def test_other_precisions_are_refused(row, precision):
    if precision in row.precisions:
        check_combination(row, precision, calibration='folder')
        return
    with pytest.raises(ExportError) as error:
        check_combination(row, precision)
    text = str(error.value)
    assert all(name in text for name in (row.name, precision, *row.precisions))
    for other in ROWS:
        assert (other.name in text) == (precision in other.precisions or other is row)


@pytest.mark.parametrize('row', ROWS, ids=by_name)
def test_3d_is_refused_where_it_cannot_be(row):
    if row.takes_3d:
        check_combination(row, row.precisions[0], is_3d=True)
        return
    with pytest.raises(ExportError, match='only 2D models: choose --to') as error:
        check_combination(row, row.precisions[0], is_3d=True)
    _, _, others = str(error.value).partition('--to ')
    assert all((other.name in others) == other.takes_3d for other in ROWS)


@pytest.mark.parametrize('row', ROWS, ids=by_name)
def test_decoding_is_refused_where_it_cannot_be(row):
    for precision in row.precisions:
        given = dict(with_decode=True, calibration='folder')
        if precision in row.decode_precisions:
            check_combination(row, precision, **given)
            continue
        with pytest.raises(ExportError, match=f'{row.name} has no --with-dec') as error:
            check_combination(row, precision, **given)
        text = str(error.value)
        if row.decode_precisions:
            assert all(name in text for name in row.decode_precisions)
        else:
            assert '--to onnx, openvino or tensorrt' in text


@pytest.mark.parametrize('precision', CALIBRATED)
def test_calibration_is_asked_for(precision):
    for row in ROWS:
        if precision in row.precisions:
            with pytest.raises(ExportError, match='--calibration FOLDER'):
                check_combination(row, precision)


def test_the_command_takes_its_choices_from_the_table(capsys):
    with pytest.raises(SystemExit):
        cli.main(['export', '--help'])
    out = ' '.join(capsys.readouterr().out.split())
    for row in ROWS:
        assert f'{row.name}: {row.description}' in out
    assert f'{{{",".join(FORMATS)}}}' in out and f'{{{",".join(PRECISIONS)}}}' in out


@pytest.mark.parametrize(
    'flags, said',
    [
        (['--to', 'ncnn', '--precision', 'int8'], 'ncnn has no precision "int8"'),
        (['--to', 'ncnn', '--with-decode'], 'ncnn has no --with-decode in fp32'),
        (['--precision', 'int8'], 'int8 needs the ranges'),
    ],
)
def test_the_command_refuses_before_it_loads_a_model(flags, said, capsys):
    assert cli.main(['export', 'none.py', *flags]) == 1
    assert said in capsys.readouterr().err


def test_a_missing_package_is_named():
    with pytest.raises(ExportError, match='nonesuch is not installed: pip install it'):
        import_package('nonesuch', 'pip install it')


@pytest.mark.parametrize('row', ROWS, ids=by_name)
def test_a_row_writes_what_pytorch_computes(row, rtmw_t_file, tmp_path):
    for package in PACKAGES.get(row.name, ()):
        pytest.importorskip(package)
    if row.run is None and not torch.cuda.is_available():
        pytest.skip(f'{row.name} needs a GPU')
    _, model, config = rtmw_t_file
    metadata = describe(model, config, 'x', 'random')
    path = tmp_path / f'model{row.suffix}'
    errors = export(model, metadata, path, row.name)
    assert path.exists()
    if row.name == 'ncnn':
        text = (path / 'metadata.json').read_text()
        assert NetworkMetadata.from_json(text) == metadata
    if row.run is not None:
        assert errors['noise']['logits'] <= 1e-4
        assert errors['noise']['pixels'] <= 0.01


@pytest.mark.parametrize(
    'to', [row.name for row in ROWS if row.decode_precisions and row.run]
)
def test_a_row_holds_the_decoding(to, rtmw_t_file, tmp_path):
    for package in PACKAGES.get(to, ()):
        pytest.importorskip(package)
    path, model, config = rtmw_t_file
    metadata = describe(model, config, 'x', 'random')
    decoded = tmp_path / f'decoded{FORMATS[to].suffix}'
    export(model, metadata, decoded, to, with_decode=True)
    pose = PoseModel(path)
    image = np.random.default_rng(0).integers(0, 256, (256, 192, 3), np.uint8)
    assert np.allclose(
        pose(image).keypoints, PoseModel(decoded)(image).keypoints, atol=1e-3
    )


def test_images_are_checked_too(rtmw_t_file, drawn_root, tmp_path, capsys):
    _, model, config = rtmw_t_file
    metadata = describe(model, config, 'x', 'random')
    images = str(drawn_root / 'images' / 'val')
    errors = export(model, metadata, tmp_path / 'x.onnx', images=images)
    assert set(errors) == {'noise', 'images'}
    assert errors['images']['pixels'] <= 0.01
    assert 'on images: logits' in capsys.readouterr().out
