"""Rows compared person by person and seed by seed."""

from dataclasses import replace

import numpy as np
import pytest
from mmengine.config import ConfigDict

from mmroi.benchmark import comparison, plots, profiles, report, results, runs, suites

SHIFT = ConfigDict(type='RandomBoxShift', factor=0.1)  # as a suite's file gives it
CONDITION = suites.Condition('off', 'boxes off', transforms=(SHIFT,))
ROWS = tuple(suites.Row(name, name.upper(), f'{name}.py') for name in ('none', 'a', 'b', 'both'))
PEOPLE = np.arange(50.0)


def summary(row, shift, seeds=(0, 1), noise=0.0):
    """A row whose errors are those of the first one, shifted."""
    measured = []
    for seed in seeds:
        wobble = np.random.default_rng(seed).normal(0, noise, len(PEOPLE)) if noise else 0
        errors = 100 + seed + PEOPLE + shift + wobble
        numbers = dict(MPJPE=float(errors.mean()))
        run = runs.Run(row, seed, None)
        record = dict(date='2026-01-02T03:04:05', device='2 cores', code='mmroi 1')
        measured.append(results.Measured(run, numbers, {}, {}, 50, record, {'MPJPE': errors}))
    return results.Summary(row, tuple(measured), (), 0)


@pytest.fixture
def suite():
    contrasts = (suites.Contrast('A', ('a', 'both'), ('none', 'b')),)
    return suites.Suite('s', 'My table', ROWS, reference='none', contrasts=contrasts, hypotheses=('None.',))


@pytest.fixture
def summaries():
    return [summary(row, shift) for row, shift in zip(ROWS, (0, -3, 2, -5), strict=True)]


def test_rows_minus_their_reference(suite, summaries):
    found = comparison.compare_rows(suite, summaries)
    assert [(one.label, one.reference) for one in found] == [('A', 'NONE'), ('B', 'NONE'), ('BOTH', 'NONE')]
    assert [one.differences['MPJPE'].mean for one in found] == pytest.approx([-3, 2, -5])
    assert all(one.differences['MPJPE'].is_clear for one in found)


def test_groups_of_rows_are_means_over_pairs(suite, summaries):
    (found,) = comparison.compare_groups(suite, summaries)
    assert found.differences['MPJPE'].mean == pytest.approx(((-3 - 0) + (-5 - 2)) / 2)
    assert suite.select(['none', 'a']).contrasts == ()


def test_only_seeds_that_both_have_count(suite, summaries):
    summaries[1] = summary(ROWS[1], -3, seeds=(1, 7))
    found = comparison.compare_rows(suite, summaries)
    assert found[0].differences['MPJPE'].seeds == 1 and found[1].differences['MPJPE'].seeds == 2
    summaries[0] = summary(ROWS[0], 0, seeds=(9,))
    assert comparison.compare_rows(suite, summaries) == []


def test_people_of_one_image_count_together_and_other_people_are_not_compared(suite):
    def compare(names, other_names):
        sides = [
            replace(side, measured=tuple(replace(one, images=images) for one in side.measured))
            for side, images in zip(
                (summary(ROWS[0], 0), summary(ROWS[1], np.repeat(np.arange(5.0), 10))),
                (names, other_names),
                strict=True,
            )
        ]
        return comparison.compare_rows(suite, sides)

    five, fifty = np.repeat([*'abcde'], 10), np.arange(50).astype(str)
    (unknown,), (together,), (alone,) = compare(None, None), compare(five, five), compare(fifty, fifty)
    differences = [one.differences['MPJPE'] for one in (unknown, together, alone)]
    assert differences[0].low == pytest.approx(differences[2].low, abs=0.1)
    assert differences[1].mean == differences[2].mean == 2
    widths = [one.high - one.low for one in differences]
    assert widths[1] > 2.5 * widths[2]
    assert compare(five, fifty) == [] and compare(None, five) == []


