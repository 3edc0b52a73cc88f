"""Every operation of S3 Vectors that boto3 has, with boto3 unmodified."""

import datetime
import json

from aws_harness import (
    ACCOUNT,
    REGION,
    URL,
    case,
    equal,
    finish,
    keys_of,
    make_client,
    near,
    refused,
    row,
)

BUCKET = "boto3-operations"
BUCKET_ARN = f"arn:aws:s3vectors:{REGION}:{ACCOUNT}:bucket/{BUCKET}"
INDEX = "notes.v1"
INDEX_ARN = f"{BUCKET_ARN}/index/{INDEX}"
AT = {"vectorBucketName": BUCKET, "indexName": INDEX}
KMS = {"sseType": "aws:kms", "kmsKeyArn": f"arn:aws:kms:{REGION}:111122223333:key/one"}
client = make_client()


def make_index(name=INDEX, **options):
    options = {"dataType": "float32", "dimension": 4, "distanceMetric": "cosine", **options}
    return client.create_index(vectorBucketName=BUCKET, indexName=name, **options)


def query(vector=(1, 0, 0, 0), **options):
    options = {"topK": 10, **AT, **options}
    return client.query_vectors(queryVector={"float32": list(vector)}, **options)


@case("CreateVectorBucket", "answers the ARN; a second time is a ConflictException")
def _():
    made = client.create_vector_bucket(vectorBucketName=BUCKET, tags={"team": "search"})
    equal(made["vectorBucketArn"], BUCKET_ARN)
    equal(made["ResponseMetadata"]["HTTPStatusCode"], 200)
    refused(
        client,
        "ConflictException",
        409,
        lambda: client.create_vector_bucket(vectorBucketName=BUCKET),
        "A vector bucket with the specified name already exists",
    )


@case("CreateVectorBucket", "an encryption configuration is kept and shown")
def _():
    name = f"{BUCKET}-kms"
    client.create_vector_bucket(vectorBucketName=name, encryptionConfiguration=KMS)
    bucket = client.get_vector_bucket(vectorBucketName=name)["vectorBucket"]
    equal(bucket["encryptionConfiguration"], KMS)
    client.delete_vector_bucket(vectorBucketName=name)


@case("GetVectorBucket", "by name and by ARN, with a time between two looks")
def _():
    name = f"{BUCKET}-time"
    now = lambda: datetime.datetime.now(datetime.timezone.utc)  # noqa: E731
    before = now() - datetime.timedelta(milliseconds=1)
    client.create_vector_bucket(vectorBucketName=name)
    bucket = client.get_vector_bucket(vectorBucketName=name)["vectorBucket"]
    assert before <= bucket["creationTime"] <= now(), bucket["creationTime"]
    equal(bucket["encryptionConfiguration"], {"sseType": "AES256"})
    arn = bucket["vectorBucketArn"]
    equal(client.get_vector_bucket(vectorBucketArn=arn)["vectorBucket"], bucket)
    client.delete_vector_bucket(vectorBucketName=name)


@case("ListVectorBuckets", "pages by prefix, with the client's paginator")
def _():
    names = [f"boto3-listed-{end}" for end in "abcde"]
    for name in names:
        client.create_vector_bucket(vectorBucketName=name)
    pages = client.get_paginator("list_vector_buckets").paginate(
        prefix="boto3-listed-", PaginationConfig={"PageSize": 2}
    )
    found = [[bucket["vectorBucketName"] for bucket in page["vectorBuckets"]] for page in pages]
    equal(found, [names[:2], names[2:4], names[4:]])
    for name in names:
        client.delete_vector_bucket(vectorBucketName=name)
    equal(client.list_vector_buckets(prefix="boto3-listed-")["vectorBuckets"], [])


@case("CreateIndex", "answers the ARN; a second time is a ConflictException")
def _():
    unfilterable = {"nonFilterableMetadataKeys": ["text"]}
    made = make_index(metadataConfiguration=unfilterable, tags={"stage": "test"})
    equal(made["indexArn"], INDEX_ARN)
    refused(client, "ConflictException", 409, make_index)


