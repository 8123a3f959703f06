"""`python -m benchmarks` measures each step beside the usual code, about 15 minutes."""

import sys

from . import report


def main() -> int:
    """Prints the report; returns 1 if a measurement failed, else 0."""
    result = report.benchmark()
    print(f"\n{report.format_report(result)}")
    return int(bool(result["failures"]))


if __name__ == "__main__":
    sys.exit(main())
