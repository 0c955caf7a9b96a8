import numpy as np
import pytest

from mmroi.synthetic import textures


@pytest.mark.parametrize('name', [*textures.SCENES, *textures.SURFACES])
def test_sample_images_are_read_only_and_not_downloaded(name):
    image = textures.load(name)
    assert image.dtype == np.uint8 and image.ndim == 3 and min(image.shape[:2]) >= 90
    with pytest.raises(ValueError, match='read-only'):
        image[0] = 0


def test_scikit_image_without_its_data_is_an_error_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(textures.skimage, '__file__', str(tmp_path / '__init__.py'))
    textures.load.cache_clear()
    with pytest.raises(FileNotFoundError, match=r'grass\.png is missing .*pip install --force-reinstall'):
        textures.load('grass')


@pytest.mark.parametrize('size', [(40, 90), (300, 20), (600, 600)])
def test_crops_have_any_size(size):
    rng = np.random.default_rng(0)
    crops = [textures.crop(rng, 'curtain', *size) for _ in range(3)]
    assert all(image.shape == (*size, 3) and image.dtype == np.uint8 for image in crops)
    assert not np.array_equal(crops[0], crops[1])


@pytest.mark.parametrize('outdoors', [False, True])
def test_floors_are_square_and_of_some_meters(outdoors):
    for seed in range(25):
        texture, side = textures.floor_texture(np.random.default_rng(seed), outdoors)
        assert texture.dtype == np.uint8 and texture.shape[0] == texture.shape[1]
        assert 1.2 <= side <= 3


def test_walls_are_as_high_as_rooms():
    for seed in range(25):
        texture, height = textures.wall_texture(np.random.default_rng(seed))
        assert texture.shape == (256, 768, 3) and texture.dtype == np.uint8
        assert 2.5 <= height <= 3.6


def test_muted_colors_are_near_gray():
    rng = np.random.default_rng(0)
    colors = np.array([textures.muted(rng) for _ in range(200)])
    assert colors.min() >= 5 and colors.max() <= 250
    assert (np.ptp(colors, axis=1) / colors.mean(1)).mean() < 0.25
