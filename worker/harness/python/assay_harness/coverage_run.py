"""Line coverage of the program by coverage.py, imported only when a task asks for it."""



class CoverageRun:
    def __init__(self, files):
        """ImportError when coverage.py is not installed."""
        import coverage

        self._files = files
        self._sources = files.python_files()
        # The program's .coveragerc, setup.cfg and the like have no say, and nothing is written to disk.
        self._coverage = coverage.Coverage(data_file=None, config_file=False, include=self._sources or ["/"])

    def start(self):
        self._coverage.start()

    def finish(self):
        """The report of docs/harness.md."""
        self._coverage.stop()
        data = self._coverage.get_data()
        for path in self._sources:
            data.touch_file(path)  # never imported: every statement is missing
        files = {}
        for path in self._sources:
            numbers = self._one_file(path)
            if numbers is not None:
                files[self._files.relative(path)] = numbers
        covered = sum(entry["covered_lines"] for entry in files.values())
        statements = sum(entry["num_statements"] for entry in files.values())
        main = files.get(self._files.relative(self._files.program))
        return {
            "percent": _percent(covered, statements),
            "covered_lines": covered,
            "num_statements": statements,
            "missing_lines": main["missing_lines"] if main is not None else [],
            "files": files,
        }

    def _one_file(self, path):
        from coverage.exceptions import CoverageException

        try:
            _, statements, _, missing, _ = self._coverage.analysis2(path)
        except CoverageException:  # does not parse
            return None
        covered = len(statements) - len(missing)
        return {
            "percent": _percent(covered, len(statements)),
            "covered_lines": covered,
            "num_statements": len(statements),
            "missing_lines": list(missing),
        }


def _percent(covered, statements):
    return round(100.0 * covered / statements, 2) if statements else 100.0
