"""Hundreds of feeds, a fifth of them failing: the short version of many_feeds_campaign.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402
import many_feeds_campaign as campaign  # noqa: E402


def test_minute(folder):
    """500 feeds on 125 hosts, a fifth failing in every way, for a minute: all asked in time, memory and descriptors flat"""
    campaign.INTERVAL = 15
    # What was freed AddressSanitizer holds back, up to 256 MiB: resident memory would grow for the whole minute.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16"
    missed = campaign.campaign(folder, 60, 125, 4, lambda text: print("# " + text))
    harness.check_equal(missed, [], "marks missed")


if __name__ == "__main__":
    harness.run_tests([test_minute])
