package main

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/broker"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
)

// The descriptors that the supervisor gives a role.
const (
	fdConfig     = 3
	fdControl    = 4
	fdRing       = 5
	fdFirstCell  = 6
	maxRoleInput = 1 << 20 // bytes of settings; they are a few kB
)

// ringSlots is how many blocks are in the cell or proven and not stored yet, 128
// MiB of address space; pages that no block touched cost nothing.
const ringSlots = 32

// windowSlack is how many slots the brain's window leaves for second copies of
// blocks that it asked two peers for.
const windowSlack = 4

// maxStore is what the broker lets streams reserve in all: there is one, with a
// limit of its own. A limit near that one would refuse a store whose journal was
// larger before, and is to be made smaller.
const maxStore = 1 << 62

// brokerConfig is what the broker reads from its descriptor.
type brokerConfig struct {
	StoreDir     string      `json:"store_dir"`
	Listen       string      `json:"listen"`
	Network      btc.Network `json:"network"`
	ID           string      `json:"id"`
	JournalSize  int64       `json:"journal_size"`
	PublisherKey string      `json:"publisher_key"` // public
	ReaderKey    string      `json:"reader_key"`    // public
	Anonymous    bool        `json:"anonymous_readers"`
	NoLandlock   bool        `json:"allow_no_landlock"`
	LogFormat    string      `json:"log_format"`
}

// adapterConfig is what the adapter reads from its descriptor.
type adapterConfig struct {
	Network     btc.Network `json:"network"`
	Challenge   []byte      `json:"signet_challenge,omitempty"` // as given, of a custom signet or the public one
	ID          string      `json:"id"`
	Folder      string      `json:"folder"` // the adapter's own
	URL         string      `json:"url"`
	Seed        string      `json:"seed,omitempty"`  // of the publisher's nkey
	Creds       string      `json:"creds,omitempty"` // path of a JWT credentials file
	Create      bool        `json:"create_stream"`
	JournalSize int64       `json:"journal_size"`
	Connect     []namedPeer `json:"connect"`
	Reach       reach       `json:"reach"`
	MinimumWork btc.Work    `json:"minimum_chain_work"`
	Start       startPoint  `json:"start"`
	Parsers     int         `json:"parsers"`
	AnyPort     bool        `json:"any_port"`
	NoLandlock  bool        `json:"allow_no_landlock"`
	HTTPListen  string      `json:"http_listen"` // empty: nowhere
	HTTPWanted  bool        `json:"http_wanted"` // the operator named it
	Readiness   readiness   `json:"readiness"`
	LogFormat   string      `json:"log_format"`
	// Engine is what hashes: the supervisor has found that it can run here.
	Engine sha256d.Engine `json:"sha256"`
	// IdleAfter is how long there may be no readers before peers are let go; 0: for ever.
	IdleAfter time.Duration `json:"idle_after"`
	// Slots say how peers are found.
	Slots slotSettings `json:"slots"`
	// Sending says how transactions go out.
	Sending sendSettings `json:"sending"`
}

func newRole() *cobra.Command {
	return &cobra.Command{
		Use:       "role broker|adapter",
		Short:     "Run one process of the service; the supervisor starts it",
		Hidden:    true,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"broker", "adapter"},
		RunE: func(cmd *cobra.Command, args []string) error {
			unix.CloseOnExec(fdConfig)
			if args[0] == "broker" {
				return runBroker(cmd.Context())
			}
			return runAdapter(cmd.Context())
		},
	}
}

// readRoleConfig reads the settings that the supervisor wrote to the pipe.
func readRoleConfig(target any) error {
	pipe := os.NewFile(fdConfig, "settings")
	if pipe == nil {
		return usagef("this command is started by the supervisor: use `blockgate run`")
	}
	defer pipe.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(io.LimitReader(pipe, maxRoleInput))
	if err != nil {
		return usagef("no settings on descriptor %d: this command is started by the supervisor, use `blockgate run`", fdConfig)
	}
	if err := json.Unmarshal(text, target); err != nil {
		return usagef("settings on descriptor %d: %w; this command is started by the supervisor, use `blockgate run`", fdConfig, err)
	}
	return nil
}

// tell sends one control record to the supervisor.
func tell(record frame.Control) error {
	message, err := frame.AppendControl(nil, record)
	if err != nil {
		return err
	}
	_, err = unix.Write(fdControl, message)
	return err
}

