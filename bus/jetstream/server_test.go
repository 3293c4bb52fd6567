package jetstream_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"blockgate/broker"
	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

const testID = "test-1"

// testBudget bounds every wait of a test.
const testBudget = 20 * time.Second

// keys are a user's key pair.
type keys struct{ seed, public string }

func newKeys(t testing.TB) keys {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return keysOf(string(seed))
}

// keysOf returns the pair of a seed that newKeys made.
func keysOf(seed string) keys {
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		panic(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		panic(err)
	}
	return keys{seed, public}
}

func (k keys) credentials() jetstream.Credentials {
	if k.seed == "" {
		return jetstream.Credentials{}
	}
	return jetstream.Credentials{NKeySeed: []byte(k.seed)}
}

// testBroker is a bundled broker of its own, in this process.
type testBroker struct {
	url               string
	dir               string
	settings          jetstream.Settings
	publisher, reader keys
	admin             keys // may do all; the real broker has none like it
	anonymousReaders  bool
	address           string
	cancel            context.CancelFunc
	done              chan error
}

// startBroker serves until the test ends.
func startBroker(t testing.TB, network btc.Network, change ...func(*testBroker)) *testBroker {
	t.Helper()
	b := &testBroker{
		dir: t.TempDir(), address: "127.0.0.1:0", publisher: newKeys(t), reader: newKeys(t), admin: newKeys(t),
		settings: jetstream.Settings{Network: network, ID: testID, MaxBytes: 64 << 20},
	}
	for _, f := range change {
		f(b)
	}
	t.Cleanup(func() { b.stop(t) })
	b.start(t)
	return b
}

// config is what the command line gives the broker.
func (b *testBroker) config() broker.Config {
	s := b.settings
	user := func(k keys, r jetstream.Rights) broker.User {
		return broker.User{Key: k.public, Rights: broker.Rights(r)}
	}
	all := jetstream.Rights{Publish: []string{">"}, Subscribe: []string{">"}}
	return broker.Config{
		StoreDir: b.dir, Listen: b.address, MaxStore: s.MaxBytes,
		Users: []broker.User{
			user(b.publisher, jetstream.PublisherRights(s.Network, s.ID)),
			user(b.reader, jetstream.ReaderRights(s.Network, s.ID)),
			user(b.admin, all),
		},
		Anonymous: broker.Rights(jetstream.AnonymousRights(s.Network, s.ID, b.anonymousReaders)),
		Setup: func(ctx context.Context, admin *nats.Conn) error {
			return jetstream.Create(ctx, admin, s)
		},
		Log: testLog(),
	}
}

// testLog shows warnings with BUS_TEST_LOG=1.
func testLog() *slog.Logger {
	if os.Getenv("BUS_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

func (b *testBroker) start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.done = cancel, make(chan error, 1)
	ready := make(chan string, 1)
	go func() { b.done <- broker.Run(ctx, b.config(), func(address string) { ready <- address }) }()
	select {
	case b.address = <-ready: // a restart listens on the same port
		b.url = "nats://" + b.address
	case err := <-b.done:
		b.done <- err
		t.Fatal(err)
	case <-time.After(testBudget):
		t.Fatal("broker is not ready")
	}
}

func (b *testBroker) stop(t testing.TB) {
	t.Helper()
	b.cancel()
	select {
	case err := <-b.done:
		b.done <- err
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testBudget):
		t.Error("broker does not stop")
	}
}

// connect returns a plain client with a key, none for anonymous.
func (b *testBroker) connect(t testing.TB, k keys, options ...nats.Option) *nats.Conn {
	t.Helper()
	if k.seed != "" {
		pair, err := nkeys.FromSeed([]byte(k.seed))
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, nats.Nkey(k.public, pair.Sign))
	}
	nc, err := nats.Connect(b.url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func (b *testBroker) open(t testing.TB, ctx context.Context) *jetstream.Journal {
	t.Helper()
	j, err := jetstream.Open(ctx, jetstream.Config{
		URL: b.url, Credentials: b.publisher.credentials(), Settings: b.settings, Log: testLog(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

func (b *testBroker) readerConfig(from jetstream.From) jetstream.ReaderConfig {
	return jetstream.ReaderConfig{
		URL: b.url, Credentials: b.reader.credentials(), Network: b.settings.Network, ID: b.settings.ID, From: from, Log: testLog(),
	}
}

func (b *testBroker) follow(t testing.TB, ctx context.Context, from jetstream.From) *jetstream.Reader {
	t.Helper()
	r, err := jetstream.Follow(ctx, b.readerConfig(from))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// budget is the context of a test.
func budget(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testBudget)
	t.Cleanup(cancel)
	return ctx
}

// writer is a small adapter: it stores a block and says so.
type writer struct {
	journal *jetstream.Journal
	network btc.Network
	works   works
	final   btc.Height
}

func newWriter(t testing.TB, ctx context.Context, b *testBroker) *writer {
	t.Helper()
	w := &writer{journal: b.open(t, ctx), network: b.settings.Network, works: newWorks(b.settings.Network)}
	if _, err := w.journal.Load(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *writer) store(t testing.TB, ctx context.Context, b testBlock) bus.Stored {
	t.Helper()
	stored, err := w.journal.Store(ctx, prove(t, w.network, b))
	if err != nil {
		t.Fatalf("store %d: %v", b.height, err)
	}
	return stored
}

// fill adds to an event what the chain says.
func (w *writer) fill(t testing.TB, e bus.Event, b testBlock) bus.Event {
	t.Helper()
	e.Work = w.works.of(t, b)
	e.Best, e.BestWork, e.Final, e.Time = b.hash, e.Work, w.final, time.Unix(1_700_000_000, 0)
	return e
}

func (w *writer) connect(t testing.TB, ctx context.Context, blocks ...testBlock) {
	t.Helper()
	for _, b := range blocks {
		event := w.fill(t, w.store(t, ctx, b).Connect(), b)
		if _, err := w.journal.Append(ctx, event); err != nil {
			t.Fatalf("connect %d: %v", b.height, err)
		}
	}
}

func (w *writer) disconnect(t testing.TB, ctx context.Context, blocks ...testBlock) {
	t.Helper()
	for _, b := range blocks {
		if _, err := w.journal.Append(ctx, w.undo(t, b)); err != nil {
			t.Fatalf("disconnect %d: %v", b.height, err)
		}
	}
}

func (w *writer) undo(t testing.TB, b testBlock) bus.Event {
	t.Helper()
	return w.fill(t, bus.Event{Kind: bus.Disconnect, Hash: b.hash, Prev: b.header.Prev(), Height: b.height, Header: b.header}, b)
}

// wantKind ends the test unless the error is of the kind.
func wantKind(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
}

func containsText(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}
