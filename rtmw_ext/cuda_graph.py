"""A training step as one CUDA graph: small models spend most of a step on a
GPU waiting for Python to name the next kernel.

Shapes: B persons (crops).
"""

import contextlib

import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from .hooks import plain_model


@HOOKS.register_module()
class CudaGraphHook(Hook):
    """Records loss and gradients of a batch once and replays them for every
    other one; augmentation, optimizer and all other hooks stay as they are.
    On a CPU, with accumulated gradients or in a distributed run it does
    nothing.

    All batches must be of one shape, labels be tensors, and what a step does
    must not depend on values. ``PartLossHook`` sees nothing of replayed steps.

    Args:
        warmup (int): Steps before it is recorded, in which cuDNN chooses and
            Triton compiles.
    """

    priority = 'VERY_LOW'

    def __init__(self, warmup=4):
        self.warmup = warmup

    def before_train(self, runner):
        model = plain_model(runner)
        device = next(model.parameters()).device.type
        if (device == 'cuda' and model is runner.model
                and runner.optim_wrapper._accumulative_counts == 1):
            model.train_step = RecordedStep(model, self.warmup)

    def after_train(self, runner):
        model = plain_model(runner)
        if isinstance(model.__dict__.get('train_step'), RecordedStep):
            del model.train_step


class RecordedStep:
    """What replaces a model's ``train_step``. It never waits for the GPU: the
    values that it returns are those of the step before.

    Args:
        model (BaseModel): Whose preprocessor gives ``inputs`` and one sample
            with all labels, as ``BatchPipeline`` does.
        warmup (int): Steps that are taken as always.
        recorder (GraphRecorder, optional): Another one, for tests without a
            GPU.
    """

    def __init__(self, model, warmup, recorder=None):
        self.model = model
        self.left = warmup
        self.recorder = recorder or GraphRecorder()
        self.replay = None

    def __call__(self, data, optim_wrapper):
        """As of MMEngine's ``BaseModel``."""
        if self.left > 0:
            self.left -= 1
            # Gradients remember the stream of their first step.
            with self.recorder.stream():
                values = type(self.model).train_step(self.model, data,
                                                     optim_wrapper)
            return {name: value.detach() for name, value in values.items()}
        with optim_wrapper.optim_context(self.model):
            data = self.model.data_preprocessor(data, True)
        if self.replay is None:
            self.data, self.optim_wrapper = data, optim_wrapper
            # Gradients that are there would be added to.
            optim_wrapper.zero_grad()
            self.replay = self.recorder.record(self._compute)
            self.before = None
        else:
            for kept, new in zip(tensors_of(self.data), tensors_of(data)):
                if kept.shape != new.shape:
                    raise ValueError(
                        'CudaGraphHook has recorded a step of '
                        f'{tuple(kept.shape)} and cannot take '
                        f'{tuple(new.shape)}: use batches of one size, or '
                        'leave the hook out')
                kept.copy_(new)
        self.replay()
        optim_wrapper.optimizer.step()
        now = self.recorder.read(self.values)
        values = (self.before or now)()
        self.before = now
        return dict(zip(self.names, values))

    def _compute(self):
        """Loss and clipped gradients of ``data``."""
        for parameter in self.model.parameters():
            # Gradients are written anew, into the same memory.
            parameter.grad = None
        with self.optim_wrapper.optim_context(self.model):
            losses = self.model._run_forward(self.data, mode='loss')
        loss, values = self.model.parse_losses(losses)
        loss.backward()
        values = {name: value.detach() for name, value in values.items()}
        clip = self.optim_wrapper.clip_grad_kwargs
        if clip:
            values[self.optim_wrapper.grad_name] = (
                self.optim_wrapper.clip_func(
                    list(self.model.parameters()), **clip))
        self.names = list(values)
        self.values = torch.stack([value.float() for value in
                                   values.values()])


class GraphRecorder:
    """A CUDA graph, and the stream that it and the steps before it are on."""

    def __init__(self):
        self.side = torch.cuda.Stream()

    @contextlib.contextmanager
    def stream(self):
        """Inside, work goes to the stream; around it, each waits for the
        other."""
        self.side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.side):
            yield
        torch.cuda.current_stream().wait_stream(self.side)

    def record(self, function):
        """Records what a function does; what does it again."""
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.side):
            function()
        return graph.replay

    def read(self, values):
        """Begins to copy a tensor to the host; what waits for it there."""
        there = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        there.copy_(values, non_blocking=True)
        done = torch.cuda.Event()
        done.record()

        def wait():
            done.synchronize()
            return there

        return wait


def tensors_of(data):
    """list[Tensor]: Inputs and labels of a preprocessed batch."""
    sample, = data['data_samples']
    labels = sample.gt_instance_labels
    return [data['inputs'], *(labels.get(name) for name in sorted(
        labels.keys()))]
