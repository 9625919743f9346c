#!/usr/bin/env python3
"""The closing lines, made of what CTest itself writes of small tests that pass, fail and hang."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CLOSING_LINES = pathlib.Path(__file__).resolve().parent / "closing_lines.py"
GOOGLE_TEST = r"""
Running main() from gtest_main.cc
[==========] Running 2 tests from 1 test suite.
[ RUN      ] Ring.Turns
[       OK ] Ring.Turns (0 ms)
[ RUN      ] Ring.Holds
ring_test.cpp:7: Failure
Value of: held < \"5\" && true
[  FAILED  ] Ring.Holds (0 ms)
[----------] 2 tests from Ring (0 ms total)

[==========] 2 tests from 1 test suite ran. (0 ms total)
[  PASSED  ] 1 test.
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Ring.Holds

 1 FAILED TEST
"""


class ClosingLines(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def run_tests(self, preset, tests):
        """Runs shell scripts with CTest as ./dev does; `tests` has the script of each name."""
        directory = self.root / preset
        directory.mkdir()
        text = ""
        for name, script in tests.items():
            (directory / f"{name}.sh").write_text(script)
            text += f'add_test({name} "/bin/sh" "{directory}/{name}.sh")\n'
            text += f"set_tests_properties({name} PROPERTIES TIMEOUT 1 SKIP_RETURN_CODE 77)\n"
        (directory / "CTestTestfile.cmake").write_text(text)
        log = directory / "ctest.log"
        command = ["ctest", "--test-dir", directory, "--output-log", log, "--output-junit",
                   f"{log}.xml", "--output-on-failure", "--test-output-size-passed", "1000000"]
        subprocess.run(command, capture_output=True, check=False)
        return directory

    def lines(self, *arguments):
        command = [sys.executable, CLOSING_LINES, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def test_where_all_pass_there_are_counts_and_the_verdict(self):
        directory = self.run_tests("release", {
            "one": "echo '  5 kills and 2 stops in 1.0 s'",
            "two": "echo '  6 kills and 1 stops in 1.0 s'; echo 'crash: 9 operations'",
        })
        self.assertEqual(self.lines(directory).splitlines(), [
            "release:", "  crash: 9 operations", "  soak: 11 kills of real processes, 3 stops",
            "100% tests passed, 0 tests failed out of 2"])

    def test_what_failed_is_named_with_what_it_said_first(self):
        directory = self.run_tests("asan", {
            "good": "exit 0",
            "skipped": "exit 77",
            "bad": f"cat <<'END'\n{GOOGLE_TEST}\nEND\nexit 1",
        })
        said = self.lines(directory)
        self.assertRegex(said, r"  FAILED: bad \(Failed\)\n"
                               r"    ring_test.cpp:7: Failure\n    Value of: held < .*\n"
                               r"    \[  FAILED  \] Ring.Holds \(0 ms\)\n")
        self.assertNotIn("good", said)
        self.assertNotIn("FAILED: skipped", said)
        self.assertTrue(said.endswith("67% tests passed, 1 tests failed out of 3\n"), said)

    def test_one_that_hangs_is_named_with_its_last_lines(self):
        directory = self.run_tests("tsan", {"hangs": "seq 100; exec sleep 60"})
        said = self.lines(directory)
        self.assertRegex(said, r"FAILED: hangs \(Timeout\)\n")
        self.assertIn("    100\n", said)
        self.assertNotIn("    88\n", said)

    def test_many_failures_fit_the_end_of_a_log_and_none_is_left_out_of_the_count(self):
        tests = {f"bad{n}": "seq 1000; exit 1" for n in range(60)}
        directories = [self.run_tests(preset, tests) for preset in ("release", "asan")]
        said = self.lines(*directories)
        self.assertLessEqual(said.count("\n"), 60)
        self.assertEqual(said.count("FAILED: bad"), 42)
        self.assertEqual(said.count("and 39 more"), 2)

    def test_a_lint_that_failed_comes_first(self):
        directory = self.run_tests("release", {"good": "exit 0"})
        log = self.root / "lint.log"
        log.write_text("".join(f"finding {n}\n" for n in range(100)))
        said = self.lines("--lint", log, directory)
        self.assertTrue(said.startswith("lint: FAILED\n  finding 56\n"), said)
        self.assertIn("  finding 99\nrelease:\n", said)

    def test_what_pytest_found_comes_with_its_own_verdict(self):
        directory = self.run_tests("release", {"good": "exit 0"})
        log = self.root / "pytest.xml"
        log.write_text(
            "<testsuites><testsuite><testcase classname='a_test' name='good'/>"
            "<testcase classname='a_test' name='absent'><skipped/></testcase>"
            "<testcase classname='a_test' name='bad'><failure>E  1 != 2</failure></testcase>"
            "</testsuite></testsuites>")
        said = self.lines("--pytest", log, directory)
        self.assertTrue(said.startswith("python:\n  FAILED: a_test.bad\n    E  1 != 2\n"
                                        "1 passed, 1 failed, 1 skipped\nrelease:\n"), said)
        log.unlink()
        self.assertIn("FAILED: pytest (no results)", self.lines("--pytest", log, directory))

    def test_without_results_that_is_what_is_said(self):
        self.assertRegex(self.lines(self.root / "fuzz"), r"^fuzz:\nno results: ")


if __name__ == "__main__":
    unittest.main()
