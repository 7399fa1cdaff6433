"""Three nodes that share a PostgreSQL, each kind of fault once: the short version of cluster_campaign.py.

WW_FAULT_SEED repeats a run, WW_FAULT_KEEP names a folder for its evidence. Root only: it makes a network of its own.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import cluster_campaign  # noqa: E402
import harness           # noqa: E402
import judges            # noqa: E402
import town              # noqa: E402
from harness import check, check_equal  # noqa: E402


def plan_of(**changes):
    with open(harness.DAEMON, "rb") as file:
        if b"PQconnectStartParams" not in file.read():
            raise harness.Skip("this build has no PostgreSQL")
    seed = int(os.environ.get("WW_FAULT_SEED", random.randrange(1 << 32)))
    print("# WW_FAULT_SEED=%d" % seed)
    plan = cluster_campaign.options(["--database", "single", "--hosts", "60", "--interval", "4", "--seed", str(seed)])
    plan.keep = os.environ.get("WW_FAULT_KEEP")
    vars(plan).update(changes)
    return plan


def test_cluster(folder):
    """nodes killed, stopped and cut off, the database restarted: nothing lost, nothing twice, no host asked by two"""
    plan = plan_of()
    chance = random.Random(plan.seed)
    kinds = ["kill", "stop", "cut", "restart"]
    chance.shuffle(kinds)
    faults = [cluster_campaign.Fault(kind, chance, plan) for kind in kinds]
    for fault in faults:
        while fault.kind == "kill" and not fault.calm:  # the one that shows who takes over
            fault.__init__("kill", chance, plan)
    campaign = cluster_campaign.Campaign(folder, plan, faults)
    complaints = campaign.run(lambda number, fault: print("# %d %s" % (number, fault), flush=True))
    for line in campaign.figures():
        print("# " + line)
    check(not complaints, "\n".join(complaints))


def test_back_in_time(folder):
    """a database that lost its last commits: told, no sequence given again, what was lost is alerted anew"""
    campaign = cluster_campaign.Campaign(folder, plan_of(nodes=2, hosts=20), [])
    campaign.start()

    def publish(count):
        campaign.stand.publish(count)
        check(harness.wait_until(campaign.at_rest), "not all came;", campaign.story())
    publish(20)
    campaign.database.remember()
    publish(20)
    last = campaign.follower.last
    check_equal(last, 40, "the last sequence")
    campaign.database.go_back()
    campaign.stand.publish(10)
    # The lost items come again, under numbers nobody has seen.
    def stored():
        return campaign.rows() if campaign.database.query("SELECT 1") else []
    check(harness.wait_until(lambda: {row.item for row in stored()} == set(campaign.stand.items())),
          "not all is stored;", campaign.story())
    rows = stored()
    check_equal([row.item for row in rows if 20 < row.sequence <= last], [], "sequences given again")
    check_equal(judges.twice([row.item for row in rows]), [], "stored twice")
    check(any("has lost the alerts 21 to 40" in line for node in campaign.nodes for line in node.stderr_lines),
          "nobody said so;", campaign.story())
    # The sequence before on a topic may be one before the loss: to a subscriber that is no gap.
    check_equal([text for text in campaign.follower.complaints if "as the one before" not in text], [], "the follower")


if __name__ == "__main__":
    town.enter()
    harness.run_tests([test_cluster, test_back_in_time])
