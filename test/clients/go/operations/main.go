// Every operation and the common errors of OSS Vectors through the vendor's Go client, which
// addresses buckets by path when the endpoint is an IP address. Prints one JSON line per case.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/vectors"
)

const (
	bucket = "go-operations"
	index  = "goIndex"
	region = "cn-hangzhou"
)

var (
	ctx     = context.Background()
	account = os.Getenv("INSULA_TEST_ACCOUNT")
	failed  = false
)

type line struct {
	Operation string `json:"operation"`
	Case      string `json:"case"`
	Pass      bool   `json:"pass"`
	Detail    string `json:"detail,omitempty"`
}

func run(operation, title string, body func() error) {
	result := line{Operation: operation, Case: title, Pass: true}
	if err := body(); err != nil {
		failed = true
		result.Pass = false
		result.Detail = err.Error()
	}
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
}

func equal(actual, expected any) error {
	a, _ := json.Marshal(actual)
	b, _ := json.Marshal(expected)
	if string(a) != string(b) {
		return fmt.Errorf("expected %s, received %s", b, a)
	}
	return nil
}

// refused wants the service's code, as the client itself reads it.
func refused(err error, code string, status int) error {
	var service *oss.ServiceError
	if !errors.As(err, &service) {
		return fmt.Errorf("expected the service error %s, received %v", code, err)
	}
	if service.Code != code || service.StatusCode != status || len(service.RequestID) != 24 {
		return fmt.Errorf("expected %s %d, received %s %d, request id %q", code, status, service.Code, service.StatusCode, service.RequestID)
	}
	return nil
}

func newClient(provider credentials.CredentialsProvider) *vectors.VectorsClient {
	config := oss.LoadDefaultConfig().
		WithCredentialsProvider(provider).
		WithRegion(region).
		WithAccountId(account).
		WithRetryMaxAttempts(1).
		WithEndpoint(os.Getenv("INSULA_TEST_URL"))
	return vectors.NewVectorsClient(config)
}

func row(key string, values []float32, metadata map[string]any) map[string]any {
	record := map[string]any{"key": key, "data": map[string]any{"float32": values}}
	if metadata != nil {
		record["metadata"] = metadata
	}
	return record
}

func keysOf(found []map[string]any) []string {
	keys := []string{}
	for _, vector := range found {
		keys = append(keys, vector["key"].(string))
	}
	return keys
}

func main() {
	client := newClient(credentials.NewEnvironmentVariableCredentialsProvider())
	buckets(client)
	indexes(client)
	records(client)
	settings(client)
	refusals(client)
	removal(client)
	if failed {
		os.Exit(1)
	}
}

func buckets(client *vectors.VectorsClient) {
	run("PutVectorBucket", "a new bucket", func() error {
		result, err := client.PutVectorBucket(ctx, &vectors.PutVectorBucketRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		return equal([]any{result.StatusCode, len(result.Headers.Get("x-oss-request-id"))}, []any{200, 24})
	})
	run("GetVectorBucket", "full resource name and times", func() error {
		result, err := client.GetVectorBucket(ctx, &vectors.GetVectorBucketRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		if result.BucketInfo.CreationDate == nil {
			return errors.New("no creation date")
		}
		return equal(*result.BucketInfo.Name, fmt.Sprintf("acs:ossvector:%s:%s:%s", region, account, bucket))
	})
	run("ListVectorBuckets", "prefix, pages without an empty last one", func() error {
		for i := 0; i < 3; i++ {
			name := fmt.Sprintf("go-page-%d", i)
			if _, err := client.PutVectorBucket(ctx, &vectors.PutVectorBucketRequest{Bucket: oss.Ptr(name)}); err != nil {
				return err
			}
		}
		sizes := []int{}
		pages := client.NewListVectorBucketsPaginator(&vectors.ListVectorBucketsRequest{Prefix: oss.Ptr("go-page-"), MaxKeys: 1})
		for pages.HasNext() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			sizes = append(sizes, len(page.Buckets))
			for _, found := range page.Buckets {
				name := strings.Split(*found.Name, ":")[4]
				defer client.DeleteVectorBucket(ctx, &vectors.DeleteVectorBucketRequest{Bucket: oss.Ptr(name)})
			}
		}
		return equal(sizes, []int{1, 1, 1})
	})
}

func makeIndex(client *vectors.VectorsClient, name, metric string, metadata map[string]any) error {
	_, err := client.PutVectorIndex(ctx, &vectors.PutVectorIndexRequest{
		Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(name), DataType: oss.Ptr("float32"),
		Dimension: oss.Ptr(2), DistanceMetric: oss.Ptr(metric), Metadata: metadata,
	})
	return err
}

func indexes(client *vectors.VectorsClient) {
	run("PutVectorIndex", "with metadata keys that are not filtered by", func() error {
		return makeIndex(client, index, "euclidean", map[string]any{"nonFilterableMetadataKeys": []string{"body"}})
	})
	run("GetVectorIndex", "settings come back", func() error {
		result, err := client.GetVectorIndex(ctx, &vectors.GetVectorIndexRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index)})
		if err != nil {
			return err
		}
		if result.Index.CreateTime == nil {
			return errors.New("no creation time")
		}
		return equal(
			[]any{*result.Index.IndexName, *result.Index.Dimension, *result.Index.DistanceMetric, *result.Index.Status, result.Index.Metadata},
			[]any{index, 2, "euclidean", "enable", map[string]any{"nonFilterableMetadataKeys": []string{"body"}}},
		)
	})
	run("ListVectorIndexes", "defaults with an empty body; pages without an empty last one", func() error {
		all, err := client.ListVectorIndexes(ctx, &vectors.ListVectorIndexesRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		if len(all.Indexes) != 1 {
			return fmt.Errorf("expected 1 index, received %d", len(all.Indexes))
		}
		for i := 0; i < 11; i++ {
			if err := makeIndex(client, fmt.Sprintf("page%02d", i), "cosine", nil); err != nil {
				return err
			}
		}
		sizes := []int{}
		pages := client.NewListVectorIndexesPaginator(&vectors.ListVectorIndexesRequest{Bucket: oss.Ptr(bucket), Prefix: oss.Ptr("page"), MaxResults: 5})
		for pages.HasNext() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			sizes = append(sizes, len(page.Indexes))
		}
		return equal(sizes, []int{5, 5, 1})
	})
	run("DeleteVectorIndex", "204", func() error {
		for i := 0; i < 11; i++ {
			result, err := client.DeleteVectorIndex(ctx, &vectors.DeleteVectorIndexRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(fmt.Sprintf("page%02d", i))})
			if err != nil {
				return err
			}
			if result.StatusCode != 204 {
				return fmt.Errorf("expected 204, received %d", result.StatusCode)
			}
		}
		return nil
	})
}

