# A head for standard deviations of joints and its loss alone, for a network whose other parts are frozen. For
# ``model``.
joint_uncertainty = dict(
    uncertainty_head=dict(type='JointUncertaintyHead', hidden_channels=32, dropout=0.5),
    losses=dict(_delete_=True, uncertainty=dict(type='JointUncertaintyLoss')),
)
