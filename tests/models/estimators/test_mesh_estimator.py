import copy

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmroi.geometry import (
    axis_angle_to_matrix,
    full_to_local,
    local_to_full,
    project,
    rot6d_to_matrix,
)
from mmroi.models import BaseHead
from mmroi.models.estimators.views_and_labels import stack_labels, stack_views

LOSSES = ['smpl', 'vertices', 'keypoints3d', 'keypoints2d', 'camera', 'contrastive', 'heatmaps']


def crops(num_people, num_rois, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_people, num_rois, 3, 64, 48, generator=generator)


def test_losses_are_finite_and_train_every_weight(multi_roi, build, people):
    model = build(multi_roi)
    losses = model(crops(2, 3), people(2, 3), mode='loss')
    assert list(losses) == [f'loss_{name}' for name in LOSSES]
    assert all(loss.shape == () and loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert idle == []


@pytest.mark.parametrize('name', LOSSES)
def test_deleting_a_key_removes_that_loss_and_leaves_the_others(name, multi_roi, build, people):
    inputs, samples = crops(2, 3), people(2, 3)
    multi_roi['head']['dropout'] = 0.0
    everything = build(multi_roi)(inputs, samples, mode='loss')
    multi_roi['losses'].pop(name)
    rest = build(multi_roi)(inputs, samples, mode='loss')
    expected = {key: value for key, value in everything.items() if key != f'loss_{name}'}
    torch.testing.assert_close(rest, expected)


def test_a_loss_set_to_none_is_removed(multi_roi, build):
    multi_roi['losses']['vertices'] = None
    assert set(build(multi_roi).losses) == set(LOSSES) - {'vertices'}


def test_the_mesh_is_posed_only_for_the_vertex_loss(multi_roi, build, people):
    def passes(losses):
        model = build(dict(multi_roi, losses={name: multi_roi['losses'][name] for name in losses}))
        count = []
        model.body_model.register_forward_hook(lambda *_: count.append(1))
        model(crops(2, 3), people(2, 3), mode='loss')
        return len(count)

    assert passes(['vertices', 'keypoints3d']) == 2
    assert passes(['keypoints2d', 'keypoints3d']) == 0
    assert passes(['smpl', 'camera']) == 0


def test_the_truth_costs_nothing(multi_roi, build, people):
    """True parameters and the cameras of the true translation bring every supervised loss to zero."""
    del multi_roi['losses']['contrastive'], multi_roi['losses']['heatmaps']
    model, samples = build(multi_roi), people(4, 3)
    views, labels = stack_views(samples, crops(4, 3)), stack_labels(samples, torch.device('cpu'))
    turn = axis_angle_to_matrix(torch.cat([s.gt_instances.global_orient for s in samples]))
    torch.testing.assert_close(labels.rotations[:, 0], turn)
    body = model.body_model(labels.rotations[:, :1], labels.rotations[:, 1:], labels.betas)
    translation = (labels.keypoints3d[..., :3] - body.joints).mean(1)
    cameras = full_to_local(translation[:, None].double(), views.boxes, views.focal_length)
    output = dict(pose6d=labels.rotations[..., :2].flatten(-2), betas=labels.betas, cameras=cameras)
    for name, loss in model.loss(output, views, labels).items():
        assert loss.item() < 1e-4, name


def test_a_batch_without_any_label_gives_a_differentiable_zero(cliff, build, people):
    model, samples = build(cliff), people(2, 1)
    for sample in samples:
        for name in ('has_smpl', 'has_keypoints2d', 'has_keypoints3d'):
            sample.gt_instances[name] = torch.zeros(1)
    total = sum(model(crops(2, 1), samples, mode='loss').values())
    total.backward()
    assert total.item() == 0


def test_predict(multi_roi, build, people, body):
    model, samples = build(multi_roi).eval(), people(2, 3)
    with torch.no_grad():
        output = model(crops(2, 3), samples, mode='tensor')
        predicted = model(crops(2, 3), samples, mode='predict')
    assert all(a is b for a, b in zip(predicted, samples, strict=True))
    shapes = {name: tuple(value.shape) for name, value in predicted[0].pred_instances.items()}
    assert shapes == dict(
        global_orient=(1, 3, 3),
        body_pose=(1, 23, 3, 3),
        betas=(1, 10),
        vertices=(1, 6890, 3),
        joints3d=(1, 54, 3),
        joints_h36m=(1, 17, 3),
        local_cameras=(1, 3, 3),
        full_cameras=(1, 3, 3),
        camera_translation=(1, 3),
    )
    for i, sample in enumerate(predicted):
        person = sample.pred_instances
        boxes = torch.from_numpy(sample.boxes)
        focal_length = torch.tensor([sample.focal_length])
        torch.testing.assert_close(person.local_cameras[0], output['cameras'][i])
        full = local_to_full(person.local_cameras, boxes[None], focal_length)
        torch.testing.assert_close(person.full_cameras, full)
        again = body(person.global_orient, person.body_pose, person.betas)
        torch.testing.assert_close(person.joints3d, again.joints, rtol=1e-4, atol=1e-5)


def test_joints_and_translation_project_where_the_cameras_put_them(multi_roi, build, people):
    """With cameras that agree, the averaged translation is each RoI's own, and so are the projections."""
    model, samples = build(multi_roi).eval(), people(2, 3)
    views = stack_views(samples, crops(2, 3))
    with torch.no_grad():
        output = model(crops(2, 3), samples, mode='tensor')
    truth = torch.tensor([[0.3, -0.2, 5.0], [-0.5, 0.1, 7.0]])
    output['cameras'] = full_to_local(truth[:, None].double(), views.boxes, views.focal_length).float()
    with torch.no_grad():
        predicted = model.predict(output, views, samples)
    for i, sample in enumerate(predicted):
        person, focal_length = sample.pred_instances, torch.tensor([sample.focal_length])
        torch.testing.assert_close(person.camera_translation[0], truth[i], rtol=1e-4, atol=1e-4)
        together = project(person.joints3d, person.camera_translation, focal_length)
        for m in range(3):
            alone = project(person.joints3d, person.full_cameras[:, m], focal_length)
            torch.testing.assert_close(together, alone, rtol=0, atol=0.05)  # pixels


def test_a_training_step_from_the_collated_batch(multi_roi, build, people):
    multi_roi['data_preprocessor'] = dict(type='HMRDataPreprocessor')
    model = build(multi_roi)
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = model.head.mesh_decoder.fc2.weight.clone()
    photos = list(torch.randint(0, 255, (2, 3, 3, 64, 48), dtype=torch.uint8))
    log = model.train_step(dict(inputs=photos, data_samples=people(2, 3)), optimizer)
    assert log['loss'].isfinite() and not torch.equal(before, model.head.mesh_decoder.fc2.weight)


def test_cliff_is_the_same_estimator(cliff, build, people):
    model = build(cliff)
    losses = model(crops(2, 1), people(2, 1), mode='loss')
    assert list(losses) == [f'loss_{name}' for name in LOSSES[:4]]
    person = model.eval()(crops(2, 1), people(2, 1), mode='predict')[0].pred_instances
    torch.testing.assert_close(person.camera_translation, person.full_cameras[:, 0])


@pytest.mark.parametrize(
    'head',
    [
        dict(type='PerRoIMeshHead', in_channels=32, num_rois=3, hidden_channels=(64, 64)),
        dict(type='CLIFFHead', in_channels=32, num_rois=3, boxes='all', hidden_channels=(64, 32)),
    ],
)
def test_a_mesh_for_each_roi(multi_roi, build, people, head):
    """Losses are those of the meshes one by one; the base RoI's mesh and camera are the prediction."""
    del multi_roi['losses']['heatmaps']
    model = build(dict(multi_roi, head=head)).eval()
    inputs, samples = crops(2, 3), people(2, 3)
    views, labels = stack_views(samples, inputs), stack_labels(samples, inputs.device)
    output = model(inputs, samples, mode='tensor')
    losses = model.loss(output, views, labels)
    alone = []
    for m in range(3):
        of_roi = dict(
            output,
            pose6d=output['pose6d'][:, m],
            betas=output['betas'][:, m],
            cameras=output['cameras'][:, m : m + 1],
        )
        alone.append(model.loss(of_roi, views._replace(boxes=views.boxes[:, m : m + 1]), labels))
    for name in ('smpl', 'vertices', 'keypoints3d', 'keypoints2d'):
        each = torch.stack([part[f'loss_{name}'] for part in alone])
        torch.testing.assert_close(losses[f'loss_{name}'], each.mean(), rtol=1e-4, atol=1e-5)
    person = model(inputs, samples, mode='predict')[1].pred_instances
    torch.testing.assert_close(person.global_orient[0], rot6d_to_matrix(output['pose6d'][1, 0, 0]))
    torch.testing.assert_close(person.camera_translation, person.full_cameras[:, 0])


def test_meshes_of_the_rois_are_averaged_on_request(cliff, build, people):
    model = build(dict(cliff, num_rois=3, average_meshes=True)).eval()
    samples = people(2, 3)
    boxes, focal_length = stack_views(samples, crops(2, 3))[:2]
    output = model(crops(2, 3), samples)
    # Rotations about one axis by 0.1, 0.2 and 0.6: the chordal mean of unit vectors at these angles.
    angles = torch.tensor([0.1, 0.2, 0.6])
    turned = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 1.0]) * angles[:, None])[..., :2].reshape(3, 6)
    output['pose6d'] = turned.expand(2, 24, 3, 6).transpose(1, 2)
    output['betas'] = torch.arange(3.0)[None, :, None].expand(2, 3, 10)
    found = model.predict_tensors(output, boxes, focal_length)
    mean = torch.atan2(angles.sin().sum(), angles.cos().sum())
    expected = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 1.0]) * mean)
    torch.testing.assert_close(found.rotations, expected.expand(2, 24, 3, 3))
    torch.testing.assert_close(found.betas, torch.ones(2, 10))
    full = local_to_full(output['cameras'], boxes, focal_length)
    torch.testing.assert_close(found.camera_translation[:, 2], 3 / (1 / full[..., 2]).sum(1))
    model.average_meshes = False
    torch.testing.assert_close(model.predict_tensors(output, boxes, focal_length).betas, torch.zeros(2, 10))


