// Three indexes of one server, each reached by the line that docs/dialects/pinecone.md has for it.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/pinecone-io/go-pinecone/v4/pinecone"
)

func routing(names []string) {
	pc := must(pinecone.NewClient(pinecone.NewClientParams{
		ApiKey: key, Host: os.Getenv("INSULA_TEST_BASE"),
	}))
	for _, name := range names {
		run("routing", fmt.Sprintf("the line finds %s among %d", name, len(names)), func() error {
			description, err := pc.DescribeIndex(ctx, name)
			if err != nil {
				return err
			}
			index, err := pc.Index(pinecone.NewIndexConnParams{
				Host: description.Host, Namespace: "routed",
			})
			if err != nil {
				return err
			}
			if _, err := index.UpsertVectors(ctx, []*pinecone.Vector{vector(name, 1, 0.5)}); err != nil {
				return err
			}
			asked := pinecone.QueryByVectorValuesRequest{Vector: []float32{1, 0.5}, TopK: 9}
			found, err := index.QueryByVectorValues(ctx, &asked)
			if err != nil {
				return err
			}
			if err := equal(ids(found), []string{name}); err != nil {
				return err
			}
			stats, err := index.DescribeIndexStats(ctx)
			if err != nil {
				return err
			}
			return equal(stats.TotalVectorCount, 1)
		})
	}
	if failed {
		os.Exit(1)
	}
}

func namesOfRouting() []string {
	return strings.FieldsFunc(os.Getenv("INSULA_TEST_INDEXES"), func(r rune) bool { return r == ',' })
}
