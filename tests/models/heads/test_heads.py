import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.geometry import encode_box, local_to_full, rot6d_to_matrix
from mmroi.models import BaseHead, CLIFFHead, MultiRoIHead, PerRoIMeshHead

D = 6
FOCAL = torch.tensor([500.0, 900.0], dtype=torch.float64)


def case(num_rois):
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, num_rois, D, generator=generator)
    center = 100 * torch.randn(2, num_rois, 2, generator=generator, dtype=torch.float64)
    size = 200 + 100 * torch.rand(2, num_rois, 1, generator=generator, dtype=torch.float64)
    return u, u.mean(1), torch.cat([center, size], dim=-1), FOCAL


def spread_last_layers(head):
    """Large last layers, so that differences of the inputs show."""
    for name, parameter in head.named_parameters():
        if 'decoders' in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return head.eval()


def heads():
    yield CLIFFHead(D), 1
    yield CLIFFHead(D, boxes='none'), 1
    for camera_boxes in ('own', 'all', 'none'):
        yield CLIFFHead(D, 3, camera_boxes, hidden_channels=(32, 16)), 3
        for mesh_boxes in ('all', 'base', 'none'):
            for kind in (MultiRoIHead, PerRoIMeshHead):
                yield kind(D, 3, camera_boxes, mesh_boxes, camera_frame='own'), 3


@pytest.mark.parametrize('head, num_rois', heads())
def test_shapes_and_a_start_that_is_a_person_before_the_camera(head, num_rois):
    out = head.eval()(*case(num_rois))
    per_roi = isinstance(head, PerRoIMeshHead) or (isinstance(head, CLIFFHead) and num_rois > 1)
    meshes = (2, num_rois) if per_roi else (2,)
    assert out['pose6d'].shape == (*meshes, 24, 6) and out['betas'].shape == (*meshes, 10)
    assert out['cameras'].shape == (2, num_rois, 3)
    rotations = rot6d_to_matrix(out['pose6d'][:, 0] if per_roi else out['pose6d'])
    torch.testing.assert_close(
        rotations[:, 0], torch.diag(torch.tensor([1.0, -1.0, -1.0])).expand(2, 3, 3), rtol=0, atol=0.1
    )
    torch.testing.assert_close(rotations[:, 1:], torch.eye(3).expand(2, 23, 3, 3), rtol=0, atol=0.1)
    torch.testing.assert_close(out['cameras'][..., 0], torch.full((2, num_rois), 0.9), rtol=0, atol=0.1)


@pytest.mark.parametrize('head, num_rois', heads())
def test_autocast_changes_nothing(head, num_rois):
    head.eval()
    plain = head(*case(num_rois))
    with torch.autocast('cpu', torch.bfloat16):
        under = head(*case(num_rois))
    assert all(under[name].dtype == torch.float32 and torch.equal(under[name], plain[name]) for name in plain)


@pytest.mark.parametrize('head, num_rois', heads())
def test_scales_stay_positive_whatever_the_weights(head, num_rois):
    torch.manual_seed(0)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=3.0)
    scales = head.eval()(*case(num_rois))['cameras'][..., 0]
    head.positive_scale = False
    raw = head(*case(num_rois))['cameras'][..., 0]
    assert (scales > 0).all() and (raw < 0).any()
    assert torch.equal(scales[raw > 0.2], raw[raw > 0.2])


def changed_by(head, roi):
    """Which cameras, and whether the mesh, change with the box of one RoI."""
    u, u_bar, boxes, focal_length = case(3)
    moved = boxes.clone()
    moved[:, roi, 0] += 50
    before, after = head(u, u_bar, boxes, focal_length), head(u, u_bar, moved, focal_length)
    cameras = (before['cameras'] != after['cameras']).flatten(2).any(-1).any(0).tolist()
    return cameras, not torch.equal(before['pose6d'], after['pose6d'])


@pytest.mark.parametrize(
    'camera_boxes, expected',
    [('own', [False, True, False]), ('all', [True, True, True]), ('none', [False, False, False])],
)
def test_what_the_cameras_see(camera_boxes, expected):
    head = spread_last_layers(MultiRoIHead(D, 3, camera_boxes=camera_boxes, camera_frame='own'))
    assert changed_by(head, roi=1)[0] == expected


