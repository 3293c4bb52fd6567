package jetstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/broker"
	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// roleVariable makes the test binary a broker or a publisher that can be killed.
const roleVariable = "BUS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		m.Run() // its code is what the process ends with
	case "broker", "publisher":
		var b testBroker
		var keys [4]string
		if err := json.NewDecoder(os.Stdin).Decode(&keys); err != nil {
			panic(err)
		}
		b.dir, b.address = keys[0], keys[1]
		b.publisher, b.reader = keysOf(keys[2]), keysOf(keys[3])
		b.settings = tortureSettings()
		if role == "broker" {
			runBroker(&b)
		} else {
			runPublisher(&b)
		}
	}
}

func tortureSettings() jetstream.Settings {
	return jetstream.Settings{Network: btc.Regtest, ID: testID, MaxBytes: 256 << 20}
}

// runBroker serves until it is killed; it says where on its output.
func runBroker(b *testBroker) {
	b.admin = b.reader
	config := b.config()
	config.Users = config.Users[:2]
	if err := broker.Run(context.Background(), config, func(address string) { say(address) }); err != nil {
		panic(err)
	}
}

// say writes a line for the parent.
func say(what any) { _, _ = fmt.Fprintln(os.Stdout, what) }

// views is what a node sees one after the other: chains that grow, with reorgs
// of one to three blocks.
func views(t testing.TB) (chains [][]testBlock) {
	t.Helper()
	var chain []testBlock
	tip := func() testBlock {
		if len(chain) == 0 {
			return regtestGenesis()
		}
		return chain[len(chain)-1]
	}
	for i := range 120 {
		size := 300
		if i%5 == 0 {
			size = 300_000 // three parts and the claim
		}
		if i%7 == 6 {
			depth := 1 + i%3
			chain = chain[: len(chain)-depth : len(chain)-depth]
			for range depth {
				chain = append(chain, mine(t, tip(), byte(i), 300))
			}
		}
		chain = append(chain, mine(t, tip(), byte(i), size))
		chains = append(chains, slices.Clip(chain))
	}
	return chains
}

// script says for each block from which view on it is known.
type script struct {
	views [][]testBlock
	since map[btc.Hash]int
	known map[btc.Hash]testBlock
}

func newScript(t testing.TB) script {
	t.Helper()
	s := script{views: views(t), since: map[btc.Hash]int{}, known: map[btc.Hash]testBlock{}}
	for i, chain := range s.views {
		for _, b := range chain {
			if _, ok := s.known[b.hash]; !ok {
				s.since[b.hash], s.known[b.hash] = i, b
			}
		}
	}
	return s
}

func (s script) last() testBlock {
	chain := s.views[len(s.views)-1]
	return chain[len(chain)-1]
}

// runPublisher publishes the script from where the journal stands, and says each
// event on its output.
func runPublisher(b *testBroker) {
	t := &failing{}
	ctx := context.Background()
	b.url = "nats://" + b.address
	s := newScript(t)
	w := &writer{network: btc.Regtest, works: newWorks(btc.Regtest)}
	for _, chain := range s.views {
		for _, block := range chain {
			w.works.of(t, block)
		}
	}
	for w.journal == nil {
		w.journal, _ = jetstream.Open(ctx, jetstream.Config{URL: b.url, Credentials: b.publisher.credentials(), Settings: b.settings})
	}
	for {
		err := w.catchUp(t, ctx, s)
		if err == nil {
			say("done")
			return
		}
		if !errors.Is(err, jetstream.ErrMoved) && !errors.Is(err, jetstream.ErrUnknown) && !errors.Is(err, jetstream.ErrStale) {
			panic(err)
		}
	}
}

// catchUp loads the journal and follows the views until the last, or an error.
func (w *writer) catchUp(t testing.TB, ctx context.Context, s script) error {
	t.Helper()
	tip, at := regtestGenesis(), 0
	state, err := w.journal.Load(ctx)
	if err != nil {
		<-time.After(10 * time.Millisecond) // the server is starting
		return fmt.Errorf("%w: %w", jetstream.ErrUnknown, err)
	}
	if !state.Empty {
		var known bool
		if tip, known = s.known[state.Tip]; !known && state.Tip != regtestGenesis().hash {
			return fmt.Errorf("unknown tip %v", state.Tip)
		}
		at = s.since[state.Tip]
	}
	for ; at < len(s.views); at++ {
		if tip, err = w.follow(t, ctx, s, s.views[at], tip); err != nil {
			return err
		}
	}
	return nil
}

// follow brings the journal from tip to the end of a chain.
func (w *writer) follow(t testing.TB, ctx context.Context, s script, chain []testBlock, tip testBlock) (testBlock, error) {
	t.Helper()
	for {
		below := int(tip.height)
		var event bus.Event
		switch {
		case below > len(chain) || below > 0 && chain[below-1].hash != tip.hash:
			event = w.undo(t, tip)
			tip = s.known[tip.header.Prev()]
		case below == len(chain):
			return tip, nil
		default:
			tip = chain[below]
			stored, err := w.journal.Store(ctx, prove(t, btc.Regtest, tip))
			if err != nil {
				return tip, err
			}
			event = w.fill(t, stored.Connect(), tip)
		}
		if _, err := w.journal.Append(ctx, event); err != nil {
			return tip, err
		}
		say(event.Kind)
	}
}

