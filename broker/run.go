package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

var (
	// ErrStart says that the server could not start; the text is its own.
	ErrStart = errors.New("nats server did not start")
	// ErrDied says that the server gave up while it was serving.
	ErrDied = errors.New("nats server gave up")
	// ErrSetup says that [Config.Setup] returned an error, which it wraps.
	ErrSetup = errors.New("stream setup")
)

// Rights are the subjects that a user may publish to and subscribe to. An empty
// list allows nothing.
type Rights struct{ Publish, Subscribe []string }

// User is somebody with a key.
type User struct {
	// Key is the public nkey of the user: U and 55 more characters.
	Key string
	Rights
}

// Config is what [Run] needs.
type Config struct {
	// StoreDir is the folder of the store. It is made with mode 0700 if it is
	// not there.
	StoreDir string
	// Listen is host:port on loopback; port 0 is any free one.
	Listen string
	// MaxStore is the most bytes that all streams may reserve; it must be at
	// least the limit of the stream that Setup makes.
	MaxStore int64
	// SyncAlways calls fsync for each message instead of every 10 s: half the
	// speed, and nothing acknowledged is lost with the power.
	SyncAlways bool
	// Users have keys; Anonymous are the rights of whoever connects without one.
	Users     []User
	Anonymous Rights
	// Setup makes the streams. Its connection may do all; the key to it exists
	// nowhere else.
	Setup func(ctx context.Context, admin *nats.Conn) error
	// Confine, unless nil, is called once, when the folder is open and the port was
	// free, before the server starts: from then on the process needs the folder and
	// the port alone. An error of it ends Run and is returned as it is.
	Confine func() error
	// Log takes the server's log; nil drops it.
	Log *slog.Logger
}

// Run serves until ctx ends, then shuts down and returns nil once the store is
// closed. It calls ready once, with the address that it listens on, when clients
// can connect and Setup has returned.
//
// Errors before ready: [ErrListen], [ErrNotLoopback], [ErrPortTaken],
// [ErrStoreLocked], [ErrStoreFormat], [ErrStart], [ErrSetup], and those of the file
// system. After it: [ErrDied].
func Run(ctx context.Context, config Config, ready func(address string)) error {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	host, port, err := CheckListen(config.Listen)
	if err != nil {
		return err
	}
	if config.MaxStore <= 0 {
		return fmt.Errorf("%w: the store's limit is %d bytes", ErrStart, config.MaxStore)
	}
	folder, err := openStore(ctx, config.StoreDir)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	if port != 0 {
		if err := checkFree(ctx, host, port); err != nil {
			return err
		}
	}
	if config.Confine != nil {
		if err := config.Confine(); err != nil {
			return err
		}
	}
	return serve(ctx, config, host, port, ready)
}

// serve runs the server on a folder that is locked.
func serve(ctx context.Context, config Config, host string, port int, ready func(address string)) error {
	admin, err := nkeys.CreateUser()
	if err != nil {
		return fmt.Errorf("make the setup key: %w", err)
	}
	options, err := config.options(host, port, admin)
	if err != nil {
		return err
	}
	srv, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	log := newSlogger(config.Log)
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	defer func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	}()
	if err := waitReady(ctx, srv, log.fatal); err != nil {
		if strings.Contains(err.Error(), "address already in use") {
			return &PortTakenError{Host: host, Port: port, Free: freePort(ctx, host)}
		}
		return err
	}
	if err := config.setup(ctx, srv, admin); err != nil {
		return err
	}
	ready(srv.Addr().String())
	select {
	case <-ctx.Done():
		return nil
	case text := <-log.fatal:
		return fmt.Errorf("%w: %s", ErrDied, text)
	}
}

// options are the server's. Everything that has a default which depends on the
// machine is set.
func (c *Config) options(host string, port int, admin nkeys.KeyPair) (*server.Options, error) {
	adminKey, err := admin.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make the setup key: %w", err)
	}
	anonymous, err := forgottenKey()
	if err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName: "blockgate", Host: host, Port: serverPort(port),
		NoSigs: true, DisableJetStreamBanner: true, MaxConn: MaxConnections,
		JetStream: true, StoreDir: c.StoreDir, JetStreamMaxStore: c.MaxStore + storeSlack, JetStreamMaxMemory: maxMemory,
		SyncInterval: syncInterval, SyncAlways: c.SyncAlways,
		Nkeys:      []*server.NkeyUser{{Nkey: adminKey}, {Nkey: anonymous, Permissions: c.Anonymous.permissions()}},
		NoAuthUser: anonymous,
	}
	for _, user := range c.Users {
		if !nkeys.IsValidPublicUserKey(user.Key) {
			return nil, fmt.Errorf("%w: %.60q is no public user nkey", ErrStart, user.Key)
		}
		options.Nkeys = append(options.Nkeys, &server.NkeyUser{Nkey: user.Key, Permissions: user.permissions()})
	}
	return options, nil
}

// forgottenKey returns a public key whose seed nobody has: the server's name for
// those who connect without one.
func forgottenKey() (string, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", fmt.Errorf("make the anonymous user: %w", err)
	}
	defer pair.Wipe()
	key, err := pair.PublicKey()
	if err != nil {
		return "", fmt.Errorf("make the anonymous user: %w", err)
	}
	return key, nil
}

// permissions are the server's form. To the server, an empty list allows all: a
// denial of all stands in its place.
func (r Rights) permissions() *server.Permissions {
	subject := func(allow []string) *server.SubjectPermission {
		if len(allow) == 0 {
			return &server.SubjectPermission{Deny: []string{">"}}
		}
		return &server.SubjectPermission{Allow: allow}
	}
	return &server.Permissions{Publish: subject(r.Publish), Subscribe: subject(r.Subscribe)}
}

// waitReady returns when clients can connect.
func waitReady(ctx context.Context, srv *server.Server, fatal <-chan string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	const look = 50 * time.Millisecond // the server's own wait knows no context
	for !srv.ReadyForConnections(look) {
		select {
		case text := <-fatal:
			return fmt.Errorf("%w: %s", ErrStart, text)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrStart, context.Cause(ctx))
		default:
		}
	}
	return nil
}

// setup runs Setup over a connection within the process.
func (c *Config) setup(ctx context.Context, srv *server.Server, admin nkeys.KeyPair) error {
	if c.Setup == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, setupWait)
	defer cancel()
	key, err := admin.PublicKey()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSetup, err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.Nkey(key, admin.Sign), nats.Name("blockgate setup"), nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("%w: connect: %w", ErrSetup, err)
	}
	defer nc.Close()
	defer admin.Wipe()
	if err := c.Setup(ctx, nc); err != nil {
		return fmt.Errorf("%w: %w", ErrSetup, err)
	}
	return nil
}