def test_rows_are_compared_under_the_same_condition(summaries):
    suite = suites.Suite('s', 't', ROWS[:2], reference='none', conditions=(CONDITION, CONDITION))
    tested = [row.under(CONDITION) for row in suite.rows]
    assert [row.full_name for row in suite.tested_rows[:2]] == ['none @ off', 'a @ off']
    worse = [summary(tested[0], 50), summary(tested[1], 40)]
    found = comparison.compare_rows(suite, [*summaries[:2], *worse])
    assert (found[-1].label, found[-1].reference, found[-1].condition) == ('A', 'NONE', CONDITION)
    assert found[-1].differences['MPJPE'].mean == pytest.approx(-10)


def test_words_follow_the_interval(suite, summaries):
    summaries[2] = summary(ROWS[2], 0, noise=9)
    lines = comparison.sentences(comparison.compare_rows(suite, summaries))
    assert lines[0] == '* MPJPE: **A** is better than NONE by 3.0 mm (3.0 to 3.0).'
    assert lines[-1].startswith('* MPJPE: no clear difference: B against NONE (') and len(lines) == 3


def test_the_report_and_its_picture(suite, summaries, tmp_path):
    compared = comparison.compare(suite, summaries)
    text = report.write_report(
        suite, profiles.load_profile('quick'), summaries, compared, {}, [], 'x', tmp_path
    )
    assert '| BOTH | **-5.0 [-5.0, -5.0]** | 2 |' in text
    assert '| A | **-5.0 [-5.0, -5.0]** | 2 |' in text
    assert '## In short' in text and 'Expected before the first run:\n\n* None.' in text
    assert '95 % intervals' in text and 'fewer than five seeds' in text
    (picture,) = plots.draw_all(summaries, compared.all, tmp_path)
    assert picture.name == 'differences.png' and picture.stat().st_size > 1000


def test_errors_that_nobody_has_on_both_sides_are_not_compared(suite, summaries):
    for one in summaries[1].measured:
        one.errors['depth'] = np.where(PEOPLE < 5, PEOPLE, np.nan)
    for one in summaries[0].measured:
        one.errors['depth'] = np.where(PEOPLE < 4, np.nan, 0)
    (a,) = comparison.compare_rows(suite, summaries[:2])
    assert a.differences['depth'].people == 1 and a.differences['depth'].mean == 4
    (a,) = comparison.compare_rows(suite, summaries[:2], PEOPLE > 20)
    assert [*a.differences] == ['MPJPE']
    for one in summaries[1].measured:
        one.errors['MPJPE'][:] = np.nan
    assert comparison.compare_rows(suite, summaries[:2], PEOPLE > 20) == []


def test_one_person_has_no_interval():
    assert comparison.format_difference(None) == '–'
    found = comparison.paired_difference([np.array([2.0])], [np.array([1.0])])
    assert comparison.format_difference(found) == '+1.0'