// failing stands for the test in a child: it ends the process.
type failing struct{ testing.TB }

func (*failing) Helper()                           {}
func (*failing) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*failing) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// child is a process of this binary in a role.
type child struct {
	command *exec.Cmd
	lines   chan string // closed when its output ends
}

func startChild(t testing.TB, ctx context.Context, role string, b *testBroker) *child {
	t.Helper()
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(in).Encode([4]string{b.dir, b.address, b.publisher.seed, b.reader.seed}); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	c := &child{command: command, lines: make(chan string, 4096)}
	go c.scan(out)
	return c
}

func (c *child) scan(out io.Reader) {
	defer close(c.lines)
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		c.lines <- scanner.Text()
	}
}

// kill ends the process without a word to it.
func (c *child) kill() {
	_ = c.command.Process.Kill()
	for range c.lines { // until its output ends
	}
	_ = c.command.Wait()
}

func (c *child) line(t testing.TB, ctx context.Context) (string, bool) {
	t.Helper()
	select {
	case text, ok := <-c.lines:
		return text, ok
	case <-ctx.Done():
		t.Fatal("a child says nothing any more")
		return "", false
	}
}

const tortureKills = 20

func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for some seconds")
	}
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	b := &testBroker{dir: t.TempDir(), address: "127.0.0.1:0", publisher: newKeys(t), reader: newKeys(t), settings: tortureSettings()}
	server := startChild(t, ctx, "broker", b)
	defer func() { server.kill() }()
	b.address, _ = server.line(t, ctx)
	b.url = "nats://" + b.address
	s := newScript(t)
	seen := make(chan error, 1)
	go func() { seen <- watch(ctx, b, s.last()) }()

	publisher := startChild(t, ctx, "publisher", b)
	defer func() { publisher.kill() }()
	for kills, done := 0, false; !done; kills++ {
		for n := 1 + random.Intn(8); n > 0 && !done; n-- {
			text, ok := publisher.line(t, ctx)
			if !ok {
				t.Fatal("the publisher ended")
			}
			done = text == "done"
		}
		switch {
		case done || kills >= tortureKills:
		case random.Intn(2) == 0:
			publisher.kill()
			publisher = startChild(t, ctx, "publisher", b)
		default:
			server.kill()
			server = startChild(t, ctx, "broker", b)
			if _, ok := server.line(t, ctx); !ok {
				t.Fatal("the broker does not start again")
			}
		}
	}
	if err := <-seen; err != nil {
		t.Fatalf("live reader: %v", err)
	}
	foldRaw(t, ctx, b, s)
	if err := watch(ctx, b, s.last()); err != nil {
		t.Fatalf("replay: %v", err)
	}
}

// watch reads with the library until the last block, which proves each step.
func watch(ctx context.Context, b *testBroker, last testBlock) error {
	r, err := jetstream.Follow(ctx, b.readerConfig(jetstream.FromStart()))
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		got, err := r.Next(ctx)
		if err != nil {
			return err
		}
		if got.Event.Kind == bus.Connect && got.Event.Hash == last.hash {
			return nil
		}
	}
}

// foldRaw folds the journal from sequence 1 without the library: no sequence is
// missing, each event links, each body's parts are there before it.
func foldRaw(t *testing.T, ctx context.Context, b *testBroker, s script) {
	t.Helper()
	js, err := natsjs.New(b.connect(t, keys{}))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, bus.StreamName(btc.Regtest, testID))
	if err != nil {
		t.Fatal(err)
	}
	var fold bus.Fold
	var chain []btc.Hash
	parts := map[uint64]int{}
	events := map[bus.Kind]int{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			t.Fatalf("sequence %d: %v", seq, err)
		}
		if at, _ := bus.ParseSubject(m.Subject); at.Topic == bus.TopicData {
			parts[seq] = len(m.Data)
			continue
		}
		event, err := bus.DecodeEvent(m.Subject, m.Header, m.Data, seq)
		if err != nil {
			t.Fatal(err)
		}
		if err := fold.Step(&event); err != nil {
			t.Fatal(err)
		}
		events[event.Kind]++
		if event.Kind == bus.Disconnect {
			chain = chain[:len(chain)-1]
			continue
		}
		chain = append(chain, event.Hash)
		size := 0
		for _, part := range event.DataSeq.All {
			size += parts[part]
		}
		if size != event.Size+event.ClaimSize() {
			t.Fatalf("sequence %d: parts have %d bytes, want %d", seq, size, event.Size+event.ClaimSize())
		}
	}
	want := s.views[len(s.views)-1]
	if len(chain) != len(want) || chain[len(chain)-1] != want[len(want)-1].hash {
		t.Fatalf("%d blocks that end in %v, want %d", len(chain), chain[len(chain)-1], len(want))
	}
	t.Logf("%d messages, %v", stream.CachedInfo().State.LastSeq, events)
}