@case("GetIndex", "all that was given, by names and by ARN")
def _():
    index = client.get_index(**AT)["index"]
    assert isinstance(index["creationTime"], datetime.datetime)
    expected = {
        **AT,
        "indexArn": INDEX_ARN,
        "creationTime": index["creationTime"],
        "dataType": "float32",
        "dimension": 4,
        "distanceMetric": "cosine",
        "metadataConfiguration": {"nonFilterableMetadataKeys": ["text"]},
        "indexMode": "ENHANCED",
    }
    equal(index, expected)
    equal(client.get_index(indexArn=INDEX_ARN)["index"], index)
    make_index("kms", encryptionConfiguration=KMS)
    kms = client.get_index(vectorBucketName=BUCKET, indexName="kms")["index"]
    equal(kms["encryptionConfiguration"], KMS)
    client.delete_index(vectorBucketName=BUCKET, indexName="kms")


@case("ListIndexes", "pages by prefix, with the client's paginator")
def _():
    names = ["page-1", "page-2", "page-3"]
    for name in names:
        make_index(name)
    pages = client.get_paginator("list_indexes").paginate(
        vectorBucketArn=BUCKET_ARN, prefix="page-", PaginationConfig={"PageSize": 2}
    )
    found = [[index["indexName"] for index in page["indexes"]] for page in pages]
    equal(found, [names[:2], names[2:]])
    listed = client.list_indexes(vectorBucketName=BUCKET)["indexes"]
    equal([index["indexName"] for index in listed], [INDEX, *names])


@case("DeleteIndex", "gone, and its name is free")
def _():
    for name in ["page-1", "page-2", "page-3"]:
        client.delete_index(vectorBucketName=BUCKET, indexName=name)
    at = {"vectorBucketName": BUCKET, "indexName": "page-1"}
    refused(client, "NotFoundException", 404, lambda: client.get_index(**at))
    make_index("page-1")
    equal(client.list_vectors(**at)["vectors"], [])
    client.delete_index(**at)


@case("UpdateIndexMode", "ENHANCED is what every index is; CLASSIC is refused")
def _():
    client.update_index_mode(**AT, indexMode="ENHANCED")
    equal(client.get_index(**AT)["index"]["indexMode"], "ENHANCED")
    classic = lambda: client.update_index_mode(**AT, indexMode="CLASSIC")  # noqa: E731
    refused(client, "ValidationException", 400, classic)


@case("PutVectorBucketDefaultIndexMode", "ENHANCED is what every bucket has; CLASSIC is refused")
def _():
    at = {"vectorBucketName": BUCKET}
    client.put_vector_bucket_default_index_mode(**at, defaultIndexMode="ENHANCED")
    bucket = client.get_vector_bucket(**at)["vectorBucket"]
    equal(bucket["defaultIndexMode"], "ENHANCED")
    put = client.put_vector_bucket_default_index_mode
    classic = lambda: put(**at, defaultIndexMode="CLASSIC")  # noqa: E731
    refused(client, "ValidationException", 400, classic)


A = {"kind": "guide", "year": 2020, "tags": ["x", "y"], "draft": False}
B = {"kind": "faq", "year": 2021.5, "text": "long"}
THIRD = "ключ/键 ?&"
VECTORS = [
    row("a", [1, 0, 0, 0], A),
    row("b", [1, 1, 0, 0], B),
    row(THIRD, [0, 1, 0, 0], {"title": "Ünïcödé ☃ <&>", "big": 2**53 + 1}),
]


@case("PutVectors", "metadata of all kinds; a key is replaced as a whole")
def _():
    client.put_vectors(**AT, vectors=[row("a", [0, 0, 1, 0], {"old": True})])
    client.put_vectors(indexArn=INDEX_ARN, vectors=VECTORS)
    found = client.get_vectors(**AT, keys=["a"], returnMetadata=True)["vectors"]
    equal(found, [{"key": "a", "metadata": A}])


@case("GetVectors", "only what is asked for; unknown keys are left out")
def _():
    keys = ["nobody", "a", "b", THIRD]
    equal(client.get_vectors(**AT, keys=keys)["vectors"], [{"key": key} for key in keys[1:]])
    whole = client.get_vectors(**AT, keys=keys, returnData=True, returnMetadata=True)
    equal(whole["vectors"], VECTORS)


