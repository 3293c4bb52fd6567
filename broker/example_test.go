package broker_test

import (
	"context"
	"fmt"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"blockgate/broker"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// The command line joins the broker, which knows subjects and keys, with the bus,
// which knows what they mean.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "broker")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	settings := jetstream.Settings{Network: btc.Regtest, ID: "main", MaxBytes: jetstream.MinMaxBytes}
	publisher, reader := publicKey(), publicKey() // the seeds go to whom they belong
	config := broker.Config{
		StoreDir: dir, Listen: "127.0.0.1:0", MaxStore: settings.MaxBytes,
		Users: []broker.User{
			{Key: publisher, Rights: broker.Rights(jetstream.PublisherRights(settings.Network, settings.ID))},
			{Key: reader, Rights: broker.Rights(jetstream.ReaderRights(settings.Network, settings.ID))},
		},
		Anonymous: broker.Rights(jetstream.AnonymousRights(settings.Network, settings.ID, false)),
		Setup: func(ctx context.Context, admin *nats.Conn) error {
			return jetstream.Create(ctx, admin, settings)
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = broker.Run(ctx, config, func(string) {
		fmt.Println("ready")
		cancel() // a service would go on
	})
	fmt.Println(err)
	// Output:
	// ready
	// <nil>
}

func publicKey() string {
	pair, err := nkeys.CreateUser()
	if err != nil {
		panic(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		panic(err)
	}
	return key
}
