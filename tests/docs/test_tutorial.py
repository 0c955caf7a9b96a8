"""The notebook of the documentation, run from top to bottom."""

import gc
import json

from commands import ROOT


def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / 'docs/tutorial.ipynb').read_text(encoding='utf-8'))
    scope: dict = {}
    for cell in notebook['cells']:
        if cell['cell_type'] == 'code':
            assert not cell['outputs'], 'the notebook is kept without output'
            exec(''.join(cell['source']), scope)
    assert len(list(tmp_path.glob('out/meshes/*.glb'))) == 1
    assert scope['vertices'].shape == (6890, 3)
    assert (tmp_path / 'work_dirs/tutorial/epoch_2.pth').is_file()
    assert 'MPJPE after each epoch' in capsys.readouterr().out
    scope.clear()
    gc.collect()  # loader workers end; they hold the pipes of this process, such as those of a browser
