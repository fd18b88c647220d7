"""What calls find, as tables of pandas and astropy that join by one key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from astropy import units as u
from astropy.coordinates import SkyCoord

from lse.client import Results, to_astropy
from lse.columns import ColumnMeaning


def test_matches_join_with_the_table_of_the_dataset(prepared_client):
    matches = prepared_client.search.similar("first", image="bar-00", k=5)
    table = prepared_client.datasets.table("first").to_pandas()
    joined = matches.to_pandas().merge(table, on=["name", "row"])
    assert list(joined["name"]) == [match.image_id for match in matches]
    assert joined["class"].isin({"bar", "disc"}).all()
    assert list(matches.to_astropy()["similarity"]) == [match.similarity for match in matches]


def test_lists_are_tables(prepared_client):
    frame = prepared_client.clusterings.list("first", view="full").to_pandas()
    (row,) = frame.itertuples()
    found = prepared_client.clusterings.get("first", "first")
    assert (row.name, row.method, row.n_clusters) == ("first", "kmeans", 2)
    assert row.silhouette == found.figures["silhouette"]
    assert "<table" in prepared_client.datasets.list()._repr_html_()
    assert Results(prepared_client.datasets.images("first", limit=2)).to_pandas()["class"].notna().all()
    assert prepared_client.selections.list(filter="title = nowhere").to_pandas().empty


def test_missing_numbers_and_identifiers_stay_exact():
    exact = 2**62 + 1
    table = pa.table(
        {
            "name": ["a", "b"],
            "object_id": pa.array([exact, None], pa.int64()),
            "ra_deg": pa.array([359.5, None]),
            "dec_deg": pa.array([-10.0, None]),
            "vector": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        }
    )
    flux = ColumnMeaning(description="Peak flux.", unit="mJy", ucd="phot.flux").on(pa.field("flux", pa.float64()))
    found = to_astropy(table.append_column(flux, pa.array([1.5, 2.5])))
    assert found["object_id"][0] == exact
    assert found["object_id"].mask.tolist() == [False, True]
    assert found["flux"].quantity[0] == 1.5 * u.mJy
    assert (found["flux"].description, found["flux"].meta["ucd"]) == ("Peak flux.", "phot.flux")
    assert found["vector"].shape == (2, 2)
    assert found["position"][0].separation(SkyCoord(359.5, -10, unit="deg")).arcsec < 1e-6
    assert np.isnan(found["position"][1].ra.deg)
