"""Every HTTP operation there is, and the common errors, through the vendor's Python client.

Runs with pinecone 7 to 9. Prints one JSON line for each case. Address and key come from the
environment, as test/clients/pinecone-suite.ts sets them.
"""

import json
import os
import sys
import time
import traceback
from importlib.metadata import version

from pinecone import Pinecone, PodSpec, ServerlessSpec

LINE = int(version("pinecone").split(".")[0])
URL = os.environ["INSULA_TEST_URL"]
KEY = os.environ["INSULA_TEST_KEY"]
SPEC = ServerlessSpec(cloud="aws", region="us-east-1")
NAME = f"rest-{LINE}"
_failed = False


def case(operation, title):
    """Runs the decorated function at once; what it raises is the failure."""

    def run(body):
        global _failed
        line = {"operation": operation, "case": title, "pass": True}
        try:
            body()
        except Exception as error:  # every failure is a line of the report
            _failed = True
            line["pass"] = False
            line["detail"] = f"{type(error).__name__}: {error}"[:600]
            traceback.print_exc(file=sys.stderr)
        print(json.dumps(line), flush=True)
        return body

    return run


def equal(actual, expected):
    assert actual == expected, f"expected {expected!r}, received {actual!r}"


def refused(call, status, word=""):
    """The call must fail with the status, as the client itself read it."""
    try:
        call()
    except Exception as error:
        received = getattr(error, "status", None) or getattr(error, "status_code", None)
        equal(received, status)
        assert word in str(error), f"expected {word!r} in {error}"
        return
    raise AssertionError("expected a refusal")


def ids(matches):
    return [match.id for match in matches]


pc = Pinecone(api_key=KEY, host=URL)
for old in pc.list_indexes().names():
    pc.configure_index(old, deletion_protection="disabled")
    pc.delete_index(old)


@case("CreateIndex", "is ready at once, and described as it was asked for")
def _():
    made = pc.create_index(name=NAME, dimension=4, metric="cosine", spec=SPEC, tags={"a": "b"})
    for model in (made, pc.describe_index(NAME)):
        equal([model.name, model.dimension, model.metric], [NAME, 4, "cosine"])
        equal([model.vector_type, model.deletion_protection], ["dense", "disabled"])
        assert model.status.ready and model.host.endswith(f"/ix/{NAME}"), model
    equal(pc.list_indexes().names(), [NAME])
    assert pc.has_index(NAME) and not pc.has_index("none")
    refused(lambda: pc.create_index(name=NAME, dimension=4, spec=SPEC), 409)
    refused(lambda: pc.describe_index("none"), 404)


@case("ConfigureIndex", "merges tags, and protects against deletion")
def _():
    pc.configure_index(NAME, deletion_protection="enabled", tags={"a": "", "c": "d"})
    refused(lambda: pc.delete_index(NAME), 403, "Deletion protection")
    model = pc.describe_index(NAME)
    tags = model.tags if LINE >= 9 else model.to_dict()["tags"]
    equal([model.deletion_protection, dict(tags)], ["enabled", {"c": "d"}])
    pc.configure_index(NAME, deletion_protection="disabled")


@case("CreateIndex", "of pods is shown as one")
def _():
    pod = PodSpec(environment="us-east1-gcp", pod_type="p1.x1")
    pc.create_index(name="pods", dimension=4, metric="euclidean", spec=pod)
    equal(pc.describe_index("pods").spec.pod.pod_type, "p1.x1")
    pc.delete_index("pods")


index = pc.Index(NAME)
VECTORS = [
    {"id": "a", "values": [0.1, 0.2, 0.3, 0.4], "metadata": {"year": 2020, "tags": ["x", "y"]}},
    {"id": "b", "values": [0.4, 0.3, 0.2, 0.1], "metadata": {"year": 1999, "new": True}},
    {"id": "z/ %", "values": [1.0, 0.0, 0.0, 0.0]},
]


