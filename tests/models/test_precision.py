"""What half precision, compilation, export and repetition change: the encoder's rounding and nothing else."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmroi.geometry import rot6d_to_matrix
from mmroi.models.estimators.views_and_labels import stack_labels, stack_views

HALF = pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=['bf16', 'fp16'])
FUSIONS = [
    dict(type='RoIAwareFusion', num_rois=3),
    dict(type='RoIAwareFusion', num_rois=3, encoding=dict(type='Float32BoxEncoding')),
    dict(type='RoIAwareFusion', relation='absolute', num_rois=3),
    dict(type='SelfAttentionFusion'),
]
HEADS = [
    dict(type='MultiRoIHead', num_rois=3, camera_boxes='all', camera_frame='base'),
    dict(type='PerRoIMeshHead', num_rois=3),
    dict(type='CLIFFHead', num_rois=3, boxes='all'),
]


def crops(num_people, num_rois=3, seed=0):
    return torch.randn(num_people, num_rois, 3, 64, 48, generator=torch.Generator().manual_seed(seed))


def with_parts(config, fusion=None, head=None):
    if fusion:
        config['fusion'] = dict(fusion, in_channels=32)
    if head:
        config['head'] = dict(head, in_channels=32, hidden_channels=(64, 64))
    return config


def sensitive(model):
    """A new head's last layers have a gain of 0.01, which would hide nearly all that reaches them."""
    for name, parameter in model.head.named_parameters():
        if 'decoders' in name and parameter.dim() == 2:
            nn.init.xavier_uniform_(parameter)
    return model.eval()


@HALF
@pytest.mark.parametrize('parts', [dict(fusion=f) for f in FUSIONS] + [dict(head=h) for h in HEADS], ids=str)
def test_behind_the_features_autocast_changes_no_bit(dtype, parts, multi_roi, build, people):
    """Fusion, head, projector, body model and all losses, values and gradients: float32 or wider."""
    model, samples = sensitive(build(with_parts(multi_roi, **parts))), people(2, 3)
    views, labels = stack_views(samples, crops(2)), stack_labels(samples, torch.device('cpu'))
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 32, generator=generator)
    logits = torch.randn(2 * 3, 54, 4, 3, generator=generator)
    model.heatmap_head.forward = lambda feature_map: feature_map  # its convolutions may be half precision

    def run(enabled):
        h = features.clone().requires_grad_()
        with torch.autocast('cpu', dtype, enabled=enabled):
            u, u_bar, weights = model.fusion(h, views.boxes, views.focal_length)
            output = dict(model.head(u, u_bar, views.boxes, views.focal_length), features=h)
            losses = model.loss(dict(output, feature_map=logits), views, labels)
            rotations = rot6d_to_matrix(output['pose6d'])
        assert set(losses) == {f'loss_{name}' for name in model.losses}
        (gradient,) = torch.autograd.grad(sum(losses.values()), h)
        return dict(
            output, **losses, u=u, u_bar=u_bar, weights=weights, rotations=rotations, gradient=gradient
        )

    plain, under = run(False), run(True)
    for name, value in plain.items():
        assert under[name].dtype == torch.float32 and torch.equal(under[name], value), name


ROUNDING = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU)


class Roundings:
    """First-order bound of what rounding in a half-precision encoder changes in an output.

    The unit roundoff u is 2^-8 for bfloat16 and 2^-11 for float16. Under autocast, rounding moves

    * the crops where they enter the first convolution: by at most u |x|;
    * a convolution's output y = w * x through its weights by at most u (|w| * |x|), sums being float32;
    * each layer's output by at most u |y|, numbers below the normal range by u times its lower end. A ReLU
      rounds nothing, so that its share stands for the addition in front of it. Max pooling rounds nothing,
      and features are float32 means.

    An output then moves by the sum of Jacobian times error over all these places, at most ``sum |J| e`` for
    errors of at most e. The Jacobian is measured, in float32, with a zero that is added at each place. With n
    places in a chain, ``1 / (1 - n u)`` covers the terms of higher order (Higham, Accuracy and Stability of
    Numerical Algorithms, section 3.1). Signs being what they are, the true change is far smaller.
    """

    def __init__(self, model, dtype):
        info = torch.finfo(dtype)
        self.unit, self.underflow = info.eps / 2, info.smallest_normal * info.eps / 2
        self.places, self.errors = [], []
        for part in (model.encoder, model.heatmap_head.upsample):
            for layer in part.modules():
                if isinstance(layer, ROUNDING):
                    layer.register_forward_hook(self.after_layer)

    def rounded(self, x, error):
        self.places.append(torch.zeros_like(x, requires_grad=True))
        self.errors.append(error.detach() + self.underflow)
        return x + self.places[-1]

    def after_layer(self, layer, inputs, output):
        error = self.unit * output.abs()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            magnitudes = copy.deepcopy(layer)
            magnitudes._forward_hooks.clear()
            magnitudes.weight.data.abs_()
            error = error + self.unit * magnitudes(inputs[0].detach().abs())
        return self.rounded(output, error)

    def bound(self, output):
        higher_orders = 1 / (1 - len(self.places) * self.unit)
        bounds = []
        for value in output.flatten():
            jacobian = torch.autograd.grad(value, self.places, retain_graph=True, allow_unused=True)
            bounds.append(
                higher_orders
                * sum(
                    (row.abs() * error).sum()
                    for row, error in zip(jacobian, self.errors, strict=True)
                    if row is not None
                )
            )
        return torch.stack(bounds).reshape(output.shape)


