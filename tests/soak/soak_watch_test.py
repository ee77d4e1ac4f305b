"""The judgement on growth, on samples that are made up."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from soak import last_word, sum_up_reshardings  # noqa: E402
from soak_watch import growth_faults, slope_per_hour  # noqa: E402

HOUR = 3600


def samples(hours, value):
    return [(at, value(at)) for at in range(0, int(hours * HOUR), 30)]


class reshardings(unittest.TestCase):
    def test_all_counts_of_shards_are_summed_up(self):
        said = ['2 to 3: {"seeds":50,"lost":0}', "20 kills", '8 to 8: {"seeds":50,"lost":1}']
        self.assertEqual(sum_up_reshardings(said), "100 seeds, 1 lost")

    def test_nothing_is_no_success(self):
        self.assertIn("no resharding", sum_up_reshardings(["20 kills"]))


class growth(unittest.TestCase):
    steady = samples(4, lambda at: 20)

    def test_steady_use_is_no_fault(self):
        self.assertEqual(growth_faults(samples(4, lambda at: 100 + at % 7), self.steady), [])

    def test_a_leak_is_found_and_its_slope_told(self):
        faults = growth_faults(samples(4, lambda at: 100 + at / HOUR * 20), self.steady)
        self.assertEqual(len(faults), 1)
        self.assertIn("memory", faults[0])
        self.assertIn("+20.0 an hour", faults[0])

    def test_what_the_warm_up_takes_is_not_counted(self):
        self.assertEqual(growth_faults(samples(4, lambda at: min(at, 600)), self.steady), [])

    def test_one_high_sample_is_no_growth(self):
        self.assertEqual(growth_faults(samples(4, lambda at: 900 if at > 4 * HOUR - 60 else 100), self.steady), [])

    def test_leaking_descriptors_are_found(self):
        faults = growth_faults(samples(4, lambda at: 100), samples(4, lambda at: 20 + at // 600))
        self.assertEqual(len(faults), 1)
        self.assertIn("descriptors", faults[0])

    def test_a_short_time_is_not_judged(self):
        self.assertEqual(growth_faults(samples(0.5, lambda at: at), samples(0.5, lambda at: at)), [])

    def test_slope(self):
        self.assertAlmostEqual(slope_per_hour([(0, 1.0), (HOUR / 2, 2.0), (HOUR, 3.0)]), 2.0)


class words(unittest.TestCase):
    def test_the_counts_of_node(self):
        self.assertEqual(last_word(["# tests 3", "# pass 2", "# fail 1"]), "pass 2, fail 1")

    def test_otherwise_the_last_line(self):
        self.assertEqual(last_word(["a", "simulation: 5 seeds, 0 failed"]), "simulation: 5 seeds, 0 failed")


if __name__ == "__main__":
    unittest.main()