@case("ListVectors", "pages, and segments that share nothing and miss nothing")
def _():
    make_index("listed")
    at = {"vectorBucketName": BUCKET, "indexName": "listed"}
    keys = [f"key-{i:03}" for i in range(25)]
    client.put_vectors(**at, vectors=[row(key, [1, 2, 3, i + 1]) for i, key in enumerate(keys)])
    paginate = client.get_paginator("list_vectors").paginate
    pages = list(paginate(**at, returnData=True, PaginationConfig={"PageSize": 10}))
    equal([len(page["vectors"]) for page in pages], [10, 10, 5])
    equal([key for page in pages for key in keys_of(page)], keys)
    parts = []
    for segment in range(4):
        for page in paginate(**at, segmentCount=4, segmentIndex=segment):
            parts.extend(keys_of(page))
    equal(sorted(parts), keys)
    client.delete_index(**at)


@case("QueryVectors", "cosine distances ascending, with the metric")
def _():
    answer = query(returnDistance=True)
    equal(keys_of(answer), ["a", "b", THIRD])
    for hit, expected in zip(answer["vectors"], [0, 1 - 2**-0.5, 1]):
        near(hit["distance"], expected)
    equal(answer["distanceMetric"], "cosine")
    assert "nextToken" not in answer


@case("QueryVectors", "euclidean distances are roots")
def _():
    make_index("euclidean", dimension=2, distanceMetric="euclidean")
    at = {"vectorBucketName": BUCKET, "indexName": "euclidean"}
    client.put_vectors(**at, vectors=[row("near", [3, 4]), row("far", [6, 8])])
    hits = query([0, 0], **at, returnDistance=True)["vectors"]
    equal(hits, [{"key": "near", "distance": 5.0}, {"key": "far", "distance": 10.0}])
    client.delete_index(**at)


@case("QueryVectors", "only what is asked for, and no more than topK")
def _():
    equal(query(topK=1)["vectors"], [{"key": "a"}])
    equal(query(topK=1, returnMetadata=True)["vectors"], [{"key": "a", "metadata": A}])


@case("QueryVectors", "every operator of filters")
def _():
    for condition, keys in [
        ({"kind": "faq"}, ["b"]),
        ({"kind": {"$eq": "guide"}}, ["a"]),
        ({"tags": "y"}, ["a"]),
        ({"draft": False}, ["a"]),
        ({"kind": {"$ne": "faq"}}, ["a", THIRD]),
        ({"year": {"$gt": 2020}}, ["b"]),
        ({"year": {"$gte": 2020, "$lt": 2021}}, ["a"]),
        ({"year": {"$lte": 2021.5}}, ["a", "b"]),
        ({"kind": {"$in": ["guide", "faq"]}}, ["a", "b"]),
        ({"kind": {"$nin": ["guide"]}}, ["b", THIRD]),
        ({"title": {"$exists": True}}, [THIRD]),
        ({"title": {"$exists": False}}, ["a", "b"]),
        ({"big": 2**53 + 1}, [THIRD]),
        ({"big": 2**53}, []),
        ({"$and": [{"kind": "guide"}, {"year": 2020}]}, ["a"]),
        ({"$or": [{"kind": "faq"}, {"title": {"$exists": True}}]}, ["b", THIRD]),
        ({"kind": "guide", "year": 1999}, []),
    ]:
        equal((condition, keys_of(query(filter=condition))), (condition, keys))


@case("QueryVectors", "the mode ENHANCED is ours, CLASSIC is not; texts cannot be searched")
def _():
    equal(keys_of(query(queryMode="ENHANCED", topK=1)), ["a"])
    refused(client, "ValidationException", 400, lambda: query(queryMode="CLASSIC"))
    texts = [{"text": "long", "metadataKey": "text"}]
    refused(client, "ValidationException", 400, lambda: query(queryTexts=texts))
    only = lambda: client.query_vectors(**AT, topK=1, queryTexts=texts)  # noqa: E731
    refused(client, "ValidationException", 400, only)


