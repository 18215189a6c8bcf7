"""What `rtmw tune` found is kept, and chosen where it gains something."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.runtime import tuning
from rtmw_ext.runtime.tuning import GAIN, SAME, Setting, choose

PLAIN = Setting('a.onnx', 'onnxruntime', 'fp32', 1.0, 100.0, 90.0, 0.0)
OTHER = replace(PLAIN, backend='openvino', load=3.0)


@pytest.mark.parametrize(
    'faster, images, chosen',
    [
        (dict(single=50, each=50), 1000, True),
        (dict(single=50, each=50), None, True),
        # A long start does not pay for one image.
        (dict(single=50, each=50), 1, False),
        # Hardly faster.
        (dict(single=97, each=90), None, False),
        # Other points.
        (dict(single=50, each=50, apart=SAME + 0.1), None, False),
    ],
)
def test_choice(faster, images, chosen):
    fast = replace(OTHER, **faster)
    best = choose([PLAIN, fast], 'onnxruntime', images)
    assert best == (fast if chosen else PLAIN)


@pytest.mark.parametrize('auto', ['fp32', 'bf16'])
def test_the_default_is_that_of_the_cpu(auto, monkeypatch):
    monkeypatch.setattr(tuning, 'auto_precision', lambda backend: auto)
    half = replace(OTHER, precision='bf16', single=99, each=89)
    usual = half if auto == 'bf16' else OTHER
    assert choose([PLAIN, half, OTHER], 'openvino', None) == usual
    # Where OpenVINO cannot load the network, there is no such row.
    assert choose([PLAIN], 'openvino', None) == PLAIN


milliseconds = st.floats(1, 1e4)
settings = st.builds(
    Setting,
    st.sampled_from(['a.onnx', 'b.onnx']),
    st.sampled_from(['onnxruntime', 'openvino']),
    st.sampled_from(['fp32', 'bf16']),
    *(st.floats(0.1, 30), milliseconds, milliseconds, st.floats(0, 3)),
)


@given(st.lists(settings, max_size=5), st.none() | st.integers(1, 10**6))
def test_the_choice_is_never_slower_than_the_default(rows, images):
    best = choose([PLAIN, *rows], 'onnxruntime', images)
    default = PLAIN.seconds(images)
    assert best == PLAIN or best.apart <= SAME and best.seconds(images) < GAIN * default


def test_measurements_are_of_a_file_and_a_machine(tmp_path, monkeypatch):
    network = tmp_path / 'a.onnx'
    network.write_bytes(b'network')
    rows = [replace(PLAIN, file=str(network))]
    assert tuning.load(network, 2) == []
    record = tuning.save(network, 2, rows)
    assert tuning.load(network, 2) == rows
    assert tuning.load(network, 4) == []
    with monkeypatch.context() as patch:
        patch.setattr(tuning, 'cpu_name', lambda: 'another')
        assert tuning.load(network, 2) == []
    whole = record.read_text()
    for text in (
        '',
        '[]',
        '{"settings": [1]}',
        whole[:-9],
        whole.replace('"load"', '"l"'),
    ):
        record.write_text(text)
        assert tuning.load(network, 2) == []
    record.write_text(whole)
    network.write_bytes(b'another network')
    assert tuning.load(network, 2) == []


def test_an_int8_file_that_is_gone_is_not_chosen(tmp_path):
    network = tmp_path / 'a.onnx'
    network.write_bytes(b'network')
    gone = replace(PLAIN, file=str(tuning.int8_file(network, 'openvino')))
    tuning.save(network, 2, [replace(PLAIN, file=str(network)), gone])
    assert tuning.load(network, 2) == []


def test_networks_of_one_name_have_records_of_their_own(tmp_path):
    names = {tuning.record_of(tmp_path / folder / 'a.onnx') for folder in 'bc'}
    assert len(names) == 2


def test_cpu_name(monkeypatch):
    text = 'model name\t: A CPU\nflags\t\t: fpu avx2 avx sse\n\nprocessor\t: 1\n'
    monkeypatch.setattr(tuning, 'cpu_info', lambda: text)
    assert tuning.cpu_name() == 'A CPU avx avx2'
    monkeypatch.setattr(tuning, 'cpu_info', lambda: '')
    assert tuning.cpu_name()