@pytest.mark.parametrize(
    'mesh_boxes, base, second', [('all', True, True), ('base', True, False), ('none', False, False)]
)
def test_what_the_mesh_sees(mesh_boxes, base, second):
    head = spread_last_layers(MultiRoIHead(D, 3, mesh_boxes=mesh_boxes))
    assert (changed_by(head, roi=0)[1], changed_by(head, roi=1)[1]) == (base, second)


def test_cliff_sees_its_box_and_hmr_does_not():
    u, u_bar, boxes, focal_length = case(1)
    for head, sees in ((CLIFFHead(D), True), (CLIFFHead(D, boxes='none'), False)):
        spread_last_layers(head)
        poses = [head(u, u_bar, b, focal_length)['pose6d'] for b in (boxes, boxes * 1.3)]
        assert torch.equal(*poses) != sees


def regress_by_hand(head, feature, mean):
    """HMR's refinement in its plain form, for one vector."""
    weights = dict(head.named_parameters())
    state = mean
    for _ in range(3):
        x = torch.cat([feature, state])
        for layer in ('fc1', 'fc2'):
            x = weights[f'regressor.{layer}.weight'] @ x + weights[f'regressor.{layer}.bias']
        state = state + torch.cat(
            [
                weights[f'regressor.decoders.{name}.weight'] @ x + weights[f'regressor.decoders.{name}.bias']
                for name in ('pose6d', 'betas', 'camera')
            ]
        )
    return state


