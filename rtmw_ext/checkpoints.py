"""Does a checkpoint fit a model? Asked before it is tested or resumed."""


class CheckpointError(ValueError):
    """A checkpoint is of another model; the text names both."""


def check_fit(model, state_dict, name):
    """Raises if ``state_dict`` cannot be ``model``'s weights.

    MMEngine only logs missing and mismatching weights, and then runs with
    random ones.

    Args:
        model (nn.Module): The model to load into.
        state_dict (dict): {parameter name: tensor}.
        name (str): What to call the checkpoint in the error, its path, say.

    Raises:
        CheckpointError: A weight of the model is missing or of another shape.
    """
    state_dict = {key.removeprefix('module.'): value
                  for key, value in state_dict.items()}
    problems = []
    for key, tensor in model.state_dict().items():
        if key.startswith('data_preprocessor.'):
            continue
        if key not in state_dict:
            # Released before torch counted BN batches.
            if not key.endswith('num_batches_tracked'):
                problems.append(f'{key} is missing')
        elif state_dict[key].shape != tensor.shape:
            problems.append(f'{key} is {tuple(state_dict[key].shape)}, not '
                            f'{tuple(tensor.shape)}')
    if problems:
        raise CheckpointError(
            f'checkpoint {name} is of another model than the config: '
            f'{len(problems)} of {len(model.state_dict())} weights do not fit '
            f'({"; ".join(problems[:3])}{", ..." if problems[3:] else ""}). '
            'Give the config and the checkpoint of the same model and input '
            'size')
