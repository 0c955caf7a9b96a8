import numpy as np
import pytest

from mmroi.datasets.converters.base import check_shapes, chunks
from mmroi.registry import CONVERTERS


def test_chunks_cover_all_rows_in_order():
    units = chunks(10, 4)
    assert [unit.data for unit in units] == [(0, 4), (4, 8), (8, 10)]
    assert units[2].name == 'rows 8 to 9' and chunks(0) == []


def test_name_is_the_registered_one(tmp_path):
    CONVERTERS.import_from_location()
    assert len(CONVERTERS) >= 8
    for name, converter in CONVERTERS.module_dict.items():
        assert converter(tmp_path).name == name

    class Unregistered(CONVERTERS.get('pw3d')):
        pass

    assert Unregistered(tmp_path).name == 'Unregistered'


def test_settings_are_the_options_without_the_folder(tmp_path):
    assert CONVERTERS.get('mpi_inf_3dhp')(tmp_path, every=3).settings() == dict(every=3)


def test_shapes_are_checked_with_source_and_key():
    rows = dict(image_path=np.array(['a', 'b']), bbox_xywh=np.ones((2, 4)), keypoints2d=np.ones((2, 17, 3)))
    check_shapes({**rows, 'anything': np.ones((2, 5, 6))}, (17, None), 'source')
    with pytest.raises(ValueError, match=r'source: keypoints2d has shape .*, expected \(2, 24, 3\)'):
        check_shapes(rows, (24, None), 'source')
    with pytest.raises(ValueError, match='source: has keypoints2d but the converter declares no'):
        check_shapes(rows, (None, None), 'source')
    with pytest.raises(ValueError, match=r"source: \['bbox_xywh'\] is missing"):
        check_shapes(dict(image_path=rows['image_path']), (None, None), 'source')
