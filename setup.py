"""Packaging of mmroi: ``pip install .``, ``pip install -e '.[det,vis,dev]'`` or ``mim install .``."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
MIM_EXTENSION = ('configs', 'tools', 'checkpoints', 'model-index.yml', 'dataset-index.yml')


def read_version() -> str:
    """Read the version without importing the package, which would need its dependencies."""
    scope: dict = {}
    for line in (HERE / 'mmroi' / 'version.py').read_text(encoding='utf-8').splitlines():
        if line.startswith('__version__'):
            exec(line, scope)
    return scope['__version__']


def requirements(name: str) -> list[str]:
    """List the requirements of a file in ``requirements/``."""
    lines = (HERE / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line for line in lines if line and not line.startswith('#')]


class BuildWithMim(build_py):
    """Puts configs, tools, checkpoints and the model index where OpenMMLab's ``mim`` looks for them."""

    def run(self) -> None:
        """Copy the files of the package, then those for mim."""
        super().run()
        if getattr(self, 'editable_mode', False):
            return
        target = Path(self.build_lib) / 'mmroi' / '.mim'
        for name in MIM_EXTENSION:
            source = HERE / name
            if source.is_dir():
                shutil.copytree(
                    source, target / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__')
                )
            elif source.is_file():
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)


setup(
    name='mmroi',
    version=read_version(),
    description='Multi-RoI human mesh recovery for OpenMMLab',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE', 'NOTICE'],
    packages=find_packages(include=['mmroi', 'mmroi.*']),
    package_data={
        'mmroi.apis.inference': ['*.json', 'assets/*.jpg'],
        'mmroi.benchmark': ['suites/*.yml', 'profiles/*.yml'],
        'mmroi.body_models': ['assets/*.npz'],
        'mmroi.models.refiners': ['assets/*.npz'],
        'mmroi.visualization.viewer': ['web/*', 'web/three/*'],
    },
    python_requires='>=3.10,<3.13',
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name) for name in ('det', 'vis', 'video', 'deploy', 'smplx', 'dev', 'docs')
    },
    entry_points={'console_scripts': ['mmroi = mmroi.cli.main:main']},
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
