package lake

import (
	"context"
	"net/url"
	"sync"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/io/gocloud/s3"
	"github.com/apache/iceberg-go/utils"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// iceberg-go makes a client with connections and credentials of its own for every table that it loads. Those of terroir
// share them: a table is loaded for every commit and every query.
func init() {
	icebergio.Unregister("s3")
	icebergio.Register("s3", func(ctx context.Context, u *url.URL, props map[string]string) (icebergio.IO, error) {
		cfg, err := s3Clients.of(ctx, props)
		if err != nil {
			return nil, err
		}
		// s3a is another name of the same, which the library registered and which takes addresses of either.
		return icebergio.LoadFS(utils.WithAwsConfig(ctx, cfg), props, "s3a://"+u.Host+u.Path)
	})
}

type s3Client struct{ endpoint, region, key, secret string }

type s3ClientSet struct {
	mu   sync.Mutex
	open map[s3Client]*aws.Config
}

var s3Clients = s3ClientSet{open: map[s3Client]*aws.Config{}}

// of is the client for the properties of a catalog.
func (s *s3ClientSet) of(ctx context.Context, props map[string]string) (*aws.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s3Client{props[icebergio.S3EndpointURL], props[icebergio.S3Region], props[icebergio.S3AccessKeyID], props[icebergio.S3SecretAccessKey]}
	if cfg, ok := s.open[id]; ok {
		return cfg, nil
	}
	cfg, err := s3.ParseAWSConfig(ctx, props)
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = awshttp.NewBuildableClient()
	s.open[id] = cfg
	return cfg, nil
}
