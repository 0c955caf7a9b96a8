import torch
import torch.nn.functional as F

from mmroi.models import ContrastiveProjector


def test_formula():
    projector = ContrastiveProjector(4).eval()
    for name, buffer in projector.named_buffers():
        if 'running' in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    h = torch.randn(3, 2, 4)
    first, norm, _, second, last_norm = projector.layers
    assert second.bias is None
    for i in range(3):
        for m in range(2):
            x = h[i, m] * torch.sigmoid(F.relu(h[i, m]))
            x = first.weight @ x + first.bias
            x = (x - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
            x = second.weight @ x.clamp(min=0)
            x = (x - last_norm.running_mean) / (last_norm.running_var + norm.eps).sqrt()
            torch.testing.assert_close(projector(h)[i, m], x / x.norm(), rtol=1e-4, atol=1e-5)


def test_unit_length_and_float32_under_autocast():
    projector, h = ContrastiveProjector(4), torch.randn(3, 2, 4)
    with torch.autocast('cpu', torch.bfloat16):
        z = projector(h)
    assert z.dtype == torch.float32
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(3, 2))