func query(client *vectors.VectorsClient, filter any) ([]map[string]any, error) {
	result, err := client.QueryVectors(ctx, &vectors.QueryVectorsRequest{
		Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index), TopK: oss.Ptr(10), Filter: filter,
		QueryVector:    map[string]any{"float32": []float32{0, 0}},
		ReturnDistance: oss.Ptr(true), ReturnMetadata: oss.Ptr(true),
	})
	if err != nil {
		return nil, err
	}
	return result.Vectors, nil
}

func records(client *vectors.VectorsClient) {
	run("PutVectors", "replaces records completely", func() error {
		for _, title := range []string{"old <title>", "new & <title>"} {
			_, err := client.PutVectors(ctx, &vectors.PutVectorsRequest{
				Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index), Vectors: []map[string]any{
					row("near", []float32{3, 4}, map[string]any{"title": title, "kind": []string{"a", "b"}}),
					row("far", []float32{6, 8}, map[string]any{"kind": "c", "body": "long"}),
				},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	run("GetVectors", "data and metadata when asked", func() error {
		result, err := client.GetVectors(ctx, &vectors.GetVectorsRequest{
			Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index), Keys: []string{"near", "nobody"},
			ReturnData: oss.Ptr(true), ReturnMetadata: oss.Ptr(true),
		})
		if err != nil {
			return err
		}
		return equal(result.Vectors, []map[string]any{row("near", []float32{3, 4}, map[string]any{"title": "new & <title>", "kind": []string{"a", "b"}})})
	})
	run("ListVectors", "pages", func() error {
		keys := []string{}
		pages := client.NewListVectorsPaginator(&vectors.ListVectorsRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index), MaxResults: 1})
		for pages.HasNext() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			keys = append(keys, keysOf(page.Vectors)...)
		}
		return equal(keys, []string{"far", "near"})
	})
	run("QueryVectors", "euclidean distances ascending", func() error {
		found, err := query(client, nil)
		if err != nil {
			return err
		}
		if err := equal(keysOf(found), []string{"near", "far"}); err != nil {
			return err
		}
		for i, expected := range []float64{5, 10} {
			distance, isNumber := found[i]["distance"].(float64)
			if !isNumber || math.Abs(distance-expected) > 1e-6 {
				return fmt.Errorf("expected the distance %v, received %v", expected, found[i]["distance"])
			}
		}
		return nil
	})
	run("QueryVectors", "filters", func() error {
		for text, expected := range map[string][]string{
			`{"kind":"b"}`:                        {"near"},
			`{"kind":{"$in":["b","c"]}}`:          {"far", "near"},
			`{"title":{"$exists":false}}`:         {"far"},
			`{"$or":[{"kind":"x"},{"kind":"c"}]}`: {"far"},
		} {
			var filter any
			if err := json.Unmarshal([]byte(text), &filter); err != nil {
				return err
			}
			found, err := query(client, filter)
			if err != nil {
				return err
			}
			keys := keysOf(found)
			sort.Strings(keys)
			if err := equal(keys, expected); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return nil
	})
	run("DeleteVectors", "204 also for keys that are not there", func() error {
		result, err := client.DeleteVectors(ctx, &vectors.DeleteVectorsRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index), Keys: []string{"far", "nobody"}})
		if err != nil {
			return err
		}
		return equal(result.StatusCode, 204)
	})
}