def test_the_2d_loss_knows_the_shape_of_the_crops(cliff, build, people):
    """The same person in crops as wide as high: half a crop is more pixels, the loss is smaller."""
    model, samples = build(cliff).eval(), people(2, 1)
    labels = stack_labels(samples, torch.device('cpu'))
    output = model(crops(2, 1), samples)
    narrow, square = (
        model.loss(output, stack_views(samples, torch.zeros(2, 1, 3, 64, width)), labels)
        for width in (48, 64)
    )
    assert square['loss_keypoints2d'] < narrow['loss_keypoints2d']
    assert square['loss_keypoints3d'] == narrow['loss_keypoints3d']


def test_another_number_of_rois_in_the_test(multi_roi, build, people):
    """The linear scorer, own camera boxes and the base box for the mesh take any number of RoIs."""
    multi_roi['fusion'].update(type='LinearRoIAwareFusion')
    multi_roi['head'].update(camera_boxes='own', mesh_boxes='base')
    model = build(multi_roi).eval()
    for num_rois in (1, 3, 5):
        person = model(crops(2, num_rois), people(2, num_rois), mode='predict')[0].pred_instances
        assert person.full_cameras.shape == (1, num_rois, 3)


def test_without_fusion_each_camera_has_the_feature_of_its_own_roi(multi_roi, build, people):
    """The paper's rows without RAF: u_m = h_m, and the mesh comes from their mean."""
    multi_roi['fusion'] = None
    multi_roi['head'].update(camera_boxes='none', mesh_boxes='none', dropout=0.0)
    model, inputs, samples = build(multi_roi).eval(), crops(2, 3), people(2, 3)
    seen = []
    model.head.register_forward_pre_hook(lambda _, args: seen.append(args))
    output = model(inputs, samples)
    torch.testing.assert_close(seen[0][0], output['features'])
    torch.testing.assert_close(seen[0][1], output['features'].mean(1))


