"""Packaging of rtmw_ext with its configs, tools and metafiles in ``.mim/``,
where ``mim`` and the model names look for them."""

import os
import shutil
from pathlib import Path

from setuptools import find_packages, setup
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


version = {}
exec((ROOT / 'rtmw_ext' / 'version.py').read_text(), version)

setup(
    name='rtmw_ext',
    version=version['__version__'],
    description='RTMW and RTMW3D: real-time whole-body pose for MMPose',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['rtmw_ext', 'rtmw_ext.*']),
    package_data={'rtmw_ext': ['zoo/weights/*'], 'rtmw_ext.synthetic': ['*.json']},
    python_requires='>=3.9',
    # No OpenMMLab package: pip would replace a user's own. They are checked
    # at import (rtmw_ext/compat/dependencies.py).
    install_requires=['numpy', 'pillow', 'pyyaml', 'tqdm', 'wrapt>=1.15'],
    extras_require=dict(
        runtime=['opencv-python-headless', 'onnxruntime'],
        openvino=['openvino'],
        ncnn=['pnnx', 'ncnn'],
        synthetic=['anny==0.6.2', 'numba>=0.60', 'threadpoolctl>=3.1'],
        rerun=['rerun-sdk>=0.23'],
        tensorboard=['tensorboard>=2.10'],
    ),
    entry_points=dict(console_scripts=['rtmw = rtmw_ext.commands.cli:main']),
    cmdclass=dict(build_py=BuildWithMim),
)
