package jetstream_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

func TestLoadSaysWhereTheJournalStands(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 3, 300)

	state, err := w.journal.Load(ctx)
	if err != nil || !state.Empty || state.Created.IsZero() || state.LastSeq != 0 {
		t.Fatalf("new journal: %+v, %v", state, err)
	}
	w.store(t, ctx, blocks[0])
	if state, err = w.journal.Load(ctx); err != nil || !state.Empty || state.LastSeq != 2 {
		t.Fatalf("parts only: %+v, %v", state, err)
	}
	w.final = 1
	w.connect(t, ctx, blocks...)
	w.store(t, ctx, mine(t, blocks[2], 9, 300)) // parts behind the last event
	state, err = w.journal.Load(ctx)
	want := jetstream.State{
		Created: state.Created, Tip: blocks[2].hash, TipHeight: 3, TipHeader: blocks[2].header, Final: 1,
		Best: blocks[2].hash, BestWork: w.works.of(t, blocks[2]), First: 1, FirstSeq: 1, LastSeq: 11, EventSeq: 9,
	}
	if err != nil || state != want {
		t.Fatalf("got %+v, %v\nwant %+v", state, err, want)
	}
	w.disconnect(t, ctx, blocks[2])
	state, err = w.journal.Load(ctx)
	want.Tip, want.TipHeight, want.TipHeader, want.LastSeq, want.EventSeq = blocks[1].hash, 2, blocks[1].header, 12, 12
	if err != nil || state != want {
		t.Fatalf("after a disconnect: got %+v, %v\nwant %+v", state, err, want)
	}
	if header, err := w.journal.HeaderOf(ctx, 3, blocks[2].hash); err != nil || header != blocks[2].header {
		t.Fatalf("header of a block that was taken back: %v, %v", header, err)
	}
	_, err = w.journal.HeaderOf(ctx, 2, blocks[2].hash)
	wantKind(t, err, jetstream.ErrNotFound)
}

// More parts lie behind the last event than Load walks over one by one.
func TestLoadFindsTheLastEventFarBack(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 20, 300)
	w.connect(t, ctx, blocks[0])
	for _, block := range blocks[1:] {
		w.store(t, ctx, block)
	}
	state, err := w.journal.Load(ctx)
	if err != nil || state.Tip != blocks[0].hash || state.EventSeq != 3 || state.LastSeq != 41 {
		t.Fatalf("got %+v, %v", state, err)
	}
}

func TestOnlyProvenBodiesOfTheNetworkAreStored(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	j := b.open(t, ctx)
	_, err := j.Store(ctx, claim.Checked{})
	wantKind(t, err, jetstream.ErrUnchecked)
	_, err = j.Store(ctx, prove(t, btc.Mainnet, mainnetBlocks(t)[0]))
	wantKind(t, err, jetstream.ErrNetwork)
}

func TestAppendRefusesItsCallersMistakes(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	w.final = 1
	blocks := mineChain(t, regtestGenesis(), 1, 4, 300)
	fresh := b.open(t, ctx)
	_, err := fresh.Append(ctx, w.undo(t, blocks[0]))
	wantKind(t, err, jetstream.ErrMoved) // it was not loaded
	w.connect(t, ctx, blocks[:2]...)
	third := w.fill(t, w.store(t, ctx, blocks[2]).Connect(), blocks[2])
	for name, one := range map[string]struct {
		change func(*bus.Event)
		want   error
	}{
		"skips a block":         {func(e *bus.Event) { *e = w.fill(t, w.store(t, ctx, blocks[3]).Connect(), blocks[3]) }, bus.ErrGap},
		"takes back the final":  {func(e *bus.Event) { *e = w.undo(t, blocks[0]) }, bus.ErrGap},
		"lowers the final":      {func(e *bus.Event) { e.Final = 0 }, bus.ErrFinal},
		"another hash":          {func(e *bus.Event) { e.Hash[0]++ }, bus.ErrEvent},
		"no parts":              {func(e *bus.Event) { e.DataSeq = bus.SeqSet{} }, bus.ErrEvent},
		"stored by another one": {func(e *bus.Event) { e.Epoch++ }, jetstream.ErrStale},
	} {
		event := third
		one.change(&event)
		if _, err := w.journal.Append(ctx, event); !errors.Is(err, one.want) {
			t.Errorf("%s: got %v, want %v", name, err, one.want)
		}
	}
	if _, err := w.journal.Append(ctx, third); err != nil { // none of it did harm
		t.Fatal(err)
	}
}

