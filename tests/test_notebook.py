"""docs/port-a-gan.ipynb runs from top to bottom, and prints what it shows."""

import contextlib
import io
import json
import re

import pytest
from conftest import ROOT

pytest.importorskip('torch', reason='asks for torch')
CELLS = json.loads((ROOT / 'docs/port-a-gan.ipynb').read_text())['cells']
CODE = [cell for cell in CELLS if cell['cell_type'] == 'code']


def shown(cell) -> str:
    """Return what a cell's output in the file says."""
    return ''.join(''.join(output['text']) for output in cell['outputs'])


def masked(text: str) -> str:
    """Return a report without the numbers that rounding may change."""
    return re.sub(r'(?m)(fit \(|times that|^  step_\S+ +).*', r'\1', text)


def test_the_notebook_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for n, cell in enumerate(CODE):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(''.join(cell['source']), names)
        assert masked(out.getvalue()) == masked(shown(cell)), n


def test_the_broken_port_is_named_in_the_notebook_and_the_mended_one_agrees():
    first, broken, half, mended = [shown(cell) for cell in CODE if 'judge(port('
                                   in ''.join(cell['source'])]
    assert first == mended == 'vanilla: agrees in all 134 arrays.\n'
    assert '2 mistakes are named.' in broken and '1 mistake is named.' in half
    assert 'The learning rate of D and G is 0.001' in broken
    assert 'G lowers the other objective of G' in broken
