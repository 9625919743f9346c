#!/usr/bin/env python3
"""The report of the benchmarks, made of small results in a tree of its own, without matplotlib."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

REPORT = pathlib.Path(__file__).resolve().parents[2] / "bench" / "report" / "report.py"
MACHINE = {"cpu": "Testor(R) 9 CPU @ 3GHz", "kernel": "6.1", "compiler": "g++ 12", "commit": "c0"}
README = "before\n<!-- measured -->\nold figures\n<!-- /measured -->\nafter\n"


def row(system, mode, p50, **changes):
    """A row of 48 B one way, FAR, at a floor of 100 ns, unless changed."""
    values = {
        "system": system, "topology": "1to1", "payload_bytes": 48, "mode": mode, "settings": "",
        "metric": "latency", "unit": "ns", "placement": "FAR", "p50": p50, "p99": 2 * p50,
        "p99_9": 3 * p50, "max": 4 * p50, "floor": 100.0, "ratio": p50 / 100, "samples": 10,
        "discarded": 1, "curve": [p50 / 2, p50, 3 * p50],
    }  # fmt: skip
    return values | changes


TOWPATH = [
    row("towpath", "one", 105.0),
    row("towpath", "many", 130.0),
    row("towpath", "one take()", 20.0, metric="stream", unit="ns/message", ratio=0.2),
]
PEERS = [
    row("Swift", "", 90.0, settings="spins"),
    row("Aeron", "offer", 400.0),
    row("iceoryx2", "", 200.0, metric="stream", unit="ns/message", ratio=2.0),
    row("boost spsc_queue", "", 101.0, payload_bytes=64),
]


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "README.md").write_text(README)
        # Shadows an installed matplotlib, so that the test is the same everywhere.
        shadow = self.root / "shadow"
        shadow.mkdir()
        (shadow / "matplotlib.py").write_text("raise ImportError('not here')\n")
        self.environment = os.environ | {"PYTHONPATH": str(shadow)}

    def write(self, name, rows, **changes):
        document = {"machine": MACHINE, "curve_at": [0.0, 0.5, 0.999], "rows": rows} | changes
        path = self.root / name
        path.write_text(json.dumps(document))
        return path

    def run_report(self, *arguments):
        command = [sys.executable, REPORT, "--root", self.root, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)

    def report(self, *arguments):
        """Runs it; returns what it printed and the page."""
        done = self.run_report(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, (self.root / "docs" / "benchmarks.md").read_text()

    def report_rows(self, *rows):
        return self.report(self.write("a.json", list(rows)))

    def stored(self):
        (path,) = (self.root / "results").iterdir()
        return path

    def test_merge_keeps_all_rows_and_names_the_file_after_commit_cpu_and_compiler(self):
        skipped = self.root / "skipped"
        skipped.write_text("iceoryx2: skipped, no cargo\n")
        first, second = self.write("a.json", TOWPATH), self.write("b.json", PEERS)
        out, page = self.report("--commit", "abc", "--skipped", skipped, first, second)
        path = self.stored()
        self.assertEqual(path.name, "abc-testor-9-g++-12.json")
        merged = json.loads(path.read_text())
        self.assertEqual(merged["rows"], TOWPATH + PEERS)
        self.assertEqual(merged["machine"], MACHINE | {"commit": "abc"})
        self.assertEqual(merged["skipped"], ["iceoryx2: skipped, no cargo"])
        for text in (out, page):
            self.assertIn("iceoryx2: skipped, no cargo", text)

    def test_stored_result_gives_the_same_page_again(self):
        _, page = self.report_rows(*TOWPATH, *PEERS)
        (self.root / "docs" / "benchmarks.md").unlink()
        _, again = self.report("--from", self.stored())
        self.assertEqual(again, page)

    def test_peer_that_wins_is_named_with_both_figures(self):
        out, page = self.report_rows(*TOWPATH, *PEERS)
        summary = next(line for line in page.splitlines() if line.startswith("Measured on"))
        self.assertIn("Testor(R) 9", summary)
        self.assertIn("Swift in 4", summary)
        self.assertNotIn("Aeron in", summary)
        found = "| Swift | 48 B one way, FAR | p50 | 90.0 ns | 105 ns (one), 130 ns (many) |"
        self.assertIn(found, page)
        self.assertIn("Swift: 48 B one way, FAR", out)

    def test_peer_between_two_ways_of_using_towpath_is_no_outright_win_but_is_told(self):
        _, page = self.report_rows(*TOWPATH, row("Aeron", "offer", 120.0))
        self.assertIn("in 0 of 4 compared figures", page)
        self.assertIn("| 120 ns | 130 ns (many); but 105 ns (one) |", page)

    def test_difference_within_the_margin_is_none(self):
        _, page = self.report_rows(TOWPATH[0], row("Swift", "", 103.0))
        self.assertIn("No peer is better than Towpath by more than 3 % in any of 4", page)

    def test_reference_that_is_faster_is_listed_as_such(self):
        _, page = self.report_rows(*TOWPATH, row("boost spsc_queue", "", 80.0))
        self.assertIn("No peer was measured", page)
        self.assertIn("| boost spsc_queue | 48 B one way, FAR | p50 | 80.0 ns |", page)

    def test_placements_and_rows_of_few_samples_are_not_compared(self):
        near = row("Swift", "", 50.0, placement="NEAR")
        few = row("Aeron", "", 50.0, samples=2)
        _, page = self.report_rows(*TOWPATH, near, few)
        self.assertIn("No peer was measured", page)
        self.assertIn("| Swift | 50.0 |", page)
        self.assertIn("| Aeron* | 50.0 |", page)

    def test_row_of_which_nothing_was_kept_is_named(self):
        lost = row("Swift", "", 0.0, placement="none kept", samples=0, discarded=7, curve=[])
        out, page = self.report_rows(*TOWPATH, lost)
        for text in (out, page):
            self.assertIn("Swift, 48 B one way: only 0 samples kept, 7 discarded", text)

    def test_nothing_at_all_is_a_figure(self):
        ours = row("towpath", "many", 488.0, metric="dev_shm", unit="KiB", placement="", ratio=0)
        none = row("pipe", "", 0.0, metric="dev_shm", unit="KiB", placement="", ratio=0)
        _, page = self.report_rows(ours, none)
        self.assertIn("| pipe | files in /dev/shm | p50 | 0 KiB | 488 KiB (many) |", page)

    def test_targets_are_reached_missed_or_not_measured(self):
        _, page = self.report_rows(*TOWPATH, *PEERS)
        lines = [line for line in page.splitlines() if line.startswith("|")]

        def results(measure, target):
            return [line for line in lines if line.startswith(f"| {measure} | {target} |")]

        (one,) = results("8 to 48 B one way, `one`", "<= 1.10x the floor")
        self.assertTrue(one.endswith("| FAR | 1.05x | reached |"), one)
        (many,) = results("48 B one way, `many`, one active",
                          "<= 1.25x the floor NEAR, 1.15x FAR")  # fmt: skip
        self.assertTrue(many.endswith("| FAR | 1.30x | **missed** |"), many)
        (stream,) = results("48 B stream, `one`", ">= 10x iceoryx2's rate")
        self.assertIn("| 10x: 20.0 against 200 ns of iceoryx2 | reached |", stream)
        (idle,) = results("idle bus, 100 sleeping subscribers", "0.0 % CPU")
        self.assertIn("not measured here", idle)

    def test_settings_of_peers_are_listed(self):
        _, page = self.report_rows(*TOWPATH, *PEERS)
        self.assertIn("- **Swift**: spins", page)

    def test_readme_gets_its_figures_between_the_marks_only(self):
        self.report_rows(*TOWPATH, *PEERS)
        text = (self.root / "README.md").read_text()
        self.assertTrue(text.startswith("before\n<!-- measured -->\nOne way, 48 bytes"), text)
        self.assertTrue(text.endswith("\n<!-- /measured -->\nafter\n"), text)
        self.assertIn("**1.05x a bare cache-line hand-over with one publisher", text)
        self.assertIn("| Swift | 90.0 ns |", text)
        self.assertNotIn("old figures", text)

    def test_readme_without_marks_is_left_alone(self):
        (self.root / "README.md").write_text("as it was\n")
        out, _ = self.report_rows(*TOWPATH)
        self.assertEqual((self.root / "README.md").read_text(), "as it was\n")
        self.assertIn("README.md: left alone", out)

    def test_without_matplotlib_plots_are_skipped_in_one_line(self):
        out, page = self.report_rows(*TOWPATH)
        self.assertEqual(out.count("plots: skipped"), 1)
        self.assertNotIn(".svg", page)

    def test_terminal_stays_within_its_columns(self):
        out, _ = self.report_rows(*TOWPATH, *PEERS)
        self.assertEqual([line for line in out.splitlines() if len(line) > 100], [])

    def refused(self, path):
        done = self.run_report(path)
        self.assertEqual(done.returncode, 1)
        (line,) = done.stderr.splitlines()
        self.assertIn(str(path), line)
        self.assertFalse((self.root / "docs").exists())
        return line

    def test_torn_json_is_an_error_that_names_the_file(self):
        path = self.write("torn.json", TOWPATH)
        path.write_text(path.read_text()[:-40])
        self.assertIn("torn, or no JSON", self.refused(path))

    def test_row_without_a_figure_is_an_error_that_names_both(self):
        rows = [{key: value for key, value in TOWPATH[0].items() if key != "p99"}]
        self.assertIn("row 1 lacks 'p99'", self.refused(self.write("a.json", rows)))

    def test_file_that_is_no_result_is_an_error(self):
        path = self.root / "list.json"
        path.write_text("[1, 2]")
        self.assertIn("no results", self.refused(path))

    def test_missing_file_is_an_error(self):
        self.assertIn("No such file", self.refused(self.root / "nowhere.json"))

    def test_results_of_two_machines_are_never_mixed(self):
        other = self.write("b.json", PEERS, machine=MACHINE | {"cpu": "Other 1"})
        done = self.run_report(self.write("a.json", TOWPATH), other)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{other}: cpu 'Other 1', but 'Testor(R) 9 CPU @ 3GHz'", done.stderr)


if __name__ == "__main__":
    unittest.main()
