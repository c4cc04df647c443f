import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icssn.metrics.intervals import (
    FEWEST_BLOCKS,
    FEWEST_SHOWING,
    block_bootstrap,
    confusion_blocks,
    low_and_high,
    paired_difference,
    paired_difference_of_runs,
    standard_error,
)
from icssn.metrics.pixels import Confusion, confusion


def random_blocks(count, seed, hit=0.7):
    rng = np.random.default_rng(seed)
    return [
        Confusion(int(tp), int(fp), int(50 - tp), 900)
        for tp, fp in zip(rng.binomial(50, hit, count), rng.poisson(8, count), strict=True)
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(5, 40), st.integers(0, 99))
def test_blocks_add_up_to_the_scene(height, width, block_px, seed):
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array([0, 1, 255], np.uint8), (height, width))
    predicted = rng.random((height, width)) < 0.5
    blocks = confusion_blocks(truth, predicted, block_px=block_px)
    assert sum(blocks, Confusion()) == confusion(truth, predicted)
    assert all(0 < block.fp + block.tn <= block_px**2 or block.tp + block.fn for block in blocks)


def test_a_landslide_counts_whole_in_the_block_that_holds_most_of_it():
    truth = np.zeros((10, 40), np.uint8)
    truth[2:8, 6:16] = 1  # 24 pixels on the first block, 36 on the second
    predicted = np.zeros((10, 40), bool)
    predicted[:, :10] = True
    blocks = confusion_blocks(truth, predicted, block_px=10)
    assert blocks == [
        Confusion(0, 76, 0, 0),
        Confusion(24, 0, 36, 64),
        Confusion(0, 0, 0, 100),
        Confusion(0, 0, 0, 100),
    ]


def test_unknown_blocks_are_left_out():
    truth = np.full((20, 20), 255, np.uint8)
    truth[:10, :10] = 0
    assert len(confusion_blocks(truth, truth == 1, block_px=10)) == 1


def test_equal_blocks_leave_no_doubt():
    low, high = block_bootstrap([Confusion(6, 2, 2, 90)] * 9)
    assert low == high == pytest.approx(0.75)


def test_the_interval_is_that_of_drawing_blocks_one_by_one():
    # Slow twin: other draws of the same resampling.
    blocks = random_blocks(12, 0)
    rng = np.random.default_rng(99)
    figures = []
    for _ in range(4000):
        pooled = Confusion()
        for index in rng.integers(0, len(blocks), len(blocks)):
            pooled = pooled + blocks[index]
        figures.append(pooled.f1)
    assert block_bootstrap(blocks, samples=4000) == pytest.approx(np.quantile(figures, [0.025, 0.975]), abs=0.004)


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    # Blocks of 100 pixels, accuracy p in each: the interval of the mean is ± 1.96 sd / √n.
    rng = np.random.default_rng(1)
    right = rng.integers(30, 90, 200)
    blocks = [Confusion(int(r), 0, int(100 - r), 0) for r in right]
    low, high = block_bootstrap(blocks, figure=lambda pooled: pooled.accuracy, samples=3000)
    half = 1.96 * right.std() / 100 / np.sqrt(200)
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)
    assert (high + low) / 2 == pytest.approx(right.mean() / 100, abs=0.003)


def test_the_standard_error_of_a_mean_is_that_of_the_textbook():
    right = np.random.default_rng(1).integers(30, 90, 200)
    blocks = [Confusion(int(r), 0, int(100 - r), 0) for r in right]
    found = standard_error(blocks, figure=lambda pooled: pooled.accuracy, samples=3000)
    assert found == pytest.approx(right.std() / 100 / np.sqrt(200), rel=0.05)
    assert standard_error(blocks[:1]) == pytest.approx(0)


def test_more_confidence_is_a_wider_interval_and_the_same_seed_the_same():
    blocks = random_blocks(20, 2)
    low, high = block_bootstrap(blocks)
    wide_low, wide_high = block_bootstrap(blocks, confidence=0.99)
    assert wide_low < low < sum(blocks, Confusion()).f1 < high < wide_high
    assert block_bootstrap(blocks) == (low, high)
    assert block_bootstrap(blocks, seed=1) != (low, high)


