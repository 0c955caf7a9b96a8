import pytest

from mmroi.synthetic import StudioSettings, contact_sheet, make_dataset


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('made')
    make_dataset(folder, StudioSettings('full', 64, 5), 12, 0, progress=False)
    return folder


def test_visible_and_occluded_joints_and_boxes_are_drawn(folder):
    sheet = contact_sheet(folder, num_images=10, columns=4, cell=48)
    assert sheet.shape == (3 * 48, 4 * 48, 3)
    for color, least in (((0, 255, 0), 100), ((0, 140, 255), 1), ((255, 255, 255), 50)):
        assert (sheet == color).all(-1).sum() >= least
    assert (sheet[96:, 96:] == 40).all()  # empty cells


def test_a_missing_image_is_named(folder, tmp_path):
    (tmp_path / 'train.npz').write_bytes((folder / 'train.npz').read_bytes())
    with pytest.raises(FileNotFoundError, match=r'000000\.jpg is missing or unreadable'):
        contact_sheet(tmp_path)
