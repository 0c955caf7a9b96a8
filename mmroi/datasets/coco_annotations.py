"""COCO's annotation format: which annotations are people, and of which image."""

from collections.abc import Mapping
from typing import Any

# category_id of persons in COCO, for files without categories
COCO_PERSON = 1


def person_annotations(
    content: Mapping[str, Any],
    category: str = 'person',
    orphans: list[Mapping[str, Any]] | None = None,
) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Collect the annotations of people by image, crowds included.

    Args:
        content: A COCO file: ``images``, ``annotations``, and ``categories`` unless there are only people.
        category: Name of the category, in any case. A file with a single category may call it anything.
        orphans: Receives the annotations that belong to none of the images; None refuses them.

    Returns:
        All images with their people, in the order of the file.

    Raises:
        KeyError: If an entry lacks a key.
        ValueError: If no category has that name, or ``orphans`` is None and an annotation belongs to no
            image. The message does not name the file.
    """
    images = {image['id']: (image, list[Mapping[str, Any]]()) for image in content['images']}
    categories = content.get('categories') or [dict(id=COCO_PERSON, name=category)]
    ids = {c['id'] for c in categories if len(categories) == 1 or str(c['name']).lower() == category.lower()}
    if not ids:
        names = ', '.join(repr(c['name']) for c in categories[:8])
        raise ValueError(f'has no category {category!r}, only {names}')
    sole = next(iter(ids)) if len(categories) == 1 else COCO_PERSON
    for annotation in content['annotations']:
        if annotation.get('category_id', sole) in ids:
            image_id = annotation['image_id'] if orphans is None else annotation.get('image_id')
            if image_id in images:
                images[image_id][1].append(annotation)
            elif orphans is not None:
                orphans.append(annotation)
            else:
                raise ValueError(f'has an annotation of image {image_id!r}, which is not in its images')
    return list(images.values())
