"""Suites: their rows, and what is wrong with a user's file."""

from pathlib import Path

import pytest

from mmroi.benchmark import profiles, suites
from mmroi.benchmark import project_files as files
from mmroi.engine.pipelines import load_config
from mmroi.utils.config_names import find_config

ROOT = Path(__file__).parents[2]


SUITES = files.names_in(suites.SUITES)


@pytest.mark.parametrize('name', SUITES)
def test_every_row_of_a_suite_at_both_ends_of_scale(name, quick):
    suite = suites.load_suite(name)
    real = profiles.load_profile('real')
    for row in suite.rows:
        if row.config:
            small = profiles.stage_configs(row, quick, 0)
            assert list(small) == ([] if row.checkpoint else ['train'])
            assert profiles.network_config(row, quick, 0).model.encoder.backbone.type == 'MoveNetBackbone'
            if set(row.overrides) - {'max_epochs'}:  # of parts that only the suite's own profile brings
                with pytest.raises(ValueError, match='no part for the overrides (model|param_scheduler)'):
                    profiles.stage_configs(row, real, 7)
                continue
            for stage, config in profiles.stage_configs(row, real, 7).items():
                file = {'train': row.config, 'finetune': row.finetune}[stage]
                own = load_config(find_config(file), import_custom_modules=False)
                assert config.model == own.model and config.randomness == dict(seed=7)
                assert config.train_dataloader == own.train_dataloader
        else:
            assert row.paper


@pytest.mark.parametrize('name', SUITES)
def test_labels_of_a_suite_tell_its_rows_apart(name):
    suite = suites.load_suite(name)
    labels = {row.name: row.label for row in suite.rows}
    for contrast in suite.contrasts:
        if len(contrast.rows) == 1:
            assert contrast.label == labels[contrast.rows[0]]
    assert len({(c.label, c.without) for c in suite.contrasts}) == len(suite.contrasts)
    assert len(set(suite.tested_rows)) == len({row.title for row in suite.tested_rows})


def test_what_is_wrong_with_a_suite_is_said(tmp_path):
    with pytest.raises(
        FileNotFoundError, match='table9 is neither a file nor one of baselines, camera, crop_size, demo'
    ):
        suites.load_suite('table9')
    with pytest.raises(ValueError, match=r"table2 has no rows \['m1'\]; it has none, raf"):
        suites.load_suite('table2').select(['full', 'm1'])
    for text, message in (
        ('title: x', 'mine.yml: not a suite, rows missing'),
        (
            '{title: x, rows: [], condition: []}',
            'mine.yml: unknown condition; there are columns, conditions',
        ),
        ('{title: x, rows: [full]}', 'mine.yml: cannot read a row'),
    ):
        (tmp_path / 'mine.yml').write_text(text)
        with pytest.raises(ValueError, match=message):
            suites.load_suite(str(tmp_path / 'mine.yml'))
    head = "title = 'x'\npaper_data = ''\n"
    for rows, error, message in (
        (
            "[dict(name='a', label='', config='no.py')]",
            FileNotFoundError,
            'row a: config no.py does not exist',
        ),
        ("[dict(name='a', label=''), dict(name='a', label='')]", ValueError, 'the same name'),
        (
            "[dict(name=n, label=n, config='hmr/hmr_r50_1xb48-25e_mixture-256x192.py') for n in 'ab']",
            ValueError,
            'the same config',
        ),
        ("[dict(name='a', label=''), dict(name='b', label='')]", ValueError, 'rows have the same label'),
        ("[dict(name='a', label='', nme=1)]", ValueError, "cannot read a row.*'nme'"),
        ("[]\ncolumns = ['fps', 'watts']", ValueError, 'are fps, watts, but there are L_2D, fps'),
        ("[]\ngroups = ['age']", ValueError, 'groups are age, but there are visibility, focal length'),
    ):
        (tmp_path / 'mine.py').write_text(f'{head}rows = {rows}\n')
        with pytest.raises(error, match=message):
            suites.load_suite(str(tmp_path / 'mine.py'))


@pytest.mark.parametrize('suite', ['table4', 'rois_beyond_5'])
def test_table_4_has_the_papers_losses_and_rates(suite):
    suite = suites.load_suite(suite)
    assert suite.columns == suite.select(['full']).columns == ('L_2D', 'fps')
    paper = {
        'M = 1': (1.6, 76.3),
        'M = 2': (1.8, 63.5),
        'M = 3': (1.9, 61.7),
        'M = 4': (2.3, 57.3),
        'M = 5': (2.4, 55.6),
    }
    for row in suite.rows:
        assert (row.paper.get('L_2D'), row.paper.get('fps')) == paper.get(row.label, (None, None))


def test_names_of_references_and_contrasts_are_checked(tmp_path):
    path = tmp_path / 'mine.py'
    head = "title = 'x'\nrows = [dict(name='a', label='')]\n"
    for entry, message in (
        ("reference = 'b'", r"has no rows \['b'\]; it has a"),
        ("contrasts = [dict(label='x', rows=['a'], without=['c'])]", r"has no rows \['c'\]"),
        ("contrasts = [dict(label='x', rows=['a'], without=[])]", 'contrast x needs as many rows on both'),
        ("conditions = [dict(name='x', label=n) for n in 'yz']", 'two conditions have the same name'),
        ("conditions = [dict(name='x', label='', transform=[])]", "cannot read a condition.*'transform'"),
    ):
        path.write_text(head + entry)
        with pytest.raises(ValueError, match=message):
            suites.load_suite(str(path))
