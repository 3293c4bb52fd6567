package broker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"blockgate/broker"
)

const testBudget = 30 * time.Second

// running is a broker in this process.
type running struct {
	address string
	cancel  context.CancelFunc
	done    chan error
}

func goodConfig(t testing.TB) broker.Config {
	t.Helper()
	return broker.Config{StoreDir: filepath.Join(t.TempDir(), "broker"), Listen: "127.0.0.1:0", MaxStore: 32 << 20}
}

func start(t testing.TB, config broker.Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, done: make(chan error, 1)}
	ready := make(chan string, 1)
	go func() { r.done <- broker.Run(ctx, config, func(address string) { ready <- address }) }()
	t.Cleanup(func() { r.stop(t) })
	select {
	case r.address = <-ready:
	case err := <-r.done:
		r.done <- nil
		t.Fatal(err)
	case <-time.After(testBudget):
		t.Fatal("not ready")
	}
	return r
}

func (r *running) stop(t testing.TB) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		r.done <- nil
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testBudget):
		t.Error("does not stop")
	}
}

// fails runs a broker that must not get ready, and returns why.
func fails(t testing.TB, config broker.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testBudget)
	defer cancel()
	err := broker.Run(ctx, config, func(string) { t.Error("got ready") })
	if err == nil {
		t.Error("no error")
	}
	return err
}