func TestSecondWriterMovesTheJournal(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	one, two := newWriter(t, ctx, b), newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 3, 300)
	first := two.fill(t, two.store(t, ctx, blocks[0]).Connect(), blocks[0])
	one.connect(t, ctx, blocks[0])
	_, err := two.journal.Append(ctx, first)
	wantKind(t, err, jetstream.ErrMoved)
	_, err = two.journal.Append(ctx, first) // and stays so until it is loaded
	wantKind(t, err, jetstream.ErrMoved)
	state, err := two.journal.Load(ctx)
	if err != nil || state.Tip != blocks[0].hash {
		t.Fatalf("got %+v, %v", state, err)
	}
	second := two.fill(t, two.store(t, ctx, blocks[1]).Connect(), blocks[1])
	one.store(t, ctx, blocks[2]) // parts of another writer are no move
	if _, err := two.journal.Append(ctx, second); err != nil {
		t.Fatal(err)
	}
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(blocks[:2]...)...)
}

func TestBodyStoredTwiceTakesRoomOnce(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	block := mine(t, regtestGenesis(), 1, 300_000)
	first := w.store(t, ctx, block)
	again := w.store(t, ctx, block)
	if !first.DataSeq.Equal(again.DataSeq) || first.DataSeq.Len() != 4 {
		t.Fatalf("%v, then %v", first.DataSeq, again.DataSeq)
	}
	w.connect(t, ctx, block)
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(block)...)
}

func TestManyGoroutinesStore(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 12, 200_000)
	stored := make([]chan bus.Stored, len(blocks))
	failed := make(chan error, len(blocks))
	for i, block := range blocks {
		stored[i] = make(chan bus.Stored, 1)
		checked := prove(t, btc.Regtest, block)
		go func() {
			s, err := w.journal.Store(ctx, checked)
			failed <- err
			stored[i] <- s
		}()
	}
	for i, block := range blocks { // events go while later bodies are on their way
		event := w.fill(t, (<-stored[i]).Connect(), block)
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		if _, err := w.journal.Append(ctx, event); err != nil {
			t.Fatal(err)
		}
	}
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(blocks...)...)
}

func TestRetentionCutsTheHead(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest, func(b *testBroker) { b.settings.MaxBytes = jetstream.MinMaxBytes })
	w := newWriter(t, ctx, b)
	blocks := mineChain(t, regtestGenesis(), 1, 60, 900_000)
	w.connect(t, ctx, blocks[:2]...)
	slow := b.follow(t, ctx, jetstream.FromStart())
	cursor := read(t, ctx, slow, connects(blocks[0])...)
	w.connect(t, ctx, blocks[2:]...)
	state, err := w.journal.Load(ctx)
	if err != nil || state.First < 30 || state.TipHeight != 60 {
		t.Fatalf("got %+v, %v", state, err)
	}
	rest := blocks[state.First-1:]

	r := b.follow(t, ctx, jetstream.FromStart())
	got, err := r.Next(ctx)
	if err != nil || got.Event.Hash != rest[0].hash || got.Anchored {
		t.Fatalf("first of the rest: %d %v, anchored %v, %v", got.Event.Height, got.Event.Hash, got.Anchored, err)
	}
	read(t, ctx, r, connects(rest[1:]...)...)

	config := b.readerConfig(jetstream.FromHeight(58))
	config.Anchor = &bus.Anchor{Height: 59, Hash: blocks[58].hash}
	anchored, err := jetstream.Follow(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer anchored.Close()
	for range 3 {
		if got, err := anchored.Next(ctx); err != nil || !got.Anchored {
			t.Fatalf("block %d: anchored %v, %v", got.Event.Height, got.Anchored, err)
		}
	}
	for _, wrong := range []bus.Anchor{{Height: 59, Hash: blocks[0].hash}, {Height: 1, Hash: blocks[0].hash}} {
		config.Anchor = &wrong
		_, err = jetstream.Follow(ctx, config)
		wantKind(t, err, bus.ErrAnchor)
	}

	_, err = jetstream.Follow(ctx, b.readerConfig(jetstream.FromCursor(cursor)))
	wantKind(t, err, jetstream.ErrLost)
	_, err = jetstream.Follow(ctx, b.readerConfig(jetstream.FromHeight(1)))
	wantKind(t, err, jetstream.ErrStart)
	for err = nil; err == nil; { // what it was sent before is still good
		_, err = slow.Next(ctx)
	}
	if !errors.Is(err, bus.ErrGap) && !errors.Is(err, jetstream.ErrPartsGone) {
		t.Fatalf("slow reader: %v", err)
	}
	_, again := slow.Next(ctx)
	if !errors.Is(again, err) {
		t.Fatalf("%v, then %v", err, again)
	}
}

// The server knows a part by its id for two minutes, but dropped it meanwhile.
func TestBodyThatWasDroppedIsStoredAnew(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest, func(b *testBroker) { b.settings.MaxBytes = jetstream.MinMaxBytes })
	w := newWriter(t, ctx, b)
	first := mine(t, regtestGenesis(), 1, 300)
	gone := w.store(t, ctx, first)
	for salt := range byte(60) {
		w.store(t, ctx, mine(t, regtestGenesis(), salt+2, 900_000))
	}
	again := w.store(t, ctx, first)
	if again.DataSeq.Min() <= gone.DataSeq.Max() {
		t.Fatalf("%v, then %v", gone.DataSeq, again.DataSeq)
	}
	w.connect(t, ctx, first)
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(first)...)
}

