"""Packaging of mmroi: ``pip install .``, ``pip install -e '.[vis,dev]'`` or ``mim install .``."""

import runpy
import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
MIM_EXTENSION = ('configs', 'tools', 'checkpoints', 'docs', 'model-index.yml', 'dataset-index.yml')
LEFT_OUT = ('__pycache__', '_build', 'images')  # the pages of docs are for messages that name them
VERSION = runpy.run_path(str(HERE / 'mmroi' / 'version.py'))  # needs no dependency, as the package does
if fault := VERSION['python_fault']():
    sys.exit(fault)
FIRST, LAST = VERSION['PYTHON']


def requirements(name: str) -> list[str]:
    """List the requirements of a file in ``requirements/``."""
    lines = (HERE / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line for line in lines if line and not line.startswith('#')]


class BuildWithMim(build_py):
    """Puts configs, tools, checkpoints and the model index where OpenMMLab's ``mim`` looks for them."""

    def run(self) -> None:
        """Copy the files of the package, then those for mim; what an earlier build copied is removed."""
        if getattr(self, 'editable_mode', False):
            super().run()
            return
        shutil.rmtree(Path(self.build_lib) / 'mmroi', ignore_errors=True)
        super().run()
        target = Path(self.build_lib) / 'mmroi' / '.mim'
        for name in MIM_EXTENSION:
            source = HERE / name
            if source.is_dir():
                shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            elif source.is_file():
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)


setup(
    name='mmroi',
    version=VERSION['__version__'],
    description='Multi-RoI human mesh recovery for OpenMMLab',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmroi contributors',
    keywords='human mesh recovery, 3D human pose and shape estimation, SMPL, OpenMMLab, computer vision',
    project_urls={
        'Paper': 'https://arxiv.org/abs/2402.02074',
        "The authors' code": 'https://github.com/CptDiaos/Multi-RoI',
        'OpenMMLab': 'https://github.com/open-mmlab',
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: Console',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in range(FIRST[1], LAST[1] + 1)),
        'Topic :: Multimedia :: Graphics :: 3D Modeling',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
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
    python_requires=f'>={FIRST[0]}.{FIRST[1]},<{LAST[0]}.{LAST[1] + 1}',
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name) for name in ('vis', 'video', 'deploy', 'smplx', 'completion', 'dev', 'docs')
    },
    entry_points={'console_scripts': ['mmroi = mmroi.cli.main:main']},
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
