"""Short trainings whose results are kept, and the table of their AP by part.

A study that was stopped goes on with the training that it was at.
"""

import json
import statistics
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

PARTS = ('', 'body/', 'foot/', 'face/', 'hand/')


class TrainingSeries:
    """A folder of trainings.

    Args:
        out: The folder; it keeps the data too, in ``data``.
        settings: What decides the results.

    Raises:
        SystemExit: The folder holds a study with other settings.
    """

    def __init__(self, out: str | Path, settings: dict) -> None:
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
    def data(self) -> Path:
        """The folder of the people."""
        return self.out / 'data'

    def run(self, name: str, config: Config, steps: int, seed: int) -> dict:
        """Trains and evaluates once.

        Args:
            name: Of the training, a folder.
            config: With two schedulers: warm-up, then cosine.
            steps: Of the training.
            seed: Of its weights and samples.

        Returns:
            {metric: value}.
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


def schedule(config: Config, steps: int) -> None:
    """The learning rate warms up and falls by a cosine in ``steps``."""
    config.train_cfg.update(max_iters=steps, val_begin=steps + 1)
    warmup, cosine = config.param_scheduler
    warmup.end = cosine.begin = max(steps // 10, 1)
    cosine.update(end=steps, T_max=steps - warmup.end)


def table(results: dict[str, list[dict]]) -> str:
    """Markdown: mean and, of several seeds, least and most AP by part.

    Args:
        results: {row: [metrics of each seed]}.
    """
    names = [part.rstrip('/') or 'whole' for part in PARTS]
    lines = [f'| AP | {" | ".join(names)} |', '|---' * 6 + '|']
    for row, runs in results.items():
        cells = []
        for part in PARTS:
            values = [100 * run[f'coco-wholebody/{part}AP'] for run in runs]
            cell = f'{statistics.mean(values):.1f}'
            if len(values) > 1:
                cell += f' ({min(values):.1f}-{max(values):.1f})'
            cells.append(cell)
        lines.append(f'| {row} | {" | ".join(cells)} |')
    return '\n'.join(lines)