func runBroker(ctx context.Context) error {
	var c brokerConfig
	if err := readRoleConfig(&c); err != nil {
		return err
	}
	if err := sandbox.SetProcessName("bg-broker"); err != nil {
		return err
	}
	log := newLog(os.Stderr, c.LogFormat, "broker")
	settings := jetstream.Settings{Network: c.Network, ID: c.ID, MaxBytes: c.JournalSize, Replicas: 1}
	err := broker.Run(ctx, broker.Config{
		StoreDir: c.StoreDir, Listen: c.Listen, MaxStore: maxStore,
		Users: []broker.User{
			{Key: c.PublisherKey, Rights: broker.Rights(jetstream.PublisherRights(c.Network, c.ID))},
			{Key: c.ReaderKey, Rights: broker.Rights(jetstream.ReaderRights(c.Network, c.ID))},
		},
		Anonymous: broker.Rights(jetstream.AnonymousRights(c.Network, c.ID, c.Anonymous)),
		Setup:     func(ctx context.Context, admin *nats.Conn) error { return jetstream.Create(ctx, admin, settings) },
		Confine: func() error {
			report, err := confine(ctx, c.confinement, log)
			if err == nil {
				_ = tell(frame.Control{Kind: frame.ControlLayers, Worker: int(frame.ProcessBroker), Text: string(report.AppendText(nil))}) // as below
			}
			return err
		},
		Log: log,
	}, func(address string) {
		_ = tell(frame.Control{Kind: frame.ControlReady, Text: address}) // if it fails the supervisor is gone
	})
	return brokerError(err)
}

// brokerError gives the broker's errors their exit code.
func brokerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, broker.ErrPortTaken), errors.Is(err, broker.ErrListen), errors.Is(err, broker.ErrNotLoopback), errors.Is(err, jetstream.ErrSettings):
		return &exitError{exitBus, err}
	case errors.Is(err, broker.ErrStoreLocked), errors.Is(err, broker.ErrStoreFormat), errors.Is(err, os.ErrPermission):
		return &exitError{exitData, err}
	default:
		return err
	}
}

func runAdapter(ctx context.Context) error {
	var c adapterConfig
	if err := readRoleConfig(&c); err != nil {
		return err
	}
	if err := sandbox.SetProcessName("bg-adapter"); err != nil {
		return err
	}
	params, challenge, err := c.params()
	if err != nil {
		return err
	}
	log := newLog(os.Stderr, c.LogFormat, "adapter")
	headers, err := openHeaders(c.Folder, c.Network, log)
	if err != nil {
		return err
	}
	defer headers.Close() //nolint:errcheck // what was written is synced
	failures, err := openEvidence(c.Folder, log)
	if err != nil {
		return err
	}
	defer failures.Close()
	brain, book, err := c.brain(headers.Records(), log)
	if err != nil {
		return err
	}
	cells, err := openCells(&c, challenge)
	if err != nil {
		return err
	}
	shown, err := openStatus(ctx, &c, log)
	if err != nil {
		return err
	}
	defer shown.close()
	orders, err := openDesk(ctx, c.Folder, params.Port, shown, log)
	if err != nil {
		return err
	}
	defer orders.close()
	sent, err := orders.openTransactions(c.Folder, c.Sending.Expiry, cells, log)
	if err != nil {
		return err
	}
	if c.Create { // the server is not ours
		rememberAuthorities(log)
	}
	report, err := confine(ctx, c.confinement, log)
	if err != nil {
		return err
	}
	shown.layers(frame.ProcessAdapter, 0, report)
	if err := tell(frame.Control{Kind: frame.ControlSealed}); err != nil {
		return fmt.Errorf("tell the supervisor: %w", err)
	}
	defer cells.pool.Close() //nolint:errcheck // the process ends
	ctx, cancel := context.WithCancelCause(ctx)
	go shown.serve(ctx)
	go orders.serve(ctx)
	defer func() { cancel(nil); <-shown.ended; <-orders.ended }()
	go func() { cancel(followControl(cells.pool, shown)) }()
	out := newJournal(c.journal(log), log)
	defer out.close()
	return adapterError(adapter.Run(ctx, adapter.Config{
		Node: brain, Book: book, Params: params, Names: c.names(), Dialer: c.Reach.dialer(), Cell: cells, Journal: out, Headers: headers, Log: log, Demand: c.demand(ctx, out.readers, log),
		Evidence: failures, Build: sandbox.BuildID(), Operator: orders.requests, Crashed: keepCrash(c.Folder, log), Pulse: shown.pulse, Transactions: sent,
	}))
}