func wantKind(t testing.TB, err, kind error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

func TestCheckListen(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:4222": "127.0.0.1", "127.0.0.2:0": "127.0.0.2", "localhost:1": "127.0.0.1", "[::1]:65535": "::1",
	} {
		if host, _, err := broker.CheckListen(address); err != nil || host != want {
			t.Errorf("%s: %s, %v", address, host, err)
		}
	}
	for address, want := range map[string]error{
		"": broker.ErrListen, "4222": broker.ErrListen, "127.0.0.1": broker.ErrListen, "127.0.0.1:": broker.ErrListen,
		"127.0.0.1:65536": broker.ErrListen, "127.0.0.1:-1": broker.ErrListen, "127.0.0.1:nats": broker.ErrListen, "host:1": broker.ErrListen,
		":4222": broker.ErrListen, "0.0.0.0:4222": broker.ErrNotLoopback, "[::]:4222": broker.ErrNotLoopback, "10.0.0.1:4222": broker.ErrNotLoopback,
	} {
		if _, _, err := broker.CheckListen(address); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}

func TestBeyondLoopbackIsRefused(t *testing.T) {
	config := goodConfig(t)
	config.Listen = "0.0.0.0:4222"
	wantKind(t, fails(t, config), broker.ErrNotLoopback, "--nats-listen", "127.0.0.1")
	if _, err := os.Stat(config.StoreDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestPortTaken(t *testing.T) {
	var loopback net.ListenConfig
	listener, err := loopback.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := goodConfig(t)
	config.Listen = listener.Addr().String()
	err = fails(t, config)
	wantKind(t, err, broker.ErrPortTaken, "--nats-listen "+config.Listen, "free now: --nats-listen 127.0.0.1:")
	var taken *broker.PortTakenError
	if !errors.As(err, &taken) || taken.Host != "127.0.0.1" || taken.Free == 0 || net.JoinHostPort(taken.Host, strconv.Itoa(taken.Port)) != config.Listen {
		t.Fatalf("got %+v", taken)
	}
	config.Listen = net.JoinHostPort(taken.Host, strconv.Itoa(taken.Free))
	if r := start(t, config); r.address != config.Listen {
		t.Errorf("listens on %s, want %s", r.address, config.Listen)
	}
}

func TestStoreIsLocked(t *testing.T) {
	config := goodConfig(t)
	first := start(t, config)
	wantKind(t, fails(t, config), broker.ErrStoreLocked, config.StoreDir)
	first.stop(t)
	start(t, config)
}

// A broker that ends while another waits for its folder hands over.
func TestStoreIsHandedOver(t *testing.T) {
	config := goodConfig(t)
	first := start(t, config)
	var ended sync.WaitGroup
	ended.Go(func() { first.stop(t) })
	start(t, config)
	ended.Wait()
}

func TestStoreFormat(t *testing.T) {
	for name, one := range map[string]struct {
		file, text string
		want       error
		says       string
	}{
		"newer":     {broker.FormatFile, "blockgate-broker 2\n", broker.ErrStoreFormat, "delete the folder"},
		"version 0": {broker.FormatFile, "blockgate-broker 0\n", broker.ErrStoreFormat, "want"},
		"other":     {broker.FormatFile, "blockgate-headers 1\n", broker.ErrStoreFormat, "blockgate-headers"},
		"long":      {broker.FormatFile, strings.Repeat("x", 1<<20), broker.ErrStoreFormat, "want"},
		"foreign":   {"photo.jpg", "", broker.ErrStoreFormat, "photo.jpg"},
	} {
		config := goodConfig(t)
		if err := os.MkdirAll(config.StoreDir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(config.StoreDir, one.file)
		if err := os.WriteFile(path, []byte(one.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := fails(t, config)
		if !errors.Is(err, one.want) || !strings.Contains(err.Error(), one.says) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != one.text {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
}

func TestStoreFolderIsOurs(t *testing.T) {
	config := goodConfig(t)
	start(t, config).stop(t)
	text, err := os.ReadFile(filepath.Join(config.StoreDir, broker.FormatFile))
	if err != nil || string(text) != "blockgate-broker 1\n" {
		t.Errorf("%q, %v", text, err)
	}
	if info, err := os.Stat(config.StoreDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	config.StoreDir = ""
	if err := fails(t, config); err == nil {
		t.Error("no folder is a folder")
	}
	config.StoreDir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(config.StoreDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = fails(t, config)
}

func TestBadConfigurations(t *testing.T) {
	config := goodConfig(t)
	config.MaxStore = 0
	wantKind(t, fails(t, config), broker.ErrStart)
	config = goodConfig(t)
	config.Users = []broker.User{{Key: "UAAA"}}
	wantKind(t, fails(t, config), broker.ErrStart, "UAAA")
	config = goodConfig(t)
	broken := errors.New("no such luck")
	config.Setup = func(context.Context, *nats.Conn) error { return broken }
	err := fails(t, config)
	wantKind(t, err, broker.ErrSetup)
	wantKind(t, err, broken)
}

func TestWhatIsStoredOutlivesTheBroker(t *testing.T) {
	for _, always := range []bool{false, true} {
		config := goodConfig(t)
		config.SyncAlways = always
		count := uint64(0)
		config.Setup = func(ctx context.Context, admin *nats.Conn) error {
			js, err := jetstream.New(admin)
			if err != nil {
				return err
			}
			stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxBytes: 16 << 20})
			if err != nil {
				return err
			}
			count = stream.CachedInfo().State.Msgs
			_, err = js.Publish(ctx, "s", []byte("kept"))
			return err
		}
		for run := range uint64(3) {
			start(t, config).stop(t)
			if count != run {
				t.Errorf("run %d finds %d messages", run, count)
			}
		}
	}
}

func newUser(t testing.TB) (key string, option nats.Option) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	if key, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return key, nats.Nkey(key, pair.Sign)
}

func TestUsersHaveTheirRightsAndNoMore(t *testing.T) {
	key, option := newUser(t)
	_, stranger := newUser(t)
	config := goodConfig(t)
	config.Users = []broker.User{{Key: key, Rights: broker.Rights{Publish: []string{"a"}, Subscribe: []string{"b"}}}}
	r := start(t, config)
	if _, err := nats.Connect("nats://"+r.address, stranger); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("stranger: %v", err)
	}
	if _, err := nats.Connect("nats://"+r.address, nats.UserInfo("admin", "admin")); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("guess: %v", err)
	}
	for _, one := range []struct {
		name      string
		option    nats.Option
		forbidden int
	}{
		{"user", option, 4},
		{"anonymous", nats.Name("anonymous"), 6},
	} {
		violations := make(chan error, 16)
		nc, err := nats.Connect("nats://"+r.address, one.option, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			violations <- err
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		for _, subject := range []string{"a", "b", "$JS.API.STREAM.NAMES"} {
			if err := nc.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, subject := range []string{"b", "a", ">"} {
			if _, err := nc.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
		}
		for range one.forbidden {
			select {
			case err := <-violations:
				if !errors.Is(err, nats.ErrPermissionViolation) {
					t.Errorf("%s: %v", one.name, err)
				}
			case <-time.After(testBudget):
				t.Fatalf("%s: fewer than %d are forbidden", one.name, one.forbidden)
			}
		}
		if err := nc.Flush(); err != nil || len(violations) != 0 {
			t.Errorf("%s: more than %d are forbidden, %v", one.name, one.forbidden, err)
		}
	}
}

// syncBuffer is a log that many goroutines write.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestServerLogsToSlog(t *testing.T) {
	var log syncBuffer
	config := goodConfig(t)
	config.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := start(t, config)
	_, stranger := newUser(t)
	_, _ = nats.Connect("nats://"+r.address, stranger, nats.Name("bad\x1b[31mname"))
	r.stop(t)
	text := log.String()
	if !strings.Contains(text, "Listening for client connections") || strings.Contains(text, "level=INFO") || strings.Contains(text, "\x1b") {
		t.Error(text)
	}
	if !strings.Contains(text, "level=ERROR") { // the stranger
		t.Error(text)
	}
}