@HALF
def test_encoder_in_half_precision_moves_outputs_within_the_bound_of_its_roundings(
    dtype, multi_roi, build, people
):
    model, samples = sensitive(build(multi_roi)), people(2, 3)
    views, labels = stack_views(samples, crops(2)), stack_labels(samples, torch.device('cpu'))

    def run(inputs):
        output = model.regress(inputs, views.boxes, views.focal_length)
        orientation = rot6d_to_matrix(output['pose6d'])[:, 0]
        return dict(
            cameras=output['cameras'],
            betas=output['betas'],
            orientation=orientation,
            **model.loss(output, views, labels),
        )

    with torch.no_grad():
        plain = run(crops(2))
        with torch.autocast('cpu', dtype):
            under = run(crops(2))
    roundings = Roundings(model, dtype)
    measured = run(roundings.rounded(crops(2), roundings.unit * crops(2).abs()))
    for name, value in plain.items():
        change, bound = (under[name] - value).abs(), roundings.bound(measured[name])
        assert under[name].dtype == torch.float32
        assert (change <= bound).all(), name
        assert change.max() > 0  # the encoder did run in half precision
    assert roundings.bound(measured['cameras']).max() < 0.1 * plain['cameras'].std()  # says something


@HALF
def test_trains_in_half_precision(dtype, multi_roi, build, people):
    model = build(multi_roi)
    with torch.autocast('cpu', dtype):
        losses = model(crops(2), people(2, 3), mode='loss')
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    sum(losses.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


class Network(nn.Module):
    """``regress`` as a module of tensors."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs, boxes, focal_length):
        return self.model.regress(inputs, boxes, focal_length)


def network_and_inputs(config, build, people, num_people=2, num_rois=3):
    views = stack_views(people(num_people, num_rois), crops(num_people, num_rois))
    return (Network(sensitive(build(config))), (crops(num_people, num_rois), views.boxes, views.focal_length))


def sines(graph_module, key):
    """Dtypes of all sines and cosines in a graph and the graphs that it calls."""
    graphs = [module.graph for module in graph_module.modules() if isinstance(module, torch.fx.GraphModule)]
    return [
        node.meta[key].dtype
        for graph in graphs
        for node in graph.nodes
        if getattr(node.target, '__name__', '').split('.')[0] in ('sin', 'cos')
    ]


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures('fresh_compiler')
@pytest.mark.parametrize(
    'parts', [dict(), dict(fusion=FUSIONS[1], head=HEADS[2]), dict(fusion=FUSIONS[3])], ids=str
)
@pytest.mark.parametrize('dtype', [None, torch.bfloat16], ids=['plain', 'bf16'])
def test_compiles_to_one_graph_that_equals_eager(parts, dtype, multi_roi, build, people):
    network, inputs = network_and_inputs(with_parts(multi_roi, **parts), build, people)
    graphs = []

    def backend(graph_module, example_inputs):
        graphs.append(graph_module)
        return graph_module

    compiled = torch.compile(network, backend=backend, fullgraph=True)
    with torch.no_grad(), torch.autocast('cpu', dtype, enabled=dtype is not None):
        expected, output = network(*inputs), compiled(*inputs)
    for name, value in expected.items():
        assert output[name].dtype == value.dtype and torch.equal(output[name], value), name
    assert len(graphs) == 1
    waves = sines(graphs[0], 'example_value')
    assert waves and set(waves) == {torch.float64}


@pytest.mark.usefixtures('fresh_compiler')
def test_compiled_gradients_equal_eager(multi_roi, build, people):
    network, inputs = network_and_inputs(multi_roi, build, people)
    parameters = [p for name, p in network.model.named_parameters() if name.startswith(('fusion', 'head'))]

    def gradients(function):
        output = function(*inputs)
        return torch.autograd.grad(
            sum(output[name].square().sum() for name in ('pose6d', 'betas', 'cameras')), parameters
        )

    compiled = torch.compile(network, backend='aot_eager', fullgraph=True)
    for ours, expected in zip(gradients(compiled), gradients(network), strict=True):
        # The same operations; sums of gradients may come in another order.
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_exports_for_any_number_of_persons(multi_roi, build, people):
    network, inputs = network_and_inputs(multi_roi, build, people)
    persons = {0: torch.export.Dim('persons', max=64)}
    program = torch.export.export(network, inputs, dynamic_shapes=(persons, persons, persons))
    assert set(sines(program.graph_module, 'val')) == {torch.float64}
    for num_people in (2, 5):
        _, inputs = network_and_inputs(multi_roi, build, people, num_people)
        expected, output = network(*inputs), program.module()(*inputs)
        for name, value in expected.items():
            torch.testing.assert_close(output[name], value)


def test_equal_seeds_train_equal_bits(multi_roi, build, people):
    def train():
        model = build(multi_roi)
        optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-3))
        for step in range(2):
            losses = model(crops(3, seed=step), people(3, 3, seed=step), mode='loss')
            optimizer.update_params(sum(losses.values()))
        return model.state_dict()

    first, second = train(), train()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    start = build(multi_roi).state_dict()
    assert not torch.equal(first['head.mesh_decoder.fc2.weight'], start['head.mesh_decoder.fc2.weight'])