func settings(client *vectors.VectorsClient) {
	policy := fmt.Sprintf(`{"Version":"1","Statement":[{"Action":["ossvector:PutVectors"],"Effect":"Deny","Principal":["1"],"Resource":["acs:ossvector:%s:%s:*"]}]}`, region, account)
	run("PutBucketPolicy", "a policy text", func() error {
		_, err := client.PutBucketPolicy(ctx, &vectors.PutBucketPolicyRequest{Bucket: oss.Ptr(bucket), Body: strings.NewReader(policy)})
		return err
	})
	run("GetBucketPolicy", "byte for byte", func() error {
		result, err := client.GetBucketPolicy(ctx, &vectors.GetBucketPolicyRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		return equal(result.Body, policy)
	})
	run("DeleteBucketPolicy", "204", func() error {
		result, err := client.DeleteBucketPolicy(ctx, &vectors.DeleteBucketPolicyRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		return equal(result.StatusCode, 204)
	})
	run("PutBucketLogging", "a target", func() error {
		_, err := client.PutBucketLogging(ctx, &vectors.PutBucketLoggingRequest{
			Bucket:              oss.Ptr(bucket),
			BucketLoggingStatus: &vectors.BucketLoggingStatus{LoggingEnabled: &vectors.LoggingEnabled{TargetBucket: oss.Ptr("logs"), TargetPrefix: oss.Ptr("p/")}},
		})
		return err
	})
	run("GetBucketLogging", "the same target", func() error {
		result, err := client.GetBucketLogging(ctx, &vectors.GetBucketLoggingRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		return equal(*result.BucketLoggingStatus.LoggingEnabled.TargetBucket, "logs")
	})
	run("DeleteBucketLogging", "204", func() error {
		result, err := client.DeleteBucketLogging(ctx, &vectors.DeleteBucketLoggingRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		return equal(result.StatusCode, 204)
	})
}

func refusals(client *vectors.VectorsClient) {
	run("errors", "InvalidAccessKeyId", func() error {
		stranger := newClient(credentials.NewStaticCredentialsProvider("STRANGER", "secret"))
		_, err := stranger.PutVectorBucket(ctx, &vectors.PutVectorBucketRequest{Bucket: oss.Ptr("go-stranger")})
		return refused(err, "InvalidAccessKeyId", 403)
	})
	run("errors", "SignatureDoesNotMatch", func() error {
		liar := newClient(credentials.NewStaticCredentialsProvider(os.Getenv("OSS_ACCESS_KEY_ID"), "not the secret"))
		_, err := liar.PutVectorBucket(ctx, &vectors.PutVectorBucketRequest{Bucket: oss.Ptr("go-liar")})
		return refused(err, "SignatureDoesNotMatch", 403)
	})
	run("errors", "NoSuchBucket comes before wrong parameters", func() error {
		_, err := client.PutVectorIndex(ctx, &vectors.PutVectorIndexRequest{
			Bucket: oss.Ptr("go-nowhere"), IndexName: oss.Ptr("x"), DataType: oss.Ptr("nonsense"),
			Dimension: oss.Ptr(2), DistanceMetric: oss.Ptr("none"),
		})
		return refused(err, "NoSuchBucket", 404)
	})
	run("errors", "VectorBucketNotEmpty", func() error {
		_, err := client.DeleteVectorBucket(ctx, &vectors.DeleteVectorBucketRequest{Bucket: oss.Ptr(bucket)})
		return refused(err, "VectorBucketNotEmpty", 409)
	})
	run("errors", "NoSuchVectorIndex", func() error {
		_, err := client.GetVectorIndex(ctx, &vectors.GetVectorIndexRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr("missing")})
		return refused(err, "NoSuchVectorIndex", 404)
	})
	run("errors", "VectorBucketIndexAlreadyExist", func() error {
		return refused(makeIndex(client, index, "cosine", nil), "VectorBucketIndexAlreadyExist", 409)
	})
	run("errors", "VectorIndexParameterInvalid", func() error {
		_, err := client.PutVectors(ctx, &vectors.PutVectorsRequest{
			Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index), Vectors: []map[string]any{row("x", []float32{1}, nil)},
		})
		return refused(err, "VectorIndexParameterInvalid", 400)
	})
}

func removal(client *vectors.VectorsClient) {
	run("DeleteVectorBucket", "at once after its last index", func() error {
		if _, err := client.DeleteVectorIndex(ctx, &vectors.DeleteVectorIndexRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(index)}); err != nil {
			return err
		}
		result, err := client.DeleteVectorBucket(ctx, &vectors.DeleteVectorBucketRequest{Bucket: oss.Ptr(bucket)})
		if err != nil {
			return err
		}
		return equal(result.StatusCode, 204)
	})
}