@pytest.mark.parametrize('boxes', ['own', 'all', 'none'])
def test_the_joint_regressor_of_several_rois(boxes):
    """The network that was released: pose, shape and camera of each RoI from its feature and the boxes."""
    head = spread_last_layers(CLIFFHead(D, 3, boxes, hidden_channels=(32, 16), positive_scale=False))
    u, u_bar, pixels, focal_length = case(3)
    encoded = encode_box(pixels, focal_length).float()
    out = head(u, u_bar, pixels, focal_length)
    for i in range(2):
        for m in range(3):
            beside = dict(own=encoded[i, m], all=encoded[i].flatten(), none=encoded[i, m, :0])[boxes]
            state = regress_by_hand(head, torch.cat([u[i, m], beside]), head.regressor.initial)
            torch.testing.assert_close(out['pose6d'][i, m].flatten(), state[:144], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(out['betas'][i, m], state[144:154], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(out['cameras'][i, m], state[154:], rtol=1e-4, atol=1e-5)


def test_a_network_that_counts_the_width_of_the_crop():
    """Its full camera is 2f/(w s) deep for the width w = 0.75 b that it was shown."""
    head = spread_last_layers(CLIFFHead(D, positive_scale=False))
    of_width = spread_last_layers(CLIFFHead(D, positive_scale=False, box_scale=0.75))
    of_width.load_state_dict(head.state_dict())
    u, u_bar, boxes, focal_length = case(1)
    widths = boxes * torch.tensor([1, 1, 0.75], dtype=torch.float64)
    expected = head(u, u_bar, widths, focal_length)
    out = of_width(u, u_bar, boxes, focal_length)
    assert torch.equal(out['pose6d'], expected['pose6d'])
    torch.testing.assert_close(
        local_to_full(out['cameras'], boxes, focal_length),
        local_to_full(expected['cameras'], widths, focal_length),
    )


def test_a_mesh_for_each_roi_depends_on_its_own_feature():
    shared, per_roi = (spread_last_layers(kind(D, 3)) for kind in (MultiRoIHead, PerRoIMeshHead))
    per_roi.load_state_dict(shared.state_dict())
    u, u_bar, boxes, focal_length = case(3)
    out = per_roi(u, u_bar, boxes, focal_length)
    for m in range(3):
        alone = shared(u, u[:, m], boxes, focal_length)
        torch.testing.assert_close(out['pose6d'][:, m], alone['pose6d'])
        torch.testing.assert_close(out['betas'][:, m], alone['betas'])


def test_cameras_in_the_frame_of_the_base_box():
    own, base = MultiRoIHead(D, 3, camera_frame='own'), MultiRoIHead(D, 3)
    for decoder in own.camera_decoder.decoders.values():
        torch.nn.init.normal_(decoder.weight, std=0.05)
    base.load_state_dict(own.state_dict())
    u, u_bar, boxes, focal_length = case(3)
    regressed, turned = (head.eval()(u, u_bar, boxes, focal_length)['cameras'] for head in (own, base))
    torch.testing.assert_close(turned[:, 0], regressed[:, 0])
    # The same numbers are the full cameras of the base box in one, of each RoI's own in the other.
    torch.testing.assert_close(
        local_to_full(turned, boxes, focal_length),
        local_to_full(regressed, boxes[:, :1].expand_as(boxes), focal_length),
        rtol=1e-5,
        atol=1e-5,
    )


def test_in_the_frame_of_the_base_box_one_correction_keeps_all_cameras_agreed():
    _, u_bar, boxes, focal_length = case(3)
    u = u_bar[:, None].expand(-1, 3, -1)
    for frame, agree in (('base', True), ('own', False)):
        head = MultiRoIHead(D, 3, camera_boxes='none', camera_frame=frame).eval()
        torch.nn.init.normal_(head.camera_decoder.decoders['camera'].weight, std=0.05)
        full = local_to_full(head(u, u_bar, boxes, focal_length)['cameras'], boxes, focal_length)
        assert torch.allclose(full, full[:, :1], rtol=1e-5, atol=1e-5) == agree


def test_mean_parameters():
    head = MultiRoIHead(D, 3)
    head.set_mean_parameters(torch.arange(144.0), torch.ones(10), torch.tensor([0.8, 0.1, 0.2]))
    assert head.mesh_decoder.initial.tolist() == [*range(144), *[1] * 10]
    torch.testing.assert_close(head.camera_decoder.initial, torch.tensor([0.8, 0.1, 0.2]))


def test_a_head_without_all_boxes_takes_any_number_of_rois():
    head = MultiRoIHead(D, 3, camera_boxes='own', mesh_boxes='base')
    assert head.num_rois is None and head(*case(5))['cameras'].shape == (2, 5, 3)
    assert CLIFFHead(D, None)(*case(5))['pose6d'].shape == (2, 5, 24, 6)


@pytest.mark.parametrize(
    'head, match',
    [(MultiRoIHead(D, 3), 'built for 3 RoIs and got 2'), (CLIFFHead(D), 'built for 1 RoIs and got 2')],
)
def test_wrong_number_of_rois(head, match):
    with pytest.raises(ValueError, match=match):
        head(*case(2))


@pytest.mark.parametrize(
    'make, match',
    [
        (lambda: MultiRoIHead(D, 3, camera_boxes='base'), 'camera_boxes'),
        (lambda: MultiRoIHead(D, 3, mesh_boxes='own'), 'mesh_boxes'),
        (lambda: MultiRoIHead(D, 3, camera_frame='mean'), 'camera_frame'),
        (lambda: CLIFFHead(D, boxes='base'), r"boxes must be one of \('own', 'all', 'none'\), got 'base'"),
        (lambda: CLIFFHead(D, box_scale=0), 'box_scale must be positive, got 0'),
        (lambda: CLIFFHead(D, None, boxes='all'), 'needs the number of RoIs'),
    ],
)
def test_bad_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_a_body_of_other_shape_coefficients():
    with pytest.raises(ValueError, match='num_betas=4, but CLIFFHead predicts 10: leave num_betas away'):
        CLIFFHead(D).adopt_body(SMPL(num_betas=4))


def test_the_base_head_takes_any_number_of_rois_and_leaves_the_body_alone():
    head = BaseHead(D)
    assert (head.in_channels, head.num_rois, head.needs_maps) == (D, None, False)
    assert head.outputs == ('pose6d', 'betas', 'cameras')
    assert head.adopt_body(None) is None
    with pytest.raises(NotImplementedError):
        head(*case(3))
