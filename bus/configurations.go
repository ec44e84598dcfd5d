package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"terroir"
)

// configurationsBucket holds, under a sensor's name, what it is to serve.
const configurationsBucket = "terroir_configs"

// MaxConfiguration bounds a sensor's configuration on the bus.
const MaxConfiguration = 1 << 20

// ConfigurationSubject is where the sensor's configurations are published, ConfigurationRequest what asks for the last
// one. A sensor may read its own two and nobody else's.
func ConfigurationSubject(sensor string) string { return valueSubject(configurationsBucket, sensor) }

// ConfigurationRequest is the subject of the request for the sensor's last configuration.
func ConfigurationRequest(sensor string) string { return lastRequest(configurationsBucket, sensor) }

// SetupConfigurations makes the bucket of configurations where it does not exist. Setup calls it.
func (b *Bus) SetupConfigurations(ctx context.Context, replicas int) error {
	_, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: configurationsBucket, Storage: jetstream.FileStorage,
		Replicas: replicas, MaxValueSize: MaxConfiguration})
	if err != nil {
		return unreachable(b, "cannot set up the configurations", err)
	}
	return nil
}

// PublishConfiguration lets the sensor know what it is to serve.
//
// One that is too large yields an EINVALID error.
func (b *Bus) PublishConfiguration(ctx context.Context, sensor string, configuration []byte) error {
	if len(configuration) > MaxConfiguration {
		return &terroir.Error{Code: terroir.EINVALID, Where: sensor, Message: "a configuration of more than 1 MiB", Hint: "serve fewer ports"}
	}
	kv, err := b.js.KeyValue(ctx, configurationsBucket)
	if err == nil {
		_, err = kv.Put(ctx, sensor, configuration)
	}
	if err != nil {
		return unreachable(b, "cannot publish the configuration of "+sensor, err)
	}
	return nil
}

// WatchConfiguration calls f with the sensor's configuration as it is and then with every new one, until ctx ends or f
// returns an error. One may come twice.
func (b *Bus) WatchConfiguration(ctx context.Context, sensor string, f func([]byte) error) error {
	return b.watchLast(ctx, configurationsBucket, sensor, f)
}
