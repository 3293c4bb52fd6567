package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

type tailSettings struct {
	network    networkFlag
	id         string
	dataDir    string
	nats       string
	creds      string
	from       string
	cursorFile string
	json       bool
	blocks     bool
}

const tailLong = `Follows the journal: a line per event, connect or disconnect. Each block is put
together again and checked here, with hashes alone and the header rules, before
its line is printed.

With --json, one object a line: v, event, seq, cursor, height, hash, prev, work,
best, final, size, txs, time. With --blocks, the verified blocks go to standard
output, each after its length (4 bytes, little-endian), and the lines to
standard error.

--cursor-file is written after the line is flushed. The next tail goes on after
it; so each event is printed at least once, and twice only after a crash between
the two.`

const tailExample = `  blockgate tail --network mainnet
  blockgate tail --network mainnet --from 840000 --json
  blockgate tail --datadir /var/lib/blockgate --cursor-file reader.cursor --json
  blockgate tail --network mainnet --nats nats://bus:4222 --creds reader.creds --blocks > blocks.bin`

func newTail() *cobra.Command {
	s := &tailSettings{}
	cmd := &cobra.Command{
		Use:     "tail",
		Short:   "Follow the journal and check every block again",
		Long:    tailLong,
		Example: tailExample,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runTail(cmd, s) },
	}
	addNetwork(cmd, &s.network)
	addChallenge(cmd, &s.network)
	flags := cmd.Flags()
	flags.StringVar(&s.id, "id", defaultID, "name of the instance on the bus")
	flags.StringVar(&s.dataDir, "datadir", "", "folder of an instance on this machine (default ~/.blockgate/NETWORK)")
	flags.StringVar(&s.nats, "nats", "", "URL of the NATS server, instead of --datadir")
	flags.StringVar(&s.creds, "creds", "", "with --nats: file with JWT credentials or an nkey seed")
	flags.StringVar(&s.from, "from", "", "where to begin: start, a height, a block hash or a cursor (default: the cursor file, else start)")
	flags.StringVar(&s.cursorFile, "cursor-file", "", "file that keeps the place after each event")
	flags.BoolVar(&s.json, "json", false, "one JSON object a line")
	flags.BoolVar(&s.blocks, "blocks", false, "write the verified blocks, length-prefixed")
	return cmd
}

func runTail(cmd *cobra.Command, s *tailSettings) error {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of the write, and the end
	config, err := s.readerConfig(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if cmd.OutOrStdout() == os.Stdout {
		go whenClosed(int(os.Stdout.Fd()), cancel)
	}
	reader, err := jetstream.Follow(ctx, config)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return s.readerError(&config, err)
	}
	defer reader.Close()
	out := newTailOutput(cmd, s)
	for {
		verified, err := reader.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return s.readerError(&config, err)
		}
		if err := out.event(&verified); err != nil {
			if errors.Is(err, syscall.EPIPE) {
				return nil
			}
			return err
		}
	}
}

