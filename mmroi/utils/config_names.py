"""Find configs of this project by name, from any folder."""

import difflib
import warnings
from pathlib import Path, PurePath

from mmroi.utils import installation
from mmroi.utils.renamed_configs import REMOVED_IN, RENAMED

SCOPE = 'mmroi::'


def find_config(name: str | Path) -> Path:
    """Find a config.

    Args:
        name: Path of a file; else the name of a config of this project, with or without its folder, the
            scope ``mmroi::`` and ``.py``. Upper and lower case are the same. Names of ``RENAMED`` are
            replaced, with a warning.

    Returns:
        The file: the path as it was given, or an absolute path in this copy of the project.

    Raises:
        FileNotFoundError: There is no such config; suggests similar names.
    """
    if Path(name).is_file():
        return Path(name)
    found = list_configs()
    key = _key(str(name))
    if key in found:
        return found[key]
    old = PurePath(key).name
    if old in RENAMED and (path := found.get(str(PurePath(key).with_name(RENAMED[old].lower())))):
        warnings.warn(
            f'the config {old} is now called {RENAMED[old]}; mmroi {REMOVED_IN} no longer knows the old name',
            FutureWarning,
            stacklevel=2,
        )
        return path
    stems = {PurePath(key).name: path.stem for key, path in found.items()}
    stems |= {key: new for key, new in RENAMED.items() if new.lower() in found}
    near = dict.fromkeys(stems[stem] for stem in difflib.get_close_matches(old, stems, 3))
    hint = f'; did you mean {" or ".join(near)}?' if near else ''
    raise FileNotFoundError(f'config {installation.absence_of(name)}{hint}')


def list_configs() -> dict[str, Path]:
    """List the configs of this copy of the project.

    Returns:
        Absolute paths by name in lower case: all with their folder, such as ``_base_/models/cliff_r50``, and
        those that are no parts of others without it, too.
    """
    for root in installation.ROOTS:
        if (root / 'model-index.yml').is_file():
            folder = root / 'configs'
            paths = sorted(folder.rglob('*.py'))
            names = {path: path.relative_to(folder).with_suffix('').as_posix().lower() for path in paths}
            short = {path.stem.lower(): path for path in paths if not names[path].startswith('_base_/')}
            return short | {name: path for path, name in names.items()}
    return {}


def _key(name: str) -> str:
    return name.removeprefix(SCOPE).removeprefix('configs/').removesuffix('.py').lower()
