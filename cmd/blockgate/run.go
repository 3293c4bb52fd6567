package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"blockgate/sandbox"
	"blockgate/sandbox/pool"
	"blockgate/supervisor"
)

const runLong = `The main job: connects to peers, follows the chain with the most work, has every
block parsed in the cell, proves it and publishes it. It goes on after the last
event of the journal; kill it at any time.

Without --connect it finds peers by its address book, DNS seeds and a list of
nodes that it carries. With it, it talks to those peers and no other; who breaks
the rules is dialled again after an hour. With --proxy every connection to a peer
and every name goes through a SOCKS5 server, and the adapter is confined to it.

Without --nats it runs the bundled broker in its data directory; readers on this
machine find it by --datadir.`

const runExample = `  blockgate run --network mainnet
  blockgate run --network regtest --connect 127.0.0.1:18444 --datadir /tmp/bg
  blockgate run --network mainnet --proxy 127.0.0.1:9050
  blockgate run --network mainnet --proxy 127.0.0.1:9050 --only-net onion
  blockgate run --network mainnet --connect node.example --v2-only
  blockgate run --network mainnet --idle-after 30m
  blockgate run --network mainnet --start-height 1 --journal-size 900GiB
  blockgate run --network mainnet --nats nats://bus:4222 --creds bus.creds --id replica-7`

// resolveTimeout is how long the names of --connect may take to resolve.
const resolveTimeout = 10 * time.Second

func newRun() *cobra.Command {
	s := &runSettings{}
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Follow the chain and publish every proven block",
		Long:    runLong,
		Example: runExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.complete(cmd); err != nil {
				return err
			}
			return runService(cmd.Context(), s)
		},
	}
	addNetwork(cmd, &s.network)
	addChallenge(cmd, &s.network)
	s.addFlags(cmd.Flags())
	addEngine(cmd, &s.engine)
	_ = cmd.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// runService opens the data directory, makes the keys and hands all to the
// supervisor.
func runService(ctx context.Context, s *runSettings) error {
	log := newLog(os.Stderr, s.logFormat, "supervisor")
	if s.noLandlock {
		log.WarnContext(ctx, "RUNNING WITHOUT LANDLOCK: the cell can open files of this user; never with real money")
	}
	own, err := confineSupervisor()
	if err != nil {
		return err
	}
	to, err := s.reach.resolve(ctx)
	if err != nil {
		return err
	}
	peers, err := resolvePeers(ctx, s.connect, s.network.Params().Port, to)
	if err != nil {
		return err
	}
	dir, err := openDataDir(s.dataDir, identityOf(&s.network, s.id))
	if err != nil {
		return err
	}
	defer dir.lock.Close() //nolint:errcheck // the lock goes with the process
	config, err := s.supervise(dir, to, peers, log)
	if err != nil {
		return err
	}
	config.Own, config.AttestRoles = own, true
	logConfined(ctx, own, log)
	log.InfoContext(ctx, "starting", slog.String("build", sandbox.BuildID()), slog.String("network", s.network.String()), slog.String("id", s.id),
		slog.String("datadir", dir.path), slog.Int("parsers", s.parsers), slog.String("sha256", s.engine.String()))
	err = supervisor.Run(ctx, config)
	log.InfoContext(ctx, "stopped")
	return err
}

// supervise turns the settings into what the supervisor runs.
func (s *runSettings) supervise(dir *dataDir, to reach, peers []namedPeer, log *slog.Logger) (supervisor.Config, error) {
	config := supervisor.Config{
		ParserPath: s.parserPath, Parsers: s.parsers + pool.Standby, AdapterArgs: []string{"role", "adapter"},
		Log: log, AllowNoLandlock: s.noLandlock, Env: roleEnvironment(),
	}
	forAdapter := adapterConfig{
		Network: s.network.Network, Challenge: s.network.challenge, ID: s.id, Folder: dir.sub("adapter"), JournalSize: int64(s.journalSize), Connect: peers, Reach: to,
		MinimumWork: s.minimumWork.Work, Start: s.start, Parsers: s.parsers, AnyPort: s.anyPort, NoLandlock: s.noLandlock, LogFormat: s.logFormat,
		Engine: s.engine.Engine,
		Slots:  s.slots, IdleAfter: s.idleAfter, Sending: s.sending,
		HTTPListen: s.httpListen, HTTPWanted: s.httpWanted, Readiness: s.readiness,
	}
	access := busAccess{Network: s.network.Network, ID: s.id, Challenge: s.network.challenge.String()}
	if s.nats != "" {
		creds, err := readCredentials(s.creds)
		if err != nil {
			return config, err
		}
		access.URL = s.nats
		forAdapter.URL, forAdapter.Seed, forAdapter.Creds, forAdapter.Create = s.nats, string(creds.NKeySeed), creds.CredsFile, true
	} else if err := s.bundled(dir, &config, &forAdapter, &access); err != nil {
		return config, err
	}
	if err := dir.writeBusAccess(access); err != nil {
		return config, err
	}
	text, err := json.Marshal(forAdapter)
	config.AdapterConfig = text
	return config, err
}

// bundled adds the broker: a fresh key for the publisher at each start, and the
// reader's own, so that readers get in again after a restart.
func (s *runSettings) bundled(dir *dataDir, config *supervisor.Config, forAdapter *adapterConfig, access *busAccess) error {
	publisher, err := newKey()
	if err != nil {
		return err
	}
	reader, err := dir.readerKey()
	if err != nil {
		return err
	}
	url := "nats://" + s.natsListen
	forAdapter.URL, forAdapter.Seed = url, publisher.seed
	access.URL, access.Seed = url, reader.seed
	config.BrokerArgs = []string{"role", "broker"}
	config.BrokerConfig, err = json.Marshal(brokerConfig{
		StoreDir: dir.sub("broker"), Listen: s.natsListen, Network: s.network.Network, ID: s.id, JournalSize: int64(s.journalSize),
		PublisherKey: publisher.public, ReaderKey: reader.public, Anonymous: s.anonymous, NoLandlock: s.noLandlock, LogFormat: s.logFormat,
	})
	return err
}

// roleEnvironment is what broker and adapter see of our environment: nothing but
// where a coverage build writes its counters and where certificates are.
func roleEnvironment() []string {
	env := []string{}
	for _, name := range []string{"GOCOVERDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
