"""Puts configs, tools and metafiles into ``rtmw_ext/.mim``, where ``mim`` and the
model names look for them. All else about the package is in pyproject.toml."""

import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = ('configs', 'tools', 'model-index.yml')


class BuildWithMim(build_py):
    """A wheel gets copies; a development install gets links, so that an
    edited config counts at once."""

    def run(self):
        super().run()
        if getattr(self, 'editable_mode', False):
            mim = ROOT / 'rtmw_ext' / '.mim'
            mim.mkdir(exist_ok=True)
            for name in SHIPPED:
                link = mim / name
                if link.is_symlink():
                    link.unlink()
                link.symlink_to(os.path.relpath(ROOT / name, mim))
            return
        mim = Path(self.build_lib) / 'rtmw_ext' / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in SHIPPED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source, mim / name, ignore=shutil.ignore_patterns('__pycache__')
                )
            else:
                shutil.copy(source, mim / name)


setup(cmdclass=dict(build_py=BuildWithMim))
