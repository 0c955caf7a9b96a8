# Wider heads on ``movenet``, for tens of thousands of people; with fewer the narrow ones are as good. For
# ``model``.
wide_heads = dict(
    encoder=dict(neck=dict(channels=128, out_channels=1024, dropout=0.1)),
    head=dict(hidden_channels=(1024, 1024), activation=dict(type='ReLU')),
)