@case("QueryVectors", "topK 10,000 in pages, with the client's paginator")
def _():
    make_index("wide", dimension=2, distanceMetric="euclidean")
    at = {"vectorBucketName": BUCKET, "indexName": "wide"}
    for start in range(0, 10_500, 500):
        rows = [row(f"k{i}", [i + 1, 0], {"i": i}) for i in range(start, start + 500)]
        client.put_vectors(**at, vectors=rows)
    pages = list(
        client.get_paginator("query_vectors").paginate(
            **at, queryVector={"float32": [0, 0]}, topK=10_000, returnMetadata=True
        )
    )
    found = [hit["metadata"]["i"] for page in pages for hit in page["vectors"]]
    equal(found, list(range(10_000)))
    assert len(pages) > 1
    client.delete_index(**at)


@case("DeleteVectors", "success also for keys that are not there")
def _():
    client.delete_vectors(**AT, keys=["b", "nobody"])
    equal(keys_of(query()), ["a", THIRD])


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3vectors:PutVectors",
                "Resource": f"{BUCKET_ARN}/*",
            }
        ],
    }
)


@case("PutVectorBucketPolicy", "holds at once")
def _():
    client.put_vector_bucket_policy(vectorBucketName=BUCKET, policy=POLICY)
    put = lambda: client.put_vectors(**AT, vectors=[row("c", [1, 0, 0, 0])])  # noqa: E731
    refused(client, "AccessDeniedException", 403, put)


@case("GetVectorBucketPolicy", "byte for byte")
def _():
    equal(client.get_vector_bucket_policy(vectorBucketArn=BUCKET_ARN)["policy"], POLICY)


@case("DeleteVectorBucketPolicy", "and what it denied is allowed again")
def _():
    at = {"vectorBucketName": BUCKET}
    client.delete_vector_bucket_policy(**at)
    message = "The specified vector bucket policy could not be found"
    get = lambda: client.get_vector_bucket_policy(**at)  # noqa: E731
    refused(client, "NotFoundException", 404, get, message)
    client.put_vectors(**AT, vectors=[row("c", [1, 0, 0, 0])])


@case("TagResource", "adds and replaces, on buckets and indexes")
def _():
    client.tag_resource(resourceArn=BUCKET_ARN, tags={"team": "web", "a b/c": "=@"})
    client.tag_resource(resourceArn=INDEX_ARN, tags={"stage": "live"})


@case("ListTagsForResource", "of a bucket and of an index")
def _():
    tags = client.list_tags_for_resource(resourceArn=BUCKET_ARN)["tags"]
    equal(tags, {"team": "web", "a b/c": "=@"})
    equal(client.list_tags_for_resource(resourceArn=INDEX_ARN)["tags"], {"stage": "live"})


@case("UntagResource", "several at once; names that are none are no error")
def _():
    client.untag_resource(resourceArn=BUCKET_ARN, tagKeys=["a b/c", "team", "none"])
    equal(client.list_tags_for_resource(resourceArn=BUCKET_ARN)["tags"], {})


@case("UpdateMetadataConfiguration", "is refused: texts cannot be searched")
def _():
    add = {"textSearchConfigurations": [{"metadataKey": "text"}]}
    update = lambda: client.update_metadata_configuration(**AT, add=add)  # noqa: E731
    refused(client, "ValidationException", 400, update)
    refused(
        client,
        "ValidationException",
        400,
        lambda: make_index("searched", metadataConfiguration=add),
    )


@case("addresses", "an endpoint with a path, one with a slash at its end, a host name")
def _():
    for endpoint in [f"{URL}/vectors", f"{URL}/", URL.replace("127.0.0.1", "localhost")]:
        there = make_client(endpoint_url=endpoint)
        equal(there.get_index(**AT)["index"]["indexArn"], INDEX_ARN)
        equal(there.list_tags_for_resource(resourceArn=INDEX_ARN)["tags"], {"stage": "live"})


@case("DeleteVectorBucket", "not with indexes; success also when it is not there")
def _():
    remove = lambda: client.delete_vector_bucket(vectorBucketName=BUCKET)  # noqa: E731
    refused(client, "ConflictException", 409, remove)
    client.delete_index(**AT)
    remove()
    get = lambda: client.get_vector_bucket(vectorBucketName=BUCKET)  # noqa: E731
    refused(client, "NotFoundException", 404, get)
    remove()


finish()
