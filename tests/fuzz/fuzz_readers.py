"""Give damaged and hostile files to the readers; count crashes, hangs and messages without a file's name.

``python tests/fuzz/fuzz_readers.py --cases 300`` (``make reliability``) runs all targets, the tests a
short form.
Files are read in a process of their own, because the faults looked for end a process. A case is made from the
seed and its number alone, so ``--first 123 --cases 1`` repeats one.
"""

import argparse
import ast
import io
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hostile_pickles import PAYLOADS, hostile
from mmengine.logging import MessageHub
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim import OneCycleLR
from safetensors.torch import save
from scipy import sparse

from mmroi.datasets.converters.raw_files import read_pickle
from mmroi.fileio import HumanData, read_checkpoint, read_state_dict
from mmroi.fileio.inert_names import BUILDERS, NAMES, Chumpy
from mmroi.fileio.smpl_unpickler import load_smpl_pickle

SECONDS = 20  # of computing, for one file
WAIT = 600  # seconds without a sign of life
MEMORY = 400  # MiB that one file may take beyond the first


def _body(protocol: int, layout: str) -> bytes:
    rng = np.random.default_rng(0)
    regressor = sparse.random(24, 60, 0.1, layout, random_state=0)
    arrays = dict(v_template=rng.normal(size=(60, 3)), f=np.arange(60, dtype=np.uint32).reshape(20, 3))
    return pickle.dumps({**arrays, 'J_regressor': regressor, 'bs_type': 'lrotmin'}, protocol)


def _sequence(protocol: int) -> bytes:
    rng = np.random.default_rng(0)
    sequence = dict(
        sequence='seq_00', poses=[rng.normal(size=(3, 72))], genders=['m'], valid=[np.ones(3, bool)]
    )
    return pickle.dumps(sequence, protocol)


