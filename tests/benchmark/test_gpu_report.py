from mmroi.benchmark.gpu_report import check_aims, table_of_rois, write_summary


def speed(network, rois, value, batch=32, precision='bf16', mode='eager'):
    return dict(
        network=network, rois=rois, batch=batch, precision=precision, mode=mode, frames_per_second=value
    )


FIGURES = {
    'speed-r50': dict(
        machine=dict(device='a GPU'),
        rows=[
            speed('r50', 5, 900.0),
            speed('r50', 5, 1600.0, mode='cuda-graphs'),
            speed('r50', 5, 9000.0, precision='fp32'),
        ],
    ),
    'shared-map': dict(
        rows=[
            *(speed('map', rois, value) for rois, value in ((1, 100.0), (5, 97.0))),
            *(speed('map', rois, value, batch=1) for rois, value in ((1, 10.0), (5, 9.0))),
        ]
    ),
    'memory-with_cp': dict(batch_size=48, rows=[dict(peak_mib=24 * 1024.0, samples_per_second=96.0)]),
    'training': dict(batch_size=48, rows=[dict(waiting=w, samples_per_second=24.0) for w in (0.04, 0.01)]),
    'numerics': dict(
        rows=[dict(precision='fp32', local_cameras=2e-5), dict(precision='bf16', local_cameras=1e-2)]
    ),
}


def test_aims():
    found = {row['what'].split(',')[0]: (row['measured'], row['met']) for row in check_aims(FIGURES)}
    assert found == {
        'R50': ('1600 persons/s', 'yes'),
        'one crop for all RoIs': ('0.9', 'no'),
        'peak memory of training': ('24576 MiB', 'no'),
        'share of waiting for data': ('0.04', 'yes'),
        'losses with a launcher and without': ('not measured', '–'),
        'cameras of GPU and CPU in fp32': ('2e-05', 'yes'),
    }


def test_what_was_not_measured_is_said():
    assert {row['measured'] for row in check_aims({})} == {'not measured'}
    unknown = {'memory-with_cp': dict(rows=[dict(peak_mib=None), dict(peak_mib=1.0)])}
    assert check_aims(unknown)[2]['measured'] == 'not measured'


def test_table_of_rois():
    rows = [speed('net', 1, 100.0), speed('net', 5, 50.0), speed('CLIFF', 1, 125.0), speed('net', 5, 8.0, 1)]
    assert table_of_rois(rows) == [
        {
            'batch': 32,
            'precision': 'bf16',
            'mode': 'eager',
            'M = 1': '100 (1.00)',
            'M = 5': '50 (0.50)',
            'CLIFF': '125 (1.25)',
        },
        {'batch': 1, 'precision': 'bf16', 'mode': 'eager', 'M = 1': '–', 'M = 5': '8', 'CLIFF': '–'},
    ]


def test_summary():
    commands = {name: [f'python tools/{name}.py'] for name in FIGURES}
    text = write_summary(FIGURES, dict(launcher='no port'), commands, with_aims=True)
    assert '* launcher: no port' in text and 'device: a GPU' in text and 'python tools/numerics.py' in text
    lines = [line.split() for line in text.splitlines()]
    assert ['|', '0.04', '|', '24', '|', '2000', '|'] in lines  # 48 people at 24 a second: 2 s
    assert '## Aims' not in write_summary({}, {}, {}, with_aims=False)