@case("Upsert", "writes records and counts them")
def _():
    equal(index.upsert(vectors=VECTORS, namespace="t1").upserted_count, 3)
    equal(index.upsert(vectors=VECTORS[:1]).upserted_count, 1)
    refused(lambda: index.upsert(vectors=[("a", [1.0])], namespace="t1"), 400, "dimension")


@case("Query", "finds by a vector, nearest first, with values and metadata")
def _():
    included = {"include_values": True, "include_metadata": True}
    found = index.query(namespace="t1", vector=[0.1, 0.2, 0.3, 0.4], top_k=2, **included)
    equal(ids(found.matches), ["a", "b"])
    first = found.matches[0]
    assert abs(first.score - 1) < 1e-6, first.score
    equal(list(first.values), VECTORS[0]["values"])
    equal(dict(first.metadata), VECTORS[0]["metadata"])
    equal([found.namespace, found.usage.read_units], ["t1", 1])


@case("Query", "obeys filters, and finds by an id, in one namespace alone")
def _():
    def found(**more):
        return ids(index.query(namespace="t1", top_k=10, **more).matches)

    vector = [0.1, 0.2, 0.3, 0.4]
    equal(found(vector=vector, filter={"year": {"$lt": 2000}}), ["b"])
    either = {"$or": [{"new": True}, {"tags": {"$in": ["y"]}}]}
    equal(found(vector=vector, filter=either), ["a", "b"])
    equal(sorted(found(id="b")), ["a", "b", "z/ %"])
    equal(found(id="none"), [])
    equal(ids(index.query(namespace="none", vector=vector, top_k=10).matches), [])
    refused(lambda: found(vector=[1.0]), 400, "ector")
    refused(lambda: found(vector=vector, filter={"year": {"$like": 1}}), 400)


@case("Fetch", "gives records by their ids")
def _():
    fetched = index.fetch(ids=["z/ %", "none"], namespace="t1")
    equal(list(fetched.vectors), ["z/ %"])
    equal(list(fetched.vectors["z/ %"].values), [1.0, 0.0, 0.0, 0.0])


@case("Update", "sets what it names and leaves the rest")
def _():
    index.update(id="a", values=[0.4, 0.4, 0.4, 0.4], namespace="t1")
    index.update(id="a", set_metadata={"year": 2021}, namespace="t1")
    record = index.fetch(ids=["a"], namespace="t1").vectors["a"]
    equal([round(x, 6) for x in record.values], [0.4] * 4)
    equal(dict(record.metadata), {"year": 2021, "tags": ["x", "y"]})


@case("List", "gives ids page by page")
def _():
    index.upsert(vectors=[(f"p{i}", [1.0, 0.0, 0.0, 0.0]) for i in range(5)], namespace="list")
    pages = []
    for page in index.list(prefix="p", limit=2, namespace="list"):
        items = getattr(page, "vectors", page)
        pages.append([getattr(item, "id", item) for item in items])
    equal(pages, [["p0", "p1"], ["p2", "p3"], ["p4"]])
    token = index.list_paginated(prefix="p", limit=2, namespace="list").pagination.next
    more = {"pagination_token": token, "namespace": "list"}
    refused(lambda: index.list_paginated(prefix="q", **more), 400, "prefix")


@case("DescribeIndexStats", "counts records of all namespaces")
def _():
    stats = index.describe_index_stats()
    equal([stats.dimension, stats.total_vector_count], [4, 9])
    equal(sorted(stats.namespaces), ["", "list", "t1"])
    equal(stats.namespaces["t1"].vector_count, 3)


@case("namespaces", "are listed, described and deleted")
def _():
    names = []
    for page in index.list_namespaces():
        items = getattr(page, "namespaces", None) or [page]
        names += [item.name for item in items]
    equal(names, ["__default__", "list", "t1"])
    equal(int(index.describe_namespace(namespace="list").record_count), 5)
    index.delete_namespace(namespace="list")
    refused(lambda: index.describe_namespace(namespace="list"), 404)


