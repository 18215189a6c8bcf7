"""What the studies share: short trainings whose results are kept, so that a
study that was stopped goes on, and the table of their AP by part."""

import json
import statistics
from pathlib import Path

from mmengine.runner import Runner

PARTS = ('', 'body/', 'foot/', 'face/', 'hand/')


class Study:
    """A folder of trainings.

    Args:
        out (Path): The folder; it keeps the data too, in ``data``.
        settings (dict): What decides the results.

    Raises:
        SystemExit: The folder holds a study with other settings.
    """

    def __init__(self, out, settings):
        self.out = Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        known = self.out / 'settings.json'
        if known.exists() and json.loads(known.read_text()) != settings:
            raise SystemExit(
                f'{out} holds a study with other settings, '
                f'{known.read_text()}: choose another --out'
            )
        known.write_text(json.dumps(settings))

    @property
    def data(self):
        return self.out / 'data'

    def run(self, name, config, steps, seed):
        """Trains and evaluates once.

        Args:
            name (str): Of the training, a folder.
            config (Config): With two schedulers: warm-up, then cosine.
            steps (int): Of the training.
            seed (int): Of its weights and samples.

        Returns:
            dict: {metric: value}.
        """
        folder = self.out / name
        result = folder / 'result.json'
        if result.exists():
            return json.loads(result.read_text())
        config.merge_from_dict(
            {'work_dir': str(folder), 'randomness.seed': seed, 'experiment_name': name}
        )
        schedule(config, steps)
        config.resume = (folder / 'last_checkpoint').exists()
        runner = Runner.from_cfg(config)
        runner.train()
        metrics = runner.val()
        result.write_text(json.dumps(metrics))
        print(f'{name}: AP {metrics["coco-wholebody/AP"]:.3f}', flush=True)
        return metrics


def schedule(config, steps):
    """The learning rate warms up and falls by a cosine in ``steps``."""
    config.train_cfg.update(max_iters=steps, val_begin=steps + 1)
    warmup, cosine = config.param_scheduler
    warmup.end = cosine.begin = max(steps // 10, 1)
    cosine.update(end=steps, T_max=steps - warmup.end)


def table(results):
    """Markdown: mean and, of several seeds, least and most AP by part.

    Args:
        results (dict): {row: [metrics of each seed]}.
    """
    names = [part.rstrip('/') or 'whole' for part in PARTS]
    lines = [f'| AP | {" | ".join(names)} |', '|---' * 6 + '|']
    for row, runs in results.items():
        cells = []
        for part in PARTS:
            values = [100 * one[f'coco-wholebody/{part}AP'] for one in runs]
            cell = f'{statistics.mean(values):.1f}'
            if len(values) > 1:
                cell += f' ({min(values):.1f}-{max(values):.1f})'
            cells.append(cell)
        lines.append(f'| {row} | {" | ".join(cells)} |')
    return '\n'.join(lines)
