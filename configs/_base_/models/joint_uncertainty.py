# A head for standard deviations of joints, trained on a network that stays as it is. For ``model``.
joint_uncertainty = dict(
    uncertainty_head=dict(type='JointUncertaintyHead', hidden_channels=32, dropout=0.5),
    frozen_parts=['encoder', 'fusion', 'head'],
    projector=None,
    losses=dict(_delete_=True, uncertainty=dict(type='JointUncertaintyLoss')),
)
