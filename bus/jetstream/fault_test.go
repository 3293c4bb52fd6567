package jetstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// proxy stands between a client and the broker and can swallow what the server
// says.
type proxy struct {
	listener net.Listener
	target   string
	mute     atomic.Bool
	mu       sync.Mutex
	conns    []net.Conn
	ended    sync.WaitGroup
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	var loopback net.ListenConfig
	listener, err := loopback.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target}
	p.ended.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.ended.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		var loopback net.Dialer
		server, err := loopback.DialContext(context.Background(), "tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.ended.Go(func() { _, _ = io.Copy(server, client) })
		p.ended.Go(func() { _, _ = io.Copy(&muted{p, client}, server) })
	}
}

// cut ends all connections; new ones are heard again.
func (p *proxy) cut() {
	p.mute.Store(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

type muted struct {
	proxy *proxy
	to    io.Writer
}

func (m *muted) Write(b []byte) (int, error) {
	if m.proxy.mute.Load() {
		return len(b), nil
	}
	return m.to.Write(b)
}

// load loads the journal as soon as the server answers again.
func (w *writer) load(t testing.TB, ctx context.Context) jetstream.State {
	t.Helper()
	for {
		state, err := w.journal.Load(ctx)
		if err == nil {
			return state
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestLostAcknowledgementIsReadBack(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	p := startProxy(t, b.address)
	direct := b.url
	b.url = p.url()
	w := newWriter(t, ctx, b)
	b.url = direct
	blocks := mineChain(t, regtestGenesis(), 1, 3, 300)
	w.connect(t, ctx, blocks[0])
	event := w.fill(t, w.store(t, ctx, blocks[1]).Connect(), blocks[1])

	live, err := b.connect(t, keys{}).SubscribeSync(bus.AllOf(btc.Regtest, testID, bus.TopicLive))
	if err != nil {
		t.Fatal(err)
	}
	waiting, giveUp := context.WithCancel(ctx)
	p.mute.Store(true)
	go func() {
		if _, err := live.NextMsgWithContext(ctx); err == nil { // the server has it
			giveUp()
		}
	}()
	_, err = w.journal.Append(waiting, event)
	wantKind(t, err, jetstream.ErrUnknown)
	_, err = w.journal.Append(ctx, event) // never again without a look
	wantKind(t, err, jetstream.ErrMoved)
	p.cut()
	if state := w.load(t, ctx); state.Tip != blocks[1].hash || state.TipHeight != 2 {
		t.Fatalf("got %+v", state)
	}
	w.connect(t, ctx, blocks[2])
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(blocks...)...)
}

func TestLostAcknowledgementOfPartsIsSentAgain(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	p := startProxy(t, b.address)
	direct := b.url
	b.url = p.url()
	w := newWriter(t, ctx, b)
	b.url = direct
	block := mine(t, regtestGenesis(), 1, 300_000)
	waiting, giveUp := context.WithCancel(ctx)
	p.mute.Store(true)
	js, err := natsjs.New(b.connect(t, b.admin))
	if err != nil {
		t.Fatal(err)
	}
	go func() { // until the server has all four parts
		for ctx.Err() == nil {
			stream, err := js.Stream(ctx, bus.StreamName(btc.Regtest, testID))
			if err == nil && stream.CachedInfo().State.LastSeq == 4 {
				giveUp()
				return
			}
		}
	}()
	_, err = w.journal.Store(waiting, prove(t, btc.Regtest, block))
	wantKind(t, err, jetstream.ErrUnknown)
	p.cut()
	w.load(t, ctx)
	w.connect(t, ctx, block) // the parts have their first place
	if state := w.load(t, ctx); state.LastSeq != 5 {
		t.Fatalf("parts lie twice: %+v", state)
	}
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(block)...)
}

func TestBrokerRestartsUnderWriterAndReader(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	r := b.follow(t, ctx, jetstream.FromStart())
	blocks := mineChain(t, regtestGenesis(), 1, 9, 300)
	for i := 0; i < len(blocks); i += 3 {
		w.connect(t, ctx, blocks[i:i+2]...)
		read(t, ctx, r, connects(blocks[i:i+2]...)...)
		b.stop(t)
		_, err := w.journal.Store(ctx, prove(t, btc.Regtest, blocks[i+2]))
		wantKind(t, err, jetstream.ErrUnknown)
		b.start(t)
		w.load(t, ctx)
		w.connect(t, ctx, blocks[i+2])
		read(t, ctx, r, connects(blocks[i+2])...)
	}
}

// recreate makes the stream anew, empty. Twice in a row does not work: the
// server removes the old folder in the background, and a second deletion that
// finds it still there leaves its messages to the next stream.
func recreate(t testing.TB, ctx context.Context, b *testBroker) {
	t.Helper()
	admin := b.connect(t, b.admin)
	js, err := natsjs.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(ctx, bus.StreamName(btc.Regtest, testID)); err != nil {
		t.Fatal(err)
	}
	if err := jetstream.Create(ctx, admin, b.settings); err != nil {
		t.Fatal(err)
	}
}

func TestStreamMadeAnew(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 6, 300)
	w.connect(t, ctx, blocks[:3]...)
	r := b.follow(t, ctx, jetstream.FromStart())
	cursor := read(t, ctx, r, connects(blocks[:3]...)...)
	stale := w.fill(t, w.store(t, ctx, blocks[3]).Connect(), blocks[3])

	recreate(t, ctx, b)
	_, err := w.journal.Append(ctx, stale)
	wantKind(t, err, jetstream.ErrMoved)
	if state := w.load(t, ctx); !state.Empty {
		t.Fatalf("got %+v", state)
	}
	w.connect(t, ctx, blocks[:3]...)
	_, err = w.journal.Append(ctx, stale) // its parts are nowhere
	wantKind(t, err, jetstream.ErrStale)
	w.connect(t, ctx, blocks[3:]...)
	read(t, ctx, r, connects(blocks[3:]...)...) // found again by its hash
	read(t, ctx, b.follow(t, ctx, jetstream.FromCursor(cursor)), connects(blocks[3:]...)...)
}

func TestStreamMadeAnewWithAnotherChain(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 3, 300)
	w.connect(t, ctx, blocks...)
	r := b.follow(t, ctx, jetstream.FromStart())
	cursor := read(t, ctx, r, connects(blocks...)...)
	recreate(t, ctx, b)
	w.load(t, ctx)
	w.connect(t, ctx, mineChain(t, regtestGenesis(), 8, 4, 300)...)
	_, err := r.Next(ctx)
	wantKind(t, err, jetstream.ErrLost)
	_, err = jetstream.Follow(ctx, b.readerConfig(jetstream.FromCursor(cursor)))
	wantKind(t, err, jetstream.ErrLost)
}

// The store comes back as it was before: the server gives sequences a second
// time, to other messages.
func TestStreamThatLostItsTail(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 8, 300)
	w.connect(t, ctx, blocks[:2]...)
	b.stop(t)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(b.dir)); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	w.load(t, ctx)
	w.connect(t, ctx, blocks[2:4]...)
	r := b.follow(t, ctx, jetstream.FromStart())
	cursor := read(t, ctx, r, connects(blocks[:4]...)...)
	stale := w.fill(t, w.store(t, ctx, blocks[4]).Connect(), blocks[4])

	b.stop(t)
	b.dir = copied
	b.start(t)
	_, err := w.journal.Append(ctx, stale)
	if !errors.Is(err, jetstream.ErrMoved) && !errors.Is(err, jetstream.ErrUnknown) { // unknown while it connects again
		t.Fatal(err)
	}
	if state := w.load(t, ctx); state.Tip != blocks[1].hash {
		t.Fatalf("got %+v", state)
	}
	other := mineChain(t, blocks[1], 9, 1, 300) // so that sequences mean other blocks now
	w.connect(t, ctx, other...)
	w.disconnect(t, ctx, other...)
	w.connect(t, ctx, blocks[2:4]...)
	_, err = w.journal.Append(ctx, stale)
	wantKind(t, err, jetstream.ErrStale)
	w.connect(t, ctx, blocks[4:]...)
	want := connects(blocks[4:]...)
	if first, err := r.Next(ctx); err == nil {
		if first.Event.Hash != blocks[4].hash {
			t.Fatalf("got %d %v", first.Event.Height, first.Event.Hash)
		}
		read(t, ctx, r, want[1:]...)
	} else if !errors.Is(err, bus.ErrGap) {
		t.Fatal(err)
	}
	read(t, ctx, b.follow(t, ctx, jetstream.FromCursor(cursor)), want...)
}

func TestWriterWithoutRightsIsTold(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 2, 300)
	w.connect(t, ctx, blocks[0])
	// The same key, with a reader's rights from now on.
	b.stop(t)
	b.publisher, b.reader = newKeys(t), b.publisher
	b.start(t)
	for {
		_, err := w.journal.Store(ctx, prove(t, btc.Regtest, blocks[1]))
		if errors.Is(err, jetstream.ErrDenied) {
			break
		}
		if !errors.Is(err, jetstream.ErrUnknown) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	_, err := w.journal.Load(ctx)
	wantKind(t, err, jetstream.ErrDenied)
	if nc := b.connect(t, b.publisher, nats.Name("new key")); !nc.IsConnected() {
		t.Fatal("not connected")
	}
}