// openCells maps and seals the ring, and makes the pool.
func openCells(c *adapterConfig, challenge claim.Challenge) (*cell, error) {
	shared, err := ring.Create(fdRing, ringSlots)
	if err != nil {
		return nil, fmt.Errorf("make the ring: %w", err)
	}
	if err := unix.Close(fdRing); err != nil {
		return nil, fmt.Errorf("make the ring: %w", err)
	}
	conns := make([]*os.File, c.Parsers+pool.Standby)
	for i := range conns {
		fd := fdFirstCell + i
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("socket of parser %d: %w", i, err)
		}
		conns[i] = os.NewFile(uintptr(fd), fmt.Sprintf("parser-%d", i))
	}
	workers, err := pool.New(pool.Config{
		Conns: conns, Parallel: c.Parsers, Ring: shared, Checker: checkers(c.Engine, challenge),
		Kill: func(i int, generation uint32, why frame.Cause) {
			_ = tell(frame.Control{Kind: frame.ControlKill, Cause: why, Worker: i, Generation: generation}) // if it fails the supervisor is gone, and we end
		},
	})
	if err != nil {
		return nil, err
	}
	return newCell(c.Network, shared, workers), nil
}

// followControl hands what the supervisor says of the parsers to the pool, and what
// is to be shown to those who ask, until the supervisor is gone.
func followControl(workers *pool.Pool, shown *status) error {
	buffer := make([]byte, frame.ControlSize+1)
	for {
		n, err := unix.Read(fdControl, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return errors.New("the supervisor is gone")
		}
		record, err := frame.DecodeControl(buffer[:n])
		if err != nil {
			return fmt.Errorf("record of the supervisor: %w", err)
		}
		shown.take(record)
		switch record.Kind {
		case frame.ControlReady:
			workers.Ready(record.Worker, record.Generation, record.Text)
		case frame.ControlDied:
			workers.Died(record.Worker, record.Generation, record.Text)
		case frame.ControlBraked, frame.ControlSealed, frame.ControlKill, frame.ControlLayers, frame.ControlTally:
		}
	}
}

// params returns the constants of the network; those of a signet name its
// challenge.
func (c *adapterConfig) params() (*btc.Params, claim.Challenge, error) {
	network := networkFlag{Network: c.Network, challenge: c.Challenge}
	if err := network.complete(); err != nil {
		return nil, nil, err
	}
	challenge, err := network.solution()
	return network.Params(), challenge, err
}

func (c *adapterConfig) journal(log *slog.Logger) jetstream.Config {
	return jetstream.Config{
		URL: c.URL, Credentials: jetstream.Credentials{NKeySeed: []byte(c.Seed), CredsFile: c.Creds},
		Settings: jetstream.Settings{Network: c.Network, ID: c.ID, MaxBytes: c.JournalSize}, CreateStream: c.Create, Log: log,
	}
}

func (c *adapterConfig) names() map[addrbook.Addr]string {
	names := map[addrbook.Addr]string{}
	for _, p := range c.Connect {
		names[p.Addr.Addr] = p.Name
	}
	return names
}

// node returns the brain's settings; kept is how many headers are on the disk.
func (c *adapterConfig) node(kept int) node.Config {
	chain := newChain(c.Network, c.Engine)
	chain.Reserve(kept)
	config := node.Config{
		Network: c.Network, Chain: chain, UseSeeds: len(c.Connect) == 0 && c.Reach.useSeeds(), ConnectOnly: len(c.Connect) > 0, MinimumChainWork: c.MinimumWork,
		Window: ringSlots - windowSlack, Start: c.Start.node(), Seed: rand.Uint64(), IdleAfter: c.IdleAfter,
		Carriers: c.Sending.Carriers, Observers: c.Sending.Observers,
	}
	_, _ = cryptorand.Read(config.Secret[:]) // it never errs
	c.setSlots(&config)
	for _, p := range c.Connect {
		config.Connect = append(config.Connect, p.Addr.Addr)
	}
	return config
}

// node returns where the journal begins, in the brain's words.
func (s startPoint) node() node.Start {
	switch {
	case !s.Given:
		return node.Start{}
	case s.Hash.IsZero():
		return node.Start{Kind: node.StartHeight, Height: s.Height}
	default:
		return node.Start{Kind: node.StartHash, Hash: s.Hash}
	}
}
