"""The tables that feed on verdicts: reconstructions and training signals."""
from collecting import reconstruction, result, settle

from lib.waiting import wait_until


def test_reconstructions_and_signals(site, publisher):
    site.start_collector()
    requirement, number = reconstruction(site)
    publisher.result(result("t1", status="fail", reason="assertion", test_pass_rate=0.25, passed=1, failed=3, total=4,
                            errors=["test_b: boom"], stdout="o", stderr="e", reconstruction_id=number))
    site.wait_for_rows(1, "j")
    row = site.sql("SELECT test_results, test_pass_rate, execution_time, claimed_by, claimed_until FROM reconstructions")[0]
    assert row == ({"status": "fail", "test_pass_rate": 0.25, "passed": 1, "failed": 3, "errors": ["test_b: boom"], "stdout": "o",
                    "stderr": "e"}, 0.25, 0.25, None, None)
    assert site.sql("SELECT requirement_id, reconstruction_id, signal_type, signal_value, details->>'task_id' FROM training_signals")\
        == [(requirement, number, "reconstruction_success", 0.25, "t1")]
    publisher.result(result("t1", reconstruction_id=number))  # a duplicate teaches nothing
    settle(site, publisher)
    assert site.value("SELECT count(*) FROM training_signals") == 1


def test_verdict_without_a_rate_frees_the_claim(site, publisher):
    site.start_collector()
    _, number = reconstruction(site)
    publisher.result(result("t1", status="error", reason="infra", reconstruction_id=number))
    wait_until(lambda: site.sql("SELECT test_results, test_pass_rate, claimed_by, claimed_until FROM reconstructions") ==
               [(None, None, None, None)], what="the claim to be freed")
    assert site.value("SELECT count(*) FROM training_signals") == 0
    publisher.result(result("t1", reconstruction_id=number))  # the real one replaces it
    wait_until(lambda: site.value("SELECT test_pass_rate FROM reconstructions") == 1.0, what="the real verdict")
    assert site.value("SELECT signal_value FROM training_signals") == 1.0


def test_unknown_reconstruction_costs_nothing(site, publisher):
    collector = site.start_collector()
    _, number = reconstruction(site)
    publisher.results([result("t1", reconstruction_id=987654321), result("t2", reconstruction_id=number), result("t3")])
    site.wait_for_rows(3, "j")
    collector.wait_for_log("987654321")
    assert site.value("SELECT reconstruction_id FROM executions WHERE task_id = 't1'") == 987654321
    assert site.value("SELECT test_pass_rate FROM reconstructions") == 1.0


def test_two_verdicts_for_one_reconstruction_in_a_batch(site, publisher):
    _, number = reconstruction(site)
    publisher.results([result("t1", "a", reconstruction_id=number), result("t1", "b", "error", "infra", reconstruction_id=number)])
    site.start_collector(ASSAY_BATCH_AGE_MS=1000)
    site.wait_for_rows(1, "b")
    assert site.value("SELECT test_pass_rate FROM reconstructions") == 1.0
    assert site.value("SELECT count(*) FROM training_signals") == 1