def test_conditions_and_groups_of_people_have_tables_of_their_own(tmp_path):
    exact = suites.Condition('exact', 'exact boxes')
    suite = suites.Suite(
        's',
        'My table',
        ROWS[:2],
        reference='none',
        contrasts=(suites.Contrast('NONE', ('none',), ('a',)),),
        conditions=(exact, CONDITION),
        groups=('visibility',),
    )
    shifts = {'none @ exact': 0, 'a @ exact': -1, 'none @ off': 20, 'a @ off': 11}
    summaries = [summary(row, shifts[row.full_name]) for row in suite.tested_rows]
    for one in summaries[1].measured:  # better on the first ten people alone
        one.errors['MPJPE'][:10] -= 4
    people = {'near': np.arange(50) < 10, 'far': np.arange(50) >= 10}
    profile = profiles.load_profile('quick')
    compared = comparison.compare(suite, summaries)
    text = report.write_report(suite, profile, summaries, compared, {}, [], 'x', tmp_path, people)
    words = text.partition('## In short')[2].partition('## By condition')[0]
    assert '**A** is better than NONE by 1.8 mm' in words.partition('Under all conditions')[0]
    assert '* MPJPE: **A** against NONE: better by 1.8 to 9.0 mm (all conditions).' in words
    assert '| MPJPE mm | exact boxes | boxes off |' in text
    assert '| NONE | 125.0 ± 0.5 | 145.0 ± 0.5 |' in text
    assert '| Δ MPJPE mm, minus NONE | exact boxes | boxes off |' in text
    assert '| A | **-1.8 [' in text and '**-9.0 [-9.0, -9.0]** |' in text
    assert text.count('\n| NONE | ') == 2  # under all conditions, and with all metrics under the first one
    assert '| near (10 people) | 105.0 ± 0.5 | 100.0 ± 0.5 |' in text
    assert '| Δ MPJPE mm, minus NONE where nothing else is said | A | NONE minus A |' in text
    assert '| near (10 people) | **-5.0 [-5.0, -5.0]** | **+5.0 [+5.0, +5.0]** |' in text
    assert '| far (40 people) | **-1.0 [-1.0, -1.0]** | **+1.0 [+1.0, +1.0]** |' in text
    assert '| Δ MPJPE mm, change from exact boxes | boxes off |' in text
    assert '| A minus NONE | **-7.2 [' in text  # from -1.8 to -9
    assert (
        '* MPJPE: **A minus NONE** against the same with exact boxes: better by 7.2 mm (boxes off).' in words
    )
    (picture,) = plots.draw_all(summaries, compared.all, tmp_path)
    assert picture.name == 'differences.png' and picture.stat().st_size > 1000


def test_a_change_of_a_difference_is_paired():
    """Noise that both conditions share cancels; a contrast of two pairs changes by its mean."""
    first, other = (suites.Condition(name, name) for name in ('first', 'other'))
    contrast = suites.Contrast('A', ('a', 'both'), ('none', 'b'))
    suite = suites.Suite('s', 't', ROWS, reference='none', contrasts=(contrast,), conditions=(first, other))
    shifts = {'none': (0, 5), 'a': (-3, 1), 'b': (2, 9), 'both': (-5, -8)}
    summaries = [summary(row, shifts[row.name][row.condition is other], noise=9) for row in suite.tested_rows]
    changes = comparison.compare_changes(suite, summaries)
    found = {one.label: one.differences['MPJPE'] for one in changes}
    a, both = (1 - 5) - (-3 - 0), (-8 - 9) - (-5 - 2)
    assert found['A'].mean == pytest.approx((a + both) / 2)
    assert found['A minus NONE'].mean == pytest.approx(a)
    assert found['B minus NONE'].mean == pytest.approx((9 - 5) - 2)
    assert all(one.high - one.low < 1e-9 and one.is_clear for one in found.values())
    assert {one.condition for one in changes} == {other}


def test_words_say_where_a_verdict_holds():
    labels = ('exact', 'off 5', 'off 10', 'off 20')
    suite = suites.Suite(
        's',
        't',
        ROWS[:2],
        reference='none',
        contrasts=(suites.Contrast('A', ('a',), ('none',)),),
        conditions=tuple(suites.Condition(label, label) for label in labels),
    )
    shifts = dict(zip(labels, (-3, -1.5, 0, 4), strict=True))
    summaries = [
        summary(
            row,
            shifts[row.condition.name] if row.name.startswith('a') else 0,
            noise=9 if row.condition.name == 'off 10' and row.name.startswith('a') else 0,
        )
        for row in suite.tested_rows
    ]
    compared = comparison.compare(suite, summaries)
    expected = (
        '* MPJPE: **A** against NONE: better by 1.5 to 3.0 mm (exact, off 5); worse by 4.0 mm (off 20); '
        'not clear (off 10).'
    )
    assert comparison.changes_in_words(compared.rows) == [expected]
    assert comparison.changes_in_words(compared.groups) == [expected]
    assert {one.title for one in compared.all} == {'A minus NONE'}
