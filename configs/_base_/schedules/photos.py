# Training on photos and rendered people together, by minutes: one long cosine. A run
# that is stopped goes on with --resume.
_base_ = './minutes.py'

minutes = 60
flat = 0.05  # Share of the minutes at which the learning rate begins to fall.
lr = 6e-4

optim_wrapper = dict(optimizer=dict(lr=lr))
default_hooks = dict(
    # At the end, the weights alone too, as iter_N-SHA256.pth.
    checkpoint=dict(interval=100, published_keys=['meta', 'state_dict']),
    time_budget=dict(minutes=minutes, flat=flat),
)