@pytest.mark.parametrize('num_people', [1, 3])
def test_with_one_roi_the_contrastive_loss_is_a_zero_that_reaches_the_projector(
    num_people, multi_roi, build, people
):
    """BatchNorm would fail on one person; and DDP waits for the gradients of all parameters."""
    multi_roi['fusion'].update(num_rois=1)
    multi_roi['head'].update(num_rois=1)
    model = build(multi_roi)
    loss = model(crops(num_people, 1), people(num_people, 1), mode='loss')['loss_contrastive']
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in model.projector.parameters())


def test_the_same_person_twice_is_no_negative(multi_roi, build, people):
    model, inputs, samples = build(multi_roi).eval(), crops(3, 3), people(3, 3)

    def loss(ids):
        for sample, person_id in zip(samples, ids, strict=True):
            sample.set_metainfo(dict(person_id=person_id))
        return model(inputs, samples, mode='loss')['loss_contrastive'].item()

    assert loss([5, 5, 5]) == 0
    assert len({loss(ids) for ids in ([1, 2, 3], [1, 1, 2], [1, 2, 2])}) == 3


def test_the_head_starts_from_the_mean_parameters(multi_roi, build):
    model = build(multi_roi)
    mean = torch.cat([model.body_model.mean_pose6d, model.body_model.mean_betas])
    assert torch.equal(model.head.mesh_decoder.initial, mean)
    assert torch.equal(model.head.camera_decoder.initial, model.body_model.mean_camera)


@pytest.mark.parametrize('part, loss', [('projector', 'contrastive'), ('heatmap_head', 'heatmaps')])
def test_an_unused_part_is_not_trained(multi_roi, build, part, loss):
    multi_roi['losses'].pop(loss)
    assert not any(p.requires_grad for p in getattr(build(multi_roi), part).parameters())


def test_the_body_model_is_not_in_the_checkpoint(multi_roi, build):
    parts = {name.split('.')[0] for name in build(multi_roi).state_dict()}
    assert parts == {'encoder', 'fusion', 'head', 'projector', 'heatmap_head'}


