"""Every operation of OSS Vectors through the vendor's Python client."""

from harness import ACCOUNT, REGION, case, equal, finish, make_client, models, near, refused, row

BUCKET = "python-operations"
INDEX = "pythonIndex"
client = make_client()


def make_index(name, dimension=4, metric="cosine", metadata=None):
    return client.put_vector_index(
        models.PutVectorIndexRequest(
            bucket=BUCKET,
            index_name=name,
            data_type="float32",
            dimension=dimension,
            distance_metric=metric,
            metadata=metadata,
        )
    )


def put(rows, index=INDEX):
    return client.put_vectors(
        models.PutVectorsRequest(bucket=BUCKET, index_name=index, vectors=rows)
    )


def query(vector, index=INDEX, **options):
    options = {"top_k": 10, "return_distance": True, "return_metadata": True, **options}
    result = client.query_vectors(
        models.QueryVectorsRequest(
            bucket=BUCKET, index_name=index, query_vector={"float32": vector}, **options
        )
    )
    return result.vectors or []


@case("PutVectorBucket", "a new bucket")
def _():
    result = client.put_vector_bucket(models.PutVectorBucketRequest(bucket=BUCKET))
    equal((result.status_code, result.status), (200, "OK"))
    equal(len(result.request_id), 24)


@case("GetVectorBucket", "full resource name and times")
def _():
    info = client.get_vector_bucket(models.GetVectorBucketRequest(bucket=BUCKET)).bucket_info
    equal(info.name, f"acs:ossvector:{REGION}:{ACCOUNT}:{BUCKET}")
    assert info.creation_date and info.extranet_endpoint and info.intranet_endpoint


@case("ListVectorBuckets", "prefix, pages without an empty last one")
def _():
    for i in range(3):
        client.put_vector_bucket(models.PutVectorBucketRequest(bucket=f"python-page-{i}"))
    pages = list(
        client.list_vector_buckets_paginator(limit=1).iter_page(
            models.ListVectorBucketsRequest(prefix="python-page-")
        )
    )
    names = [[bucket.name.split(":")[4] for bucket in page.buckets] for page in pages]
    equal(names, [["python-page-0"], ["python-page-1"], ["python-page-2"]])
    for i in range(3):
        client.delete_vector_bucket(models.DeleteVectorBucketRequest(bucket=f"python-page-{i}"))


@case("PutVectorIndex", "with metadata keys that are not filtered by")
def _():
    result = make_index(INDEX, metadata={"nonFilterableMetadataKeys": ["body"]})
    equal((result.status_code, result.status), (200, "OK"))


@case("GetVectorIndex", "settings come back")
def _():
    request = models.GetVectorIndexRequest(bucket=BUCKET, index_name=INDEX)
    index = client.get_vector_index(request).index
    equal(index["indexName"], INDEX)
    settings = [index[name] for name in ("dimension", "dataType", "distanceMetric")]
    equal(settings, [4, "float32", "cosine"])
    equal(index["metadata"], {"nonFilterableMetadataKeys": ["body"]})
    equal(index["status"], "enable")


@case("ListVectorIndexes", "alphabetical, prefix, pages without an empty last one")
def _():
    for i in range(11):
        make_index(f"page{i:02}")
    pages = list(
        client.list_vector_indexes_paginator(limit=5).iter_page(
            models.ListVectorIndexesRequest(bucket=BUCKET, prefix="page")
        )
    )
    equal([len(page.indexes) for page in pages], [5, 5, 1])
    names = [index["indexName"] for page in pages for index in page.indexes]
    equal(names, [f"page{i:02}" for i in range(11)])


@case("DeleteVectorIndex", "204, and the index is gone")
def _():
    for i in range(11):
        request = models.DeleteVectorIndexRequest(bucket=BUCKET, index_name=f"page{i:02}")
        equal(client.delete_vector_index(request).status_code, 204)
    request = models.GetVectorIndexRequest(bucket=BUCKET, index_name="page00")
    refused(lambda: client.get_vector_index(request), "NoSuchVectorIndex", 404)


@case("PutVectors", "new keys, then the same keys again replaced completely")
def _():
    equal(put([row("a", [1, 0, 0, 0], {"old": "x"}), row("b", [0, 1, 0, 0])]).status_code, 200)
    put(
        [
            row("a", [1, 0, 0, 0], {"category": ["ai", "db"], "year": "2020", "body": "long text"}),
            row("b", [1, 1, 0, 0], {"category": "faq", "year": "2021"}),
            row("ключ/键 ?&", [0, 0, 1, 0], {"title": "Ünïcödé ☃ <&>"}),
        ]
    )


@case("GetVectors", "data and metadata only when asked, unknown keys left out")
def _():
    def get(keys, **options):
        request = models.GetVectorsRequest(
            bucket=BUCKET, index_name=INDEX, keys=keys, **options
        )
        return client.get_vectors(request).vectors

    equal(get(["a"]), [{"key": "a"}])
    full = get(["a"], return_data=True, return_metadata=True)[0]
    equal(full["data"], {"float32": [1, 0, 0, 0]})
    equal(full["metadata"], {"category": ["ai", "db"], "year": "2020", "body": "long text"})
    equal([found["key"] for found in get(["nobody", "b"])], ["b"])
    equal(get(["nobody"]), [])
    equal(get(["ключ/键 ?&"], return_metadata=True)[0]["metadata"], {"title": "Ünïcödé ☃ <&>"})