@case("Delete", "deletes by id, by filter and all")
def _():
    index.delete(ids=["z/ %"], namespace="t1")
    index.delete(filter={"year": {"$eq": 1999}}, namespace="t1")
    equal(index.describe_index_stats().namespaces["t1"].vector_count, 1)
    index.delete(delete_all=True, namespace="t1")
    assert "t1" not in index.describe_index_stats().namespaces
    refused(lambda: index.delete(delete_all=True, namespace="t1"), 404)


@case("sparse vectors", "alone, and with a dense one in one score")
def _():
    words = {"indices": [4, 9], "values": [2.0, 1.0]}
    pc.create_index(name="sparse", metric="dotproduct", vector_type="sparse", spec=SPEC)
    sparse = pc.Index("sparse")
    sparse.upsert(vectors=[{"id": "s", "sparse_values": words}])
    found = sparse.query(top_k=1, sparse_vector={"indices": [4], "values": [0.5]})
    equal([found.matches[0].id, found.matches[0].score], ["s", 1.0])
    pc.create_index(name="hybrid", dimension=2, metric="dotproduct", spec=SPEC)
    hybrid = pc.Index("hybrid")
    hybrid.upsert(vectors=[{"id": "h", "values": [1.0, 1.0], "sparse_values": words}])
    asked = {"vector": [1.0, 0.0], "sparse_vector": {"indices": [4], "values": [2.0]}}
    equal(hybrid.query(top_k=1, **asked).matches[0].score, 5.0)
    for name in ("sparse", "hybrid"):
        pc.delete_index(name)


MODEL = "multilingual-e5-large"
TEXTS = [
    {"_id": "cold", "body": "The radiator stays cold", "floor": 3},
    {"_id": "bread", "body": "Fresh bread and butter", "floor": 1},
    {"_id": "warm", "body": "The heating of the house", "floor": 3},
]


@case("Embed", "gives a vector for each text")
def _():
    passage = {"input_type": "passage", "truncate": "END"}
    made = pc.inference.embed(model=MODEL, inputs=["cold", "warm bread"], parameters=passage)
    equal([made.model, len(made.data), len(made.data[0].values)], [MODEL, 2, 1024])
    assert made.usage.total_tokens > 0
    refused(lambda: pc.inference.embed(model="none", inputs=["a"], parameters=passage), 404)


@case("Rerank", "puts documents into an order")
def _():
    documents = [{"id": "1", "text": "bread"}, {"id": "2", "text": "a cold radiator"}]
    asked = {"model": "bge-reranker-v2-m3", "query": "cold radiator", "documents": documents}
    ranked = pc.inference.rerank(**asked, top_n=1, return_documents=True)
    equal([(one.index, one.document["id"]) for one in ranked.data], [(1, "2")])
    equal(ranked.usage.rerank_units, 1)


@case("models", "are listed and described")
def _():
    names = [model.model for model in pc.inference.list_models(type="embed")]
    assert MODEL in names and "bge-reranker-v2-m3" not in names, names
    model = pc.inference.get_model(**{"model_name" if LINE < 9 else "model": MODEL})
    equal([model.type, model.vector_type, model.default_dimension], ["embed", "dense", 1024])


