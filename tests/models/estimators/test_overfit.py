import torch


def test_multi_roi_learns_eight_photos_by_heart(multi_roi, build, people):
    """The whole network with all its losses, trained on eight fixed photos, comes below 15 mm MPJPE."""
    multi_roi['encoder']['backbone']['base_channels'] = 16
    for part in ('fusion', 'head', 'projector', 'heatmap_head'):
        multi_roi[part]['in_channels'] = 128
    multi_roi['head'].update(hidden_channels=(256, 256), dropout=0.0)
    model = build(multi_roi)
    model.init_weights()
    samples = people(8, 3)
    photos = torch.randn(8, 3, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    steps = 200
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        loss = sum(model(photos, samples, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        predicted = torch.cat([s.pred_instances.joints3d for s in model(photos, samples, mode='predict')])
    wanted = torch.cat([sample.gt_instances.keypoints3d[..., :3] for sample in samples])
    error = (predicted - predicted[:, :1] - wanted + wanted[:, :1]).norm(dim=-1).mean()
    assert 1000 * error < 15