func TestCreateAndOpenCompareSettings(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	js, err := natsjs.New(b.connect(t, b.admin))
	if err != nil {
		t.Fatal(err)
	}
	name := bus.StreamName(btc.Regtest, testID)
	stream, err := js.Stream(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	good := stream.CachedInfo().Config
	for _, one := range []struct {
		want   string
		change func(*natsjs.StreamConfig)
	}{
		{"max_age is 1h0m0s, want 0s", func(c *natsjs.StreamConfig) { c.MaxAge = time.Hour }},
		{"max_msgs is 10, want -1", func(c *natsjs.StreamConfig) { c.MaxMsgs = 10 }},
		{"discard is DiscardNew, want DiscardOld", func(c *natsjs.StreamConfig) { c.Discard = natsjs.DiscardNew }},
		{"duplicate_window is 1s, want 2m0s", func(c *natsjs.StreamConfig) { c.Duplicates = time.Second }},
		{"allow_direct is false, want true", func(c *natsjs.StreamConfig) { c.AllowDirect = false }},
		{"compression is S2, want None", func(c *natsjs.StreamConfig) { c.Compression = natsjs.S2Compression }},
		{"republish is none", func(c *natsjs.StreamConfig) { c.RePublish = nil }},
		{"max_bytes is 33554432, want 67108864", func(c *natsjs.StreamConfig) { c.MaxBytes = 32 << 20 }},
		{"metadata btc.schema is 2, want 1", func(c *natsjs.StreamConfig) { c.Metadata = map[string]string{"btc.schema": "2"} }},
		{"subjects is [btc.v1.regtest.test-1.block.> btc.v1.regtest.test-1.data.> x]", func(c *natsjs.StreamConfig) { c.Subjects = append(slices.Clone(c.Subjects), "x") }},
	} {
		bad := good
		one.change(&bad)
		if _, err := js.UpdateStream(ctx, bad); err != nil {
			t.Fatalf("%s: %v", one.want, err)
		}
		_, err := jetstream.Open(ctx, jetstream.Config{URL: b.url, Credentials: b.publisher.credentials(), Settings: b.settings})
		if !errors.Is(err, jetstream.ErrSettings) || !containsText(err, one.want) {
			t.Errorf("want %q, got %v", one.want, err)
		}
		if bad.MaxBytes == good.MaxBytes { // the size is not a difference to Create
			wantKind(t, jetstream.Create(ctx, b.connect(t, b.admin), b.settings), jetstream.ErrSettings)
		}
	}
	resized := good
	resized.MaxBytes = 32 << 20
	if _, err := js.UpdateStream(ctx, resized); err != nil {
		t.Fatal(err)
	}
	if err := jetstream.Create(ctx, b.connect(t, b.admin), b.settings); err != nil {
		t.Fatal(err)
	}
	b.open(t, ctx)
	if err := js.DeleteStream(ctx, name); err != nil {
		t.Fatal(err)
	}
	config := jetstream.Config{URL: b.url, Credentials: b.publisher.credentials(), Settings: b.settings}
	_, err = jetstream.Open(ctx, config)
	wantKind(t, err, jetstream.ErrNoStream)
	_, err = jetstream.Follow(ctx, b.readerConfig(jetstream.FromStart()))
	wantKind(t, err, jetstream.ErrNoStream)
	config.CreateStream = true // its key may not
	_, err = jetstream.Open(ctx, config)
	wantKind(t, err, jetstream.ErrDenied)
	config.Credentials = b.admin.credentials()
	j, err := jetstream.Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
}

func TestOpenRefusesWhatItIsToldWrong(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	for name, one := range map[string]struct {
		change func(*jetstream.Config)
		want   error
	}{
		"id":           {func(c *jetstream.Config) { c.ID = "A" }, bus.ErrID},
		"network":      {func(c *jetstream.Config) { c.Network = 0 }, jetstream.ErrSettings},
		"size":         {func(c *jetstream.Config) { c.MaxBytes = jetstream.MinMaxBytes - 1 }, jetstream.ErrSettings},
		"other stream": {func(c *jetstream.Config) { c.ID = "other" }, jetstream.ErrDenied},
		"no server":    {func(c *jetstream.Config) { c.URL = "nats://127.0.0.1:1" }, jetstream.ErrUnreachable},
	} {
		config := jetstream.Config{URL: b.url, Credentials: b.publisher.credentials(), Settings: b.settings}
		one.change(&config)
		if _, err := jetstream.Open(ctx, config); !errors.Is(err, one.want) {
			t.Errorf("%s: got %v, want %v", name, err, one.want)
		}
	}
}