@case("CreateIndexForModel", "is ready at once, and embeds what is written and asked")
def _():
    embed = {"model": MODEL, "field_map": {"text": "body"}}
    made = pc.create_index_for_model(name="texts", cloud="aws", region="us-east-1", embed=embed)
    equal([made.dimension, made.metric, made.embed.model], [1024, "cosine", MODEL])
    equal(dict(made.embed.field_map), {"text": "body"})
    texts = pc.Index("texts")
    texts.upsert_records(namespace="t1", records=TEXTS)
    equal(texts.describe_index_stats().namespaces["t1"].vector_count, 3)

    def hits(namespace="t1", **more):
        found = texts.search(namespace=namespace, **more)
        return [(hit["_id"] if LINE < 9 else hit.id, hit["fields"]) for hit in found.result.hits]

    query = {"inputs": {"text": "cold radiator"}, "top_k": 3}
    first = hits(query=query)[0]
    equal([first[0], first[1]["body"], first[1]["floor"]], ["cold", TEXTS[0]["body"], 3])
    equal(hits(query=query, namespace="none"), [])
    upstairs = hits(query={**query, "filter": {"floor": 1}}, fields=["floor"])
    equal([(name, dict(fields)) for name, fields in upstairs], [("bread", {"floor": 1})])
    rerank = {"model": "bge-reranker-v2-m3", "rank_fields": ["body"], "top_n": 1}
    by_id = {"id": "bread", "top_k": 3}
    equal([name for name, _ in hits(query=query, rerank=rerank)], ["cold"])
    equal(hits(query=by_id, rerank={**rerank, "query": "heating of the house"})[0][0], "warm")
    refused(lambda: texts.upsert_records(namespace="t1", records=[{"_id": "x", "a": "b"}]), 400)
    pc.delete_index("texts")


def settled(describe, pending):
    """What is under way when a call returns is asked for until it is done."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = describe()
        if found.status not in pending:
            return found
        time.sleep(0.05)
    raise AssertionError("it is never done")


@case("backups", "are made, listed, brought back as another index and deleted")
def _():
    pc.create_index(name="source", dimension=4, metric="cosine", spec=SPEC, tags={"a": "b"})
    pc.Index("source").upsert(vectors=VECTORS, namespace="t1")
    begun = pc.create_backup(index_name="source", backup_name="first", description="of source")
    equal([begun.source_index_name, begun.name], ["source", "first"])
    one = {"backup_id": begun.backup_id}
    made = settled(lambda: pc.describe_backup(**one), ["Initializing"])
    equal([made.status, made.record_count, made.namespace_count], ["Ready", 3, 1])
    equal([made.dimension, made.metric, made.description], [4, "cosine", "of source"])
    equal([row.backup_id for row in pc.list_backups(index_name="source")], [made.backup_id])
    pc.delete_index("source")
    assert made.backup_id in [row.backup_id for row in pc.list_backups()]
    copy = pc.create_index_from_backup(name="copy", **one, tags={"c": "d"})
    equal([copy.name, copy.dimension, copy.status.ready], ["copy", 4, True])
    fetched = pc.Index("copy").fetch(ids=["a"], namespace="t1").vectors["a"]
    equal([dict(fetched.metadata), len(fetched.values)], [VECTORS[0]["metadata"], 4])
    job = list(pc.list_restore_jobs(limit=100))[-1]
    equal([job.target_index_name, job.backup_id], ["copy", made.backup_id])
    done = settled(lambda: pc.describe_restore_job(job_id=job.restore_job_id), ["InProgress"])
    equal([done.status, done.percent_complete], ["Completed", 100])
    refused(lambda: pc.create_index_from_backup(name="copy", **one, timeout=-1), 409)
    pc.delete_backup(**one)
    refused(lambda: pc.describe_backup(**one), 404)
    pc.delete_index("copy")


@case("errors", "a wrong key")
def _():
    refused(lambda: Pinecone(api_key="wrong", host=URL).list_indexes(), 401)


if LINE >= 9:

    @case("Update", "by filter, and fetch by metadata")
    def _():
        index.upsert(vectors=VECTORS, namespace="t2")
        index.update(filter={"year": {"$gte": 2000}}, set_metadata={"seen": True}, namespace="t2")
        fetched = index.fetch_by_metadata(filter={"seen": {"$eq": True}}, namespace="t2")
        equal(list(fetched.vectors), ["a"])
        index.delete(delete_all=True, namespace="t2")


@case("DeleteIndex", "takes it away, with everything in it")
def _():
    pc.delete_index(NAME)
    equal(pc.list_indexes().names(), [])


sys.exit(1 if _failed else 0)
