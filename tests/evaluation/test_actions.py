import pytest

from mmroi.evaluation import action_of, parse_h36m_name


@pytest.mark.parametrize(
    'path, expected',
    [
        (
            'S9/S9_Directions_1/S9_Directions_1.60457274/S9_Directions_1.60457274_000001.jpg',
            ('S9', 'Directions', '60457274'),
        ),
        ('images/S11_SittingDown.54138969_000231.jpg', ('S11', 'SittingDown', '54138969')),
        (r'S9\S9_Walking 1.55011271_000001.jpg', ('S9', 'Walking', '55011271')),
        ('S1_TakingPhoto_1.60457274_000001.jpg', ('S1', 'Photo', '60457274')),
        ('S1_WalkingDog.60457274_000001.jpg', ('S1', 'WalkDog', '60457274')),
        ('imageFiles/downtown_walking_00/image_00001.jpg', None),
        ('TS1/imageSequence/img_000001.jpg', None),
        ('', None),
    ],
)
def test_names_of_photos(path, expected):
    assert parse_h36m_name(path) == expected


def test_metainfo_comes_before_the_name():
    path = 'S9_Eating.60457274_000001.jpg'
    assert action_of(dict(action='Posing', img_path=path)) == 'Posing'
    assert action_of(dict(action='', img_path=path)) == 'Eating'
    assert action_of(dict(img_path='a.jpg')) is None
    assert action_of({}) is None