// whenClosed calls end once nobody can read any more what is written to a pipe.
// An idle journal gives no write that would tell. It returns then, or never: for a
// file, and with the process.
func whenClosed(fd int, end func()) {
	for {
		polled := []unix.PollFd{{Fd: int32(fd)}} // no events: errors and hang-ups are told anyway
		_, err := unix.Poll(polled, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && polled[0].Revents != 0 {
			end()
		}
		return
	}
}

// readerError gives an error of the reader its exit code and a hint.
func (s *tailSettings) readerError(config *jetstream.ReaderConfig, err error) error {
	code, hint := exitBus, ""
	switch {
	case errors.Is(err, jetstream.ErrUnreachable) && s.nats == "":
		hint = "; is the `blockgate run` of this data directory still up?"
	case errors.Is(err, jetstream.ErrUnreachable):
		hint = "; check --nats, and that the server is up"
	case errors.Is(err, jetstream.ErrNoStream):
		hint = "; check --network and --id"
	case errors.Is(err, jetstream.ErrDenied):
		hint = "; check --creds"
	case errors.Is(err, jetstream.ErrStart):
		code, hint = exitUsage, "; --from start begins with the oldest block that is there"
	case errors.Is(err, jetstream.ErrLost) && s.cursorFile != "" && s.from == "":
		code, hint = exitData, "; delete the cursor file, or begin elsewhere with --from"
	case errors.Is(err, jetstream.ErrRefused):
		code = exitNo
	}
	return exitf(code, "journal %s of %s on %s: %w%s", config.ID, config.Network, config.URL, err, hint)
}

// readerConfig joins flags, the data directory's own access and the cursor file.
func (s *tailSettings) readerConfig(cmd *cobra.Command) (jetstream.ReaderConfig, error) {
	config := jetstream.ReaderConfig{Network: s.network.Network, ID: s.id}
	if s.nats != "" && s.dataDir != "" {
		return config, usagef("--nats and --datadir: give one of them")
	}
	if err := s.network.complete(); err != nil {
		return config, err
	}
	if err := s.addAccess(cmd, &config); err != nil {
		return config, err
	}
	challenge, err := s.network.solution()
	if err != nil {
		return config, err
	}
	config.Challenge = challenge
	from, err := s.start()
	config.From = from
	return config, err
}

func (s *tailSettings) addAccess(cmd *cobra.Command, config *jetstream.ReaderConfig) (err error) {
	if err := checkID(s.id); err != nil {
		return err
	}
	if s.nats != "" {
		if err := checkServers(s.nats); err != nil {
			return err
		}
		config.URL = s.nats
		config.Credentials, err = readCredentials(s.creds)
		return err
	}
	if s.creds != "" {
		return usagef("--creds goes with --nats; on this machine the key is in the data directory")
	}
	dir := s.dataDir
	if dir == "" {
		if dir, err = defaultDataDir(s.network.Network); err != nil {
			return err
		}
	}
	access, err := readBusAccess(dir)
	if err != nil {
		return err
	}
	flags := cmd.Flags()
	if flags.Changed("network") && access.Network != s.network.Network || flags.Changed("id") && access.ID != s.id {
		return exitf(exitData, "data directory %s is of network %s, id %s: leave --network and --id out, or name another --datadir", dir, access.Network, access.ID)
	}
	config.URL, config.Network, config.ID = access.URL, access.Network, access.ID
	config.Credentials.NKeySeed = []byte(access.Seed)
	s.network.Network = access.Network
	if len(s.network.challenge) > 0 || access.Challenge == "" {
		return nil
	}
	if err := s.network.challenge.Set(access.Challenge); err != nil {
		return exitf(exitData, "data directory %s: signet challenge %w", dir, err)
	}
	return s.network.complete()
}

// start says where to begin.
func (s *tailSettings) start() (jetstream.From, error) {
	if s.from != "" {
		from, err := parseFrom(s.from)
		if err != nil {
			return from, usagef("--from %.80q: %w", s.from, err)
		}
		return from, nil
	}
	if s.cursorFile == "" {
		return jetstream.FromStart(), nil
	}
	text, err := readSmallFile(s.cursorFile)
	if errors.Is(err, fs.ErrNotExist) {
		return jetstream.FromStart(), nil
	}
	if err != nil {
		return jetstream.From{}, exitf(exitData, "cursor file: %w", err)
	}
	cursor, err := bus.ParseCursor(string(text))
	if err != nil {
		return jetstream.From{}, exitf(exitData, "cursor file %s: %w", s.cursorFile, err)
	}
	return jetstream.FromCursor(cursor), nil
}

// parseFrom reads start, a height, a hash or a cursor.
func parseFrom(text string) (jetstream.From, error) {
	if text == "start" {
		return jetstream.FromStart(), nil
	}
	if hash, err := btc.ParseHash(text); err == nil {
		return jetstream.FromHash(hash), nil
	}
	if height, err := strconv.ParseInt(text, 10, 32); err == nil {
		if height < 0 {
			return jetstream.From{}, errors.New("a height is 0 or more")
		}
		return jetstream.FromHeight(btc.Height(height)), nil
	}
	cursor, err := bus.ParseCursor(text)
	if err != nil {
		return jetstream.From{}, errors.New("want start, a height, a block hash or a cursor")
	}
	return jetstream.FromCursor(cursor), nil
}

// tailLine is one event as JSON.
type tailLine struct {
	V      int        `json:"v"`
	Event  string     `json:"event"`
	Seq    uint64     `json:"seq"`
	Cursor string     `json:"cursor"`
	Height btc.Height `json:"height"`
	Hash   btc.Hash   `json:"hash"`
	Prev   btc.Hash   `json:"prev"`
	Work   btc.Work   `json:"work"`
	Best   btc.Hash   `json:"best"`
	Final  btc.Height `json:"final"`
	Size   int        `json:"size"`
	Txs    int        `json:"txs"`
	Time   string     `json:"time"` // RFC 3339, UTC: when the adapter wrote the event
}

// tailOutput writes events to their place.
type tailOutput struct {
	settings *tailSettings
	lines    *bufio.Writer
	blocks   *bufio.Writer // nil without --blocks
}

func newTailOutput(cmd *cobra.Command, s *tailSettings) *tailOutput {
	lines := cmd.OutOrStdout()
	out := &tailOutput{settings: s}
	if s.blocks {
		out.blocks = bufio.NewWriterSize(lines, 1<<20)
		lines = cmd.ErrOrStderr()
	}
	out.lines = bufio.NewWriter(lines)
	return out
}

// event writes one event, flushes it and only then keeps the place.
func (o *tailOutput) event(v *jetstream.Verified) error {
	if err := o.block(v); err != nil {
		return err
	}
	if err := o.line(v); err != nil {
		return err
	}
	if o.settings.cursorFile == "" {
		return nil
	}
	if err := writeAtomically(o.settings.cursorFile, []byte(v.Cursor.String()+"\n")); err != nil {
		return exitf(exitData, "cursor file: %w", err)
	}
	return nil
}

func (o *tailOutput) block(v *jetstream.Verified) error {
	if o.blocks == nil || v.Event.Kind != bus.Connect {
		return nil
	}
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(v.Body)))
	if _, err := o.blocks.Write(length[:]); err != nil {
		return err
	}
	if _, err := o.blocks.Write(v.Body); err != nil {
		return err
	}
	return o.blocks.Flush()
}

func (o *tailOutput) line(v *jetstream.Verified) error {
	e := &v.Event
	if o.settings.json {
		text, err := json.Marshal(tailLine{
			V: 1, Event: e.Kind.String(), Seq: e.Seq, Cursor: v.Cursor.String(), Height: e.Height, Hash: e.Hash, Prev: e.Prev,
			Work: e.Work, Best: e.Best, Final: e.Final, Size: e.Size, Txs: e.TxCount, Time: e.Time.UTC().Format(time.RFC3339Nano),
		})
		if err != nil {
			return err
		}
		if _, err := o.lines.Write(append(text, '\n')); err != nil {
			return err
		}
		return o.lines.Flush()
	}
	note := ""
	if !v.Anchored {
		note = " work: unanchored"
	}
	what := ""
	if e.Kind == bus.Connect {
		what = fmt.Sprintf(" %d txs %d bytes", e.TxCount, e.Size)
	}
	if _, err := fmt.Fprintf(o.lines, "%s %d %s%s final %d%s\n", e.Kind, e.Height, e.Hash, what, e.Final, note); err != nil {
		return err
	}
	return o.lines.Flush()
}