def change(config, **changes):
    config = copy.deepcopy(config)
    for path, value in changes.items():
        part, key = path.split('__')
        config[part][key] = value
    return config


@pytest.mark.parametrize(
    'changes, match',
    [
        (
            dict(losses__volume=dict(type='VolumeLoss')),
            r"'volume' \(VolumeLoss\) asks for 'uvd', which neither the estimator nor MultiRoIHead gives.*"
            r'`outputs`.*Available: rotations, betas, joints,.*, pose6d\.$',
        ),
        (dict(fusion__in_channels=64), '32 channels, but fusion was built for in_channels=64'),
        (dict(head__in_channels=64), '32 channels, but head was built for in_channels=64'),
        (dict(projector__in_channels=64), '32 channels, but projector was built for in_channels=64'),
        (dict(head__num_rois=5), 'fusion was built for num_rois=3, but head for num_rois=5'),
    ],
)
def test_parts_that_do_not_fit(changes, match, multi_roi, build):
    with pytest.raises(ValueError, match=match):
        build(change(multi_roi, **changes))


def test_heatmap_loss_without_head(multi_roi, build):
    multi_roi.pop('heatmap_head')
    match = r"'heatmaps' \(HeatmapLoss\) asks for 'heatmaps', .* the part heatmap_head: add heatmap_head=dict"
    with pytest.raises(ValueError, match=match):
        build(multi_roi)


def test_contrastive_loss_without_projector(multi_roi, build):
    multi_roi.pop('projector')
    match = r"'contrastive' .* asks for 'projections', .* needs the part projector: add projector=dict"
    with pytest.raises(ValueError, match=match):
        build(multi_roi)


def test_bad_calls(multi_roi, build, people):
    model = build(multi_roi)
    with pytest.raises(ValueError, match='expected 4 crops of each of 2 persons'):
        model(crops(2, 3), people(2, 4))
    with pytest.raises(ValueError, match='built for num_rois=3, got 4'):
        model(crops(2, 4), people(2, 4))
    with pytest.raises(ValueError, match="'tensor', 'loss' or 'predict'"):
        model(crops(2, 3), people(2, 3), mode='test')


class RotationHead(BaseHead):
    """Gives matrices, and takes the encoder's maps."""

    needs_maps, outputs = True, ('rotations', 'betas', 'cameras')

    def __init__(self, in_channels):
        super().__init__(in_channels, num_rois=1)
        self.layer = torch.nn.Linear(in_channels, 24 * 6 + 13)

    def adopt_body(self, body_model):
        self.mean = body_model.mean_camera

    def forward(self, u, u_bar, boxes, focal_length, maps):
        out = self.layer(maps[-1].mean((-2, -1)))
        return dict(
            rotations=rot6d_to_matrix(out[:, :144].unflatten(1, (24, 6))),
            betas=out[:, 144:154],
            cameras=self.mean + 0.01 * out[:, None, 154:],
        )


def test_a_head_may_take_maps_and_give_rotations(cliff, build, people):
    cliff['head'] = dict(type=RotationHead, in_channels=32)
    model, samples, inputs = build(cliff).eval(), people(2, 1), crops(2, 1)
    output = model(inputs, samples)
    torch.testing.assert_close(output['feature_map'].mean((-2, -1)), output['features'][:, 0])
    losses = model(inputs, samples, mode='loss')
    sum(losses.values()).backward()
    assert set(losses) == {f'loss_{name}' for name in cliff['losses']}
    assert model.head.layer.weight.grad.isfinite().all()
    instance = model(inputs, samples, mode='predict')[1].pred_instances
    torch.testing.assert_close(instance.global_orient[0], output['rotations'][1, 0])
    torch.testing.assert_close(instance.body_pose[0], output['rotations'][1, 1:])


def test_features_stand_for_crops(multi_roi, build, people):
    model, inputs, samples = build(multi_roi).eval(), crops(2, 3), people(2, 3)
    for sample in samples:
        sample.set_metainfo(dict(crop_size=tuple(inputs.shape[-2:])))
    maps = model.encoder.reduce_maps(model.encoder.extract_maps(inputs))
    features = [m.unflatten(0, (2, 3)) for m in maps]
    expected, found = model(inputs, samples), model(data_samples=samples, features=features)
    for name in ('pose6d', 'betas', 'cameras', 'features'):
        torch.testing.assert_close(found[name], expected[name])
    with pytest.raises(ValueError, match='give either inputs or features'):
        model(inputs, samples, features=features)
    with pytest.raises(ValueError, match='give either inputs or features'):
        model(data_samples=samples)
    with pytest.raises(ValueError, match='expected 3 crops of each of 2 persons'):
        model(data_samples=samples, features=[feature[:, :2] for feature in features])
