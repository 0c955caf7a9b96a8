import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper

from mmroi.engine import CPUAmpOptimWrapper, amp, use_amp
from mmroi.registry import OPTIM_WRAPPERS


def build(parameters):
    return OPTIM_WRAPPERS.build(
        dict(type='CPUAmpOptimWrapper', optimizer=torch.optim.SGD(parameters, lr=0.5))
    )


def test_forward_in_bfloat16_weights_in_float32():
    layer = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    wrapper = build(layer.parameters())
    assert isinstance(wrapper, CPUAmpOptimWrapper)
    with wrapper.optim_context(layer):
        output = layer(torch.tensor([[1.0, 2.0**-10]]))
        assert output.dtype is torch.bfloat16
        assert output.item() == 1  # 8 bits of mantissa drop 2^-10
    wrapper.update_params(output.float().sum())
    assert layer.weight.dtype is torch.float32
    assert layer.weight.tolist() == [[0.5, 1 - 0.5 * 2.0**-10]]
    assert layer(torch.ones(1, 2)).dtype is torch.float32  # outside the context


def test_state_is_that_of_the_plain_wrapper():
    layer = torch.nn.Linear(2, 1)
    wrapper = build(layer.parameters())
    plain = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1))
    plain.load_state_dict(wrapper.state_dict())
    assert plain.get_lr()['lr'] == [0.5]


@pytest.mark.parametrize(
    'precision, fast, expected',
    [('fp32', True, False), ('bf16', False, True), ('auto', True, True), ('auto', False, False)],
)
def test_precision_of_prediction(monkeypatch, precision, fast, expected):
    monkeypatch.setattr(amp, 'has_fast_bfloat16', lambda: fast)
    assert amp.runs_in_bfloat16(precision, 'cpu') == expected
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: fast)
    assert amp.runs_in_bfloat16(precision, torch.device('cuda:0')) == expected
    monkeypatch.setattr(amp, 'get_device', lambda: 'cpu')
    cfg = Config(dict(test_cfg=dict()))
    amp.use_test_precision(cfg, precision)
    assert cfg.test_cfg.get('fp16', False) == expected


def test_unknown_precision():
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, auto, not 'fp16'"):
        amp.runs_in_bfloat16('fp16', 'cpu')


def config(**options):
    return Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0), **options)))


@pytest.mark.parametrize(
    'device, fast, bf16_gpu, expected',
    [
        ('cpu', True, False, dict(type='CPUAmpOptimWrapper')),
        ('cpu', False, False, dict(type='OptimWrapper')),
        ('cuda', True, True, dict(type='AmpOptimWrapper', dtype='bfloat16')),
        ('cuda', True, False, dict(type='AmpOptimWrapper', dtype='float16')),
    ],
)
def test_choice_of_the_wrapper(monkeypatch, device, fast, bf16_gpu, expected):
    monkeypatch.setattr(amp, 'get_device', lambda: device)
    monkeypatch.setattr(amp, 'has_fast_bfloat16', lambda: fast)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: device == 'cuda')
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: bf16_gpu)
    cfg = config(type='OptimWrapper')
    use_amp(cfg)
    assert dict(cfg.optim_wrapper, optimizer=None) == dict(expected, optimizer=None)


@pytest.mark.parametrize('fast', [True, False])
@pytest.mark.parametrize(
    'options',
    [
        dict(type='AmpOptimWrapper'),
        dict(type='AmpOptimWrapper', loss_scale='dynamic'),
        dict(type='AmpOptimWrapper', loss_scale=512.0, dtype='float16'),
        dict(type='AmpOptimWrapper', loss_scale=dict(init_scale=512.0), dtype=torch.bfloat16),
        dict(type='AmpOptimWrapper', dtype='float64', use_fsdp=False),
        dict(type='AmpOptimWrapper', dtype='float32', accumulative_counts=2, clip_grad=dict(max_norm=1.0)),
        dict(type='CPUAmpOptimWrapper', dtype='bfloat16'),
    ],
)
def test_every_config_of_a_gpu_trains_on_a_cpu(monkeypatch, mmroi_scope, fast, options):
    monkeypatch.setattr(amp, 'get_device', lambda: 'cpu')
    monkeypatch.setattr(amp, 'has_fast_bfloat16', lambda: fast)
    cfg = config(**options)
    use_amp(cfg)
    layer = torch.nn.Linear(2, 1)
    wrapper = build_optim_wrapper(layer, cfg.optim_wrapper)
    half = fast and options.get('dtype') not in ('float64', 'float32')
    with wrapper.optim_context(layer):
        assert layer(torch.ones(1, 2)).dtype is (torch.bfloat16 if half else torch.float32)
    assert wrapper._accumulative_counts == options.get('accumulative_counts', 1)


def test_what_has_no_effect_is_named(monkeypatch):
    words = []
    monkeypatch.setattr(amp, 'print_log', lambda text, **_: words.append(text))
    monkeypatch.setattr(amp, 'get_device', lambda: 'cpu')
    monkeypatch.setattr(amp, 'has_fast_bfloat16', lambda: True)
    use_amp(config(type='AmpOptimWrapper', loss_scale='dynamic', dtype='float16'))
    assert words == [
        "--amp: training in bfloat16; on a CPU loss_scale='dynamic', dtype='float16' has no effect"
    ]
    with pytest.raises(ValueError, match="dtype='int8'"):
        use_amp(config(type='AmpOptimWrapper', dtype='int8'))


def test_dtype_of_the_config_is_kept(monkeypatch):
    monkeypatch.setattr(amp, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: True)
    cfg = config(type='AmpOptimWrapper', dtype='float16')
    use_amp(cfg)
    assert cfg.optim_wrapper.dtype == 'float16'


def test_other_wrappers_are_refused():
    with pytest.raises(ValueError, match="optim_wrapper.type='ApexOptimWrapper'"):
        use_amp(config(type='ApexOptimWrapper'))