@pytest.mark.parametrize("count", [0, 1, FEWEST_BLOCKS - 1])
def test_few_blocks_bring_no_interval(count):
    assert low_and_high("f1", random_blocks(count, 0)) == {}


def test_few_landslides_bring_no_interval_however_much_ground_is_judged():
    empty = [Confusion(0, 2, 0, 900)] * 40
    assert low_and_high("f1", [*random_blocks(FEWEST_SHOWING - 1, 0), *empty]) == {}
    assert low_and_high("f1", [*random_blocks(FEWEST_SHOWING, 0), *empty]) != {}


def test_enough_blocks_bring_the_interval_under_its_name():
    blocks = random_blocks(FEWEST_BLOCKS, 0)
    low, high = block_bootstrap(blocks, figure=lambda pooled: pooled.iou)
    assert low < high
    assert low_and_high("iou", blocks, figure=lambda pooled: pooled.iou) == {"iou_low": low, "iou_high": high}


def test_a_paired_difference_sees_what_two_intervals_hide():
    baseline = random_blocks(25, 3)
    better = [Confusion(b.tp + 1, b.fp, b.fn - 1, b.tn) if b.fn else b for b in baseline]
    low, high = paired_difference(better, baseline)
    assert 0 < low < high
    assert block_bootstrap(better)[0] < block_bootstrap(baseline)[1]  # the two intervals overlap
    assert paired_difference(baseline, baseline) == (0, 0)
    mirrored = paired_difference(baseline, better)
    assert mirrored == pytest.approx((-high, -low))


def test_blocks_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="2 blocks cannot be paired with 1"):
        paired_difference(random_blocks(2, 0), random_blocks(1, 0))


def test_one_run_is_compared_as_two_results_are():
    ours, theirs = random_blocks(30, 0, hit=0.8), random_blocks(30, 1)
    mean, low, high = paired_difference_of_runs([ours], [theirs])
    assert mean == pytest.approx(sum(ours, Confusion()).f1 - sum(theirs, Confusion()).f1)
    assert (low, high) == pytest.approx(paired_difference(ours, theirs), abs=0.01)


def test_runs_that_disagree_widen_the_interval():
    blocks = random_blocks(60, 0)
    better, worse = random_blocks(60, 1, hit=0.9), random_blocks(60, 2, hit=0.5)
    agreeing = paired_difference_of_runs([better] * 4, [blocks] * 4)
    disagreeing = paired_difference_of_runs([better, worse] * 2, [blocks] * 4)
    assert agreeing[2] - agreeing[1] < disagreeing[2] - disagreeing[1]
    assert agreeing[1] > 0


def test_equal_runs_do_not_differ():
    runs = [random_blocks(20, seed) for seed in range(3)]
    assert paired_difference_of_runs(runs, runs) == (0, 0, 0)


def test_runs_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference_of_runs([random_blocks(5, 0)], [random_blocks(6, 0)])


@pytest.mark.parametrize("sign", [1, -1])
def test_as_many_runs_as_blocks_are_drawn_apart_from_them(sign):
    # F1 .5 + a run's part ± a block's part, each of -.15, -.05, .05, .15: 16 sums of two draws, whatever the sign.
    places = [-0.15, -0.05, 0.05, 0.15]

    def of_f1(f1):
        tp = round(1000 * f1)
        return Confusion(tp, 1000 - tp, 1000 - tp, 0)

    runs = [[of_f1(0.5 + run + sign * block) for block in places] for run in places]
    _, low, high = paired_difference_of_runs(runs, [[of_f1(0.5)] * 4] * 4, samples=4000)
    rng = np.random.default_rng(9)
    sums = rng.choice(places, (2, 4000, 4)).mean(axis=2).sum(axis=0)
    assert (low, high) == pytest.approx(np.quantile(sums, [0.025, 0.975]), abs=0.015)