@case("ListVectors", "pages, and segments that share nothing and miss nothing")
def _():
    make_index("listed")
    keys = sorted(f"key-{i:03}" for i in range(10))
    put([row(key, [1, 2, 3, i + 1]) for i, key in enumerate(keys)], "listed")
    pages = list(
        client.list_vectors_paginator(limit=5).iter_page(
            models.ListVectorsRequest(bucket=BUCKET, index_name="listed", return_data=True)
        )
    )
    equal([len(page.vectors) for page in pages], [5, 5])
    equal([found["key"] for page in pages for found in page.vectors], keys)
    parts = []
    for segment in range(3):
        request = models.ListVectorsRequest(
            bucket=BUCKET, index_name="listed", segment_count=3, segment_index=segment
        )
        parts.append([found["key"] for found in client.list_vectors(request).vectors])
    equal(sorted(key for part in parts for key in part), keys)


@case("QueryVectors", "cosine distances ascending")
def _():
    hits = query([1, 0, 0, 0])
    equal([hit["key"] for hit in hits], ["a", "b", "ключ/键 ?&"])
    near(hits[0]["distance"], 0)
    near(hits[1]["distance"], 1 - 2**-0.5)
    near(hits[2]["distance"], 1)


@case("QueryVectors", "euclidean distances")
def _():
    make_index("euclidean", 2, "euclidean")
    put([row("near", [3, 4]), row("far", [6, 8])], "euclidean")
    hits = query([0, 0], "euclidean")
    equal([hit["key"] for hit in hits], ["near", "far"])
    near(hits[0]["distance"], 5)
    near(hits[1]["distance"], 10)


@case("QueryVectors", "filters")
def _():
    def keys(condition):
        return sorted(hit["key"] for hit in query([1, 0, 0, 0], filter=condition))

    equal(keys({"category": "faq"}), ["b"])
    equal(keys({"category": {"$eq": "ai"}}), ["a"])
    equal(keys({"category": {"$in": ["db", "faq"]}}), ["a", "b"])
    equal(keys({"year": {"$ne": "2020"}}), ["b", "ключ/键 ?&"])
    equal(keys({"year": {"$nin": ["2020", "2021"]}}), ["ключ/键 ?&"])
    equal(keys({"title": {"$exists": True}}), ["ключ/键 ?&"])
    equal(keys({"$and": [{"category": "ai"}, {"year": "2020"}]}), ["a"])
    equal(keys({"$or": [{"category": "faq"}, {"title": {"$exists": True}}]}), ["b", "ключ/键 ?&"])
    equal(keys({"year": "1999"}), [])


@case("QueryVectors", "only what is asked for, and no more than topK")
def _():
    hits = query([1, 0, 0, 0], top_k=1, return_distance=False, return_metadata=False)
    equal(hits, [{"key": "a"}])


@case("DeleteVectors", "204 also for keys that are not there")
def _():
    request = models.DeleteVectorsRequest(bucket=BUCKET, index_name=INDEX, keys=["b", "nobody"])
    equal(client.delete_vectors(request).status_code, 204)
    equal([hit["key"] for hit in query([1, 0, 0, 0])], ["a", "ключ/键 ?&"])


POLICY = (
    '{"Version":"1","Statement":[{"Action":["ossvector:PutVectors"],"Effect":"Deny",'
    f'"Principal":["1"],"Resource":["acs:ossvector:{REGION}:{ACCOUNT}:*"]}}]}}'
)


@case("PutBucketPolicy", "a policy text")
def _():
    request = models.PutBucketPolicyRequest(bucket=BUCKET, body=POLICY)
    equal(client.put_bucket_policy(request).status_code, 200)


@case("GetBucketPolicy", "byte for byte")
def _():
    result = client.get_bucket_policy(models.GetBucketPolicyRequest(bucket=BUCKET))
    body = result.body if isinstance(result.body, str) else result.body.decode()
    equal(body, POLICY)


@case("DeleteBucketPolicy", "204, and it is gone")
def _():
    request = models.DeleteBucketPolicyRequest(bucket=BUCKET)
    equal(client.delete_bucket_policy(request).status_code, 204)
    get = models.GetBucketPolicyRequest(bucket=BUCKET)
    refused(lambda: client.get_bucket_policy(get), "NoSuchBucketPolicy", 404)


@case("PutBucketLogging", "a target")
def _():
    enabled = models.LoggingEnabled(target_bucket="logs", target_prefix="p/")
    request = models.PutBucketLoggingRequest(
        bucket=BUCKET,
        bucket_logging_status=models.BucketLoggingStatus(logging_enabled=enabled),
    )
    equal(client.put_bucket_logging(request).status_code, 200)


@case("GetBucketLogging", "the same target")
def _():
    result = client.get_bucket_logging(models.GetBucketLoggingRequest(bucket=BUCKET))
    enabled = result.bucket_logging_status.logging_enabled
    equal((enabled.target_bucket, enabled.target_prefix), ("logs", "p/"))


@case("DeleteBucketLogging", "204, and an empty setting remains")
def _():
    request = models.DeleteBucketLoggingRequest(bucket=BUCKET)
    equal(client.delete_bucket_logging(request).status_code, 204)
    result = client.get_bucket_logging(models.GetBucketLoggingRequest(bucket=BUCKET))
    assert not result.bucket_logging_status.logging_enabled.target_bucket


@case("DeleteVectorBucket", "at once after its last index")
def _():
    for name in [INDEX, "listed", "euclidean"]:
        client.delete_vector_index(models.DeleteVectorIndexRequest(bucket=BUCKET, index_name=name))
    request = models.DeleteVectorBucketRequest(bucket=BUCKET)
    equal(client.delete_vector_bucket(request).status_code, 204)
    get = models.GetVectorBucketRequest(bucket=BUCKET)
    refused(lambda: client.get_vector_bucket(get), "NoSuchBucket", 404)


finish()
