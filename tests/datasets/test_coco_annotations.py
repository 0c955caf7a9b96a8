import pytest

from mmroi.datasets.coco_annotations import person_annotations


def content(**more):
    return dict(
        images=[dict(id=7, file_name='b.jpg'), dict(id='x', file_name='a.jpg')],
        annotations=[
            dict(id=1, image_id='x', category_id=1),
            dict(id=2, image_id=7, category_id=3),
            dict(id=3, image_id='x', category_id=1, iscrowd=1),
        ],
        **more,
    )


def ids(pairs):
    return {image['file_name']: [one['id'] for one in people] for image, people in pairs}


def test_people_by_image_in_the_order_of_the_file():
    assert ids(person_annotations(content())) == {'b.jpg': [], 'a.jpg': [1, 3]}
    categories = [dict(id=1, name='dog'), dict(id=3, name='person')]
    assert ids(person_annotations(content(categories=categories))) == {'b.jpg': [2], 'a.jpg': []}
    assert ids(person_annotations(content(categories=categories), 'dog')) == {'b.jpg': [], 'a.jpg': [1, 3]}


def test_the_only_category_may_have_any_name():
    assert ids(person_annotations(content(categories=[dict(id=3, name='human')]))) == {
        'b.jpg': [2],
        'a.jpg': [],
    }
    without = content(categories=[dict(id=3, name='human')])
    without['annotations'] = [dict(id=9, image_id=7)]
    assert ids(person_annotations(without)) == {'b.jpg': [9], 'a.jpg': []}


def test_bad_files():
    with pytest.raises(ValueError, match="no category 'person', only 'cat', 'dog'"):
        person_annotations(content(categories=[dict(id=1, name='cat'), dict(id=3, name='dog')]))
    broken = content()
    broken['annotations'].append(dict(id=4, image_id=8, category_id=1))
    with pytest.raises(ValueError, match='an annotation of image 8, which is not in its images'):
        person_annotations(broken)