def _people(compress: bool, protocol: int) -> bytes:
    rng = np.random.default_rng(0)
    smpl = dict(global_orient=rng.normal(size=(4, 3)), body_pose=rng.normal(size=(4, 23, 3)))
    members = dict(
        image_path=np.array([f'{i}.png' for i in range(4)]),
        bbox_xywh=rng.uniform(1, 9, (4, 5)),
        smpl=dict(smpl, betas=rng.normal(size=(4, 10))),
        meta=dict(gender=['neutral'] * 4),
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for key, value in members.items():
            content = io.BytesIO()
            if isinstance(value, dict):
                header = dict(descr='|O', fortran_order=False, shape=())
                np.lib.format.write_array_header_1_0(content, header)
                content.write(pickle.dumps(np.array(value, object), protocol))
            else:
                np.lib.format.write_array(content, value)
            archive.writestr(f'{key}.npy', content.getvalue())
    return file.getvalue()


def _training(zipped: bool) -> bytes:
    torch.manual_seed(0)
    hub = MessageHub('fuzz')
    for i in range(5):
        hub.update_scalar('train/loss', 0.5 * i)
    hub.update_info('best', np.float32(3))
    layer = torch.nn.Linear(4, 3)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    file = io.BytesIO()
    content = dict(
        meta=dict(epoch=1, cfg='a = 1', seed=np.int64(3)),
        state_dict=layer.state_dict(),
        optimizer=optimizer.state_dict(),
        param_schedulers=[OneCycleLR(optimizer, eta_max=1, total_steps=10).state_dict()],
        message_hub=hub.state_dict(),
    )
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _weights() -> bytes:
    return save({'weight': torch.arange(12.0).reshape(3, 4), 'bias': torch.ones(3)}, dict(epoch='1'))


def _read_people(path: Path) -> None:
    data = HumanData.fromfile(path)
    for key in list(data):
        np.asarray(data[key]).sum() if key == 'bbox_xywh' else data[key]


def _read_training(path: Path) -> None:
    content = read_checkpoint(path)
    for entry in content.get('message_hub', {}).get('log_scalars', {}).values():
        entry.mean() if len(entry.data[0]) else None
    for value in read_state_dict(path).values():
        value.sum()


TARGETS: dict[str, tuple[Callable[[int], bytes], Callable[[Path], Any]]] = {
    'smpl': (lambda i: _body(i % 6, ('csc', 'csr', 'coo')[i // 6 % 3]), load_smpl_pickle),
    'sequence': (lambda i: _sequence(i % 6), read_pickle),
    'people': (lambda i: _people(i % 2 == 0, 2 + i % 4), _read_people),
    'training': (lambda i: _training(True), _read_training),
    'old training': (lambda i: _training(False), _read_training),
    'safetensors': (lambda i: _weights(), _read_training),
}
_EDGES = (0, 1, 2, 127, 128, 255)
_MEMBERS = {'training': 'archive/data.pkl', 'people': 'smpl.npy'}


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage bytes: flips, overwritten, repeated and missing parts, extreme numbers, hostile pickles."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(data) or 1)), int(rng.integers(1, 40))
        kind = rng.integers(8)
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1 and data:
            data[at] = int(rng.choice(_EDGES))
        elif kind == 2:
            data[at : at + length] = rng.bytes(length)
        elif kind == 3:
            data[at : at + length] = b''
        elif kind == 4:
            data[at:at] = data[max(0, at - length) : at]
        elif kind == 5:
            data[at:] = b'' if rng.random() < 0.3 else data[at:]
        elif kind == 6:
            size = int(rng.choice((4, 8)))
            data[at : at + size] = int(rng.choice((0, 2**31 - 1, 2**31, 2**32 - 1))).to_bytes(size, 'little')
        else:
            data[at:at] = PAYLOADS[str(rng.choice(list(PAYLOADS)))]
    return bytes(data)


def make_case(target: str, number: int, seed: int) -> bytes:
    """Make one file. Those in zip archives are damaged inside half of the time, with correct checksums."""
    rng = np.random.default_rng((seed, list(TARGETS).index(target), number))
    content = TARGETS[target][0](number)
    if target in _MEMBERS and rng.random() < 0.6:
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, 'w') as new:
            for info in old.infolist():
                part = old.read(info)
                if info.filename == _MEMBERS[target] and rng.random() < 0.9:
                    part = damage(part, rng)
                new.writestr(info, part)
        return file.getvalue()
    if target in ('smpl', 'sequence') and rng.random() < 0.15:
        return hostile(str(rng.choice(list(PAYLOADS))), str(rng.choice(['J_regressor', 'poses', 'f'])))
    return damage(content, rng)


def read_cases(target: str, numbers: range, seed: int) -> Iterator[str]:
    """Read files one after the other; yields the number of each, and what is wrong."""
    read = TARGETS[target][1]
    HistoryBuffer()  # the first one registers the statistics of its class
    before, memory = process_state(), None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'victim.file')
        for number in numbers:
            yield f'# {number}'
            path.write_bytes(make_case(target, number, seed))
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)  # ends the process
            try:
                read(path)
            except (ValueError, pickle.UnpicklingError, KeyError) as error:
                if path.name not in str(error):
                    yield f'{number}: no file name in {error!r}'
                if 'weights_only=False' in str(error):
                    yield f'{number}: unsafe advice in {error!r}'
            except Exception as error:
                yield f'{number}: {error!r}'
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            memory = memory or peak
            if peak > memory + MEMORY:
                yield f'{number}: {peak - memory} MiB of memory'
                memory = peak
            if process_state() != before:
                yield f'{number}: changed the process'
                before = process_state()


def process_state() -> Any:
    functions = [(name, make.__defaults__) for name, make in NAMES.items() if hasattr(make, '__defaults__')]
    classes = [dict(vars(Chumpy)), dict(vars(HistoryBuffer)), sorted(HistoryBuffer._statistics_methods)]
    return functions, classes, len(BUILDERS)


def fuzz(target: str, cases: int, seed: int, first: int = 0) -> list[str]:
    """Read the files of a target in processes of their own; return what is wrong with the reader."""
    found, start, end = [], first, first + cases
    while start < end:
        lines, status = in_a_process(read_cases(target, range(start, end), seed))
        found += [f'{target} {line}' for line in lines if not line.startswith('# ')]
        if status == 0:
            break
        last = max([start, *(int(line[2:]) for line in lines if line.startswith('# '))])
        found.append(f'{target} {last}: {status}')
        start = last + 1
    return found


def in_a_process(lines: Iterator[str]) -> tuple[list[str], int | str]:
    """Collect lines in a copy of this process; returns them and how it ended, 0 if well."""
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(source)
            for line in lines:
                os.write(sink, f'{line!r}\n'.encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(sink)
    output, hung = b'', False
    with open(source, 'rb', buffering=0) as file:
        while not hung:
            hung = not select.select([file], [], [], WAIT)[0]
            piece = b'' if hung else file.read(1 << 16)
            if not piece:
                break
            output += piece
    if hung:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = [ast.literal_eval(line) for line in output.decode().splitlines()]
    return found, 'hung' if hung or status == -signal.SIGVTALRM else status and f'ended by {status}'


def main() -> int:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('targets', nargs='*', help=f'of {", ".join(TARGETS)}; default: all')
    parser.add_argument('--cases', type=int, default=300)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    failures = []
    for target in args.targets or TARGETS:
        found = fuzz(target, args.cases, args.seed, args.first)
        print(f'{target}: {args.cases} files, {len(found)} faults', *found, sep='\n  ', flush=True)
        failures += found
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
