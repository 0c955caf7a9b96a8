import torch

from mmroi.models import IterativeRegressor


def regressor(**kwargs):
    torch.manual_seed(0)
    made = IterativeRegressor(5, dict(pose=4, camera=2), (8, 7), **kwargs)
    made.set_initial(pose=torch.arange(4.0), camera=torch.tensor([9.0, 8.0]), betas=torch.zeros(3))
    return made


def test_equals_the_plain_loop_over_concatenated_inputs():
    made = regressor(gain=1.0).eval()
    feature = torch.randn(3, 5)
    pose, camera = torch.arange(4.0).expand(3, -1), torch.tensor([9.0, 8.0]).expand(3, -1)
    for _ in range(3):
        x = made.fc2(made.fc1(torch.cat([feature, pose, camera], dim=-1)))
        pose, camera = pose + made.decoders['pose'](x), camera + made.decoders['camera'](x)
    out = made(feature)
    torch.testing.assert_close(out['pose'], pose)
    torch.testing.assert_close(out['camera'], camera)


def test_leading_dimensions():
    made = regressor().eval()
    feature = torch.randn(2, 3, 5)
    torch.testing.assert_close(made(feature)['camera'][1], made(feature[1])['camera'])


def test_a_new_network_stays_near_the_start():
    made = regressor()
    out = made(torch.randn(100, 5))
    assert (out['pose'] - torch.arange(4.0)).abs().max() < 0.5


def test_the_start_is_part_of_the_checkpoint():
    other = IterativeRegressor(5, dict(pose=4, camera=2), (8, 7))
    other.load_state_dict(regressor().state_dict())
    assert other.initial.tolist() == [0, 1, 2, 3, 9, 8]


def test_dropout_only_in_training():
    made, feature = regressor(gain=1.0), torch.randn(1, 5)
    assert not torch.equal(made(feature)['pose'], made(feature)['pose'])
    made.eval()
    assert torch.equal(made(feature)['pose'], made(feature)['pose'])


def test_without_activation_it_is_affine_and_with_one_it_is_not():
    a, b = torch.randn(2, 3, 5)
    for activation, affine in ((None, True), (dict(type='ReLU'), False)):
        made = regressor(gain=1.0, activation=activation).eval()
        middle = made((a + b) / 2)['pose']
        assert torch.allclose(middle, (made(a)['pose'] + made(b)['pose']) / 2, atol=1e-5) == affine


def test_activation_follows_both_layers():
    made = regressor(gain=1.0, activation=dict(type='ReLU'), num_iters=1).eval()
    feature = torch.randn(3, 5)
    start = torch.tensor([0.0, 1, 2, 3, 9, 8]).expand(3, -1)
    x = made.fc2(made.fc1(torch.cat([feature, start], dim=-1)).relu()).relu()
    torch.testing.assert_close(made(feature)['camera'], start[:, 4:] + made.decoders['camera'](x))
    assert made.state_dict().keys() == regressor().state_dict().keys()  # published checkpoints still load
