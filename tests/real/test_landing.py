"""The landed files hold the file's rows, all of them, in its order, with copies side by side."""

from pathlib import Path

import pytest

from tests.real import landing, reference

DIFFERENT = """
    with landed as (
        select
            row_number() over (order by vm, filename, file_row_number) - 1 as place,
            epoch("timestamp")::bigint as ts, vm, cores, memory_kib as mem_kb_cap, disk_read_kibs as disk_r_kbs,
            disk_write_kibs as disk_w_kbs, net_rx_kibs as net_rx_kbs, net_tx_kibs as net_tx_kbs
        from read_parquet($files, filename = true, file_row_number = true)
    ),
    file as (
        select file_row_number as place, * exclude (file_row_number, cpu_mhz_cap, cpu_mhz, cpu_pct, mem_kb)
        from read_parquet($file, file_row_number = true)
    )
    select count(*) from landed full join file using (place) where landed is distinct from file
"""


@pytest.mark.parametrize(("files", "count"), [("hour", 168), ("day", 7), ("week", 1)])
def test_samples_are_all_there_in_the_order_of_the_file(
    files: landing.Files, count: int, data_file: Path, tmp_path: Path
) -> None:
    paths = landing.land_week(tmp_path, files)
    with reference.connect() as connection:
        bound = {"files": [str(path) for path in paths], "file": str(data_file)}
        different = connection.execute(DIFFERENT, bound).fetchone()
    assert len(paths) == count
    assert different == (0,)


def test_reference_data() -> None:
    assert len(list(landing.accounts())) == len(list(landing.subscriptions())) == landing.ACCOUNTS
    grants = list(landing.grants())
    assert len({grant["grant_id"] for grant in grants}) == len(grants)
    assert {(grant["kind"], bool(grant["expires_at"])) for grant in grants} == {
        ("promotional", True),
        ("paid", True),
        ("paid", False),
    }
