"""VectorDBBench's search over many tenants through its client for Pinecone.

The case (CloudMultiTenantSearchCase), its routing of rows to tenants, the client and the runners
are VectorDBBench's own, unmodified. Its data sets are downloads of gigabytes, so rows are made
here; recall, which the case leaves out, is measured by its serial runner against the exact answers
of each tenant.

Arguments: rows, dimension, tenants, queries, seconds. PINECONE_API_KEY and PINECONE_CONTROLLER_HOST
name the server. Prints one line of JSON.
"""

import json
import logging
import os
import pathlib
import random
import sys
import tempfile
import time

logging.disable(logging.INFO)
os.environ["LOG_LEVEL"] = "ERROR"

K = 10
CONCURRENCIES = [1, 4]
INDEX = "vectordbbench"


def main():
    rows, dimension, tenants, queries, seconds = (int(word) for word in sys.argv[1:6])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="insula-vectordbbench-"))
    os.environ["DATASET_LOCAL_DIR"] = str(folder)
    os.environ["RESULTS_LOCAL_DIR"] = str(folder)

    import numpy
    import pandas
    import pinecone
    from vectordb_bench.backend.cases import CloudMultiTenantSearchCase
    from vectordb_bench.backend.clients.api import MetricType
    from vectordb_bench.backend.clients.pinecone.pinecone import Pinecone
    from vectordb_bench.backend.dataset import CustomDataset, ParquetDatasetManager
    from vectordb_bench.backend.runner.concurrent_runner import ConcurrentInsertRunner
    from vectordb_bench.backend.runner.mp_runner import MultiProcessingSearchRunner
    from vectordb_bench.backend.runner.serial_runner import SerialSearchRunner

    case = CloudMultiTenantSearchCase(tenant_count=tenants)
    labels = case.tenant_labels()
    chance = numpy.random.default_rng(7)
    middles = chance.normal(size=(200, dimension))
    near = middles[chance.integers(200, size=rows)] + 0.4 * chance.normal(size=(rows, dimension))
    values = near.astype(numpy.float32)
    asked = (values[chance.integers(rows, size=queries)] + 0.05).astype(numpy.float32)

    data = CustomDataset(
        name="insula", dir="made", size=rows, dim=dimension, file_num=1,
        metric_type=MetricType.COSINE, use_shuffled=False, with_gt=False,
    )
    dataset = ParquetDatasetManager(data=data)
    dataset.data_dir.mkdir(parents=True, exist_ok=True)
    frame = pandas.DataFrame({"id": range(rows), "emb": list(values)})
    frame.to_parquet(dataset.data_dir / "train.parquet")
    dataset.train_files = ["train.parquet"]

    # The serial runner draws the tenants of its queries from this seed.
    drawn = random.Random(0)
    unit = values / numpy.linalg.norm(values, axis=1)[:, None]
    exact = []
    for query in asked:
        tenant = drawn.randrange(tenants)
        own = numpy.arange(tenant, rows, tenants)
        order = numpy.argsort(-(unit[own] @ query))[:K]
        exact.append(own[order].tolist())

    pc = pinecone.Pinecone()
    spec = pinecone.ServerlessSpec(cloud="aws", region="us-east-1")
    pc.create_index(name=INDEX, dimension=dimension, metric="cosine", spec=spec)
    settings = {"index_name": INDEX, "api_key": os.environ["PINECONE_API_KEY"]}

    def connect():
        client = Pinecone(dim=dimension, db_config=dict(settings), db_case_config=None)
        client.set_multitenant_context(labels)
        return client

    db = connect()

    began = time.perf_counter()
    inserted = ConcurrentInsertRunner(db, dataset, False, max_workers=2, tenant_case=case).task()
    insert_seconds = time.perf_counter() - began
    tests = asked.tolist()
    # The searches run in processes of their own, which take no client that is connected.
    serial = SerialSearchRunner(connect(), tests, exact, k=K, tenant_labels=labels)
    (recall, _, p99, p95, p50, _), _ = serial.run()
    concurrent = MultiProcessingSearchRunner(
        connect(), tests, k=K, concurrencies=CONCURRENCIES, duration=seconds, tenant_labels=labels
    )
    found = concurrent.run()
    print(json.dumps({
        "inserted": int(inserted), "insertSeconds": insert_seconds,
        "recall": float(recall), "p50Ms": p50 * 1e3, "p95Ms": p95 * 1e3, "p99Ms": p99 * 1e3,
        "concurrencies": [int(n) for n in found[1]],
        "queriesPerSecond": [float(n) for n in found[2]],
        "p99MsOf": [float(n) * 1e3 for n in found[3]],
    }))


if __name__ == "__main__":
    main()
