package jetstream_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/headerchain"
	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

// tamperer holds the publisher's key, but is not the adapter: it puts on the
// stream whatever it likes.
type tamperer struct {
	js     natsjs.JetStream
	broker *testBroker
	works  works
}

func newTamperer(t testing.TB, b *testBroker) *tamperer {
	t.Helper()
	js, err := natsjs.New(b.connect(t, b.publisher, nats.CustomInboxPrefix("_INBOX_pub")))
	if err != nil {
		t.Fatal(err)
	}
	return &tamperer{js: js, broker: b, works: newWorks(btc.Regtest)}
}

// put stores a message and returns its sequence.
func (m *tamperer) put(t testing.TB, ctx context.Context, subject string, header bus.Header, payload []byte) uint64 {
	t.Helper()
	ack, err := m.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: payload})
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

// draft is a message of a connect event before it is sent: all of it may be
// changed.
type draft struct {
	body    []byte
	entries []byte // of the claim
	event   bus.Event
	// header, if it is not nil, changes what the event was encoded to.
	header  func(bus.Header)
	subject string
}

func (m *tamperer) draft(t testing.TB, b testBlock) *draft {
	t.Helper()
	d := &draft{body: bytes.Clone(b.body)}
	said := claimOf(t, b.body)
	d.entries = claim.AppendTxs(nil, said.Txs)
	work := m.works.of(t, b)
	d.event = bus.Event{
		Kind: bus.Connect, Hash: b.hash, Prev: b.header.Prev(), Height: b.height, Header: b.header,
		Work: work, Best: b.hash, BestWork: work, TxCount: len(said.Txs), Size: len(b.body),
		Parts: 1, ClaimParts: 1, Sha256: sha256.Sum256(b.body), Time: time.Unix(1, 0),
	}
	return d
}

// doubleLast repeats the last transaction: the merkle root stays the same.
func (d *draft) doubleLast() {
	last := d.entries[len(d.entries)-claim.EntrySize:]
	txs, _ := claim.AppendEntries(nil, last)
	d.body = append(d.body, d.body[len(d.body)-int(txs[0].Len):]...)
	d.body[btc.HeaderSize]++
	d.entries = append(d.entries, last...)
	d.event.TxCount++
	d.event.Size, d.event.Sha256 = len(d.body), sha256.Sum256(d.body)
}

// unmine takes a nonce that gives no proof of work.
func (d *draft) unmine() {
	header := &d.event.Header
	for hash := header.Hash(); btc.Regtest.Params().PowLimit.Meets(&hash); hash = header.Hash() {
		header[btc.HeaderSize-1]++
	}
	copy(d.body, header[:])
	d.event.Hash, d.event.Sha256 = header.Hash(), sha256.Sum256(d.body)
}

// parts stores the body and the claim, one part each.
func (m *tamperer) parts(t testing.TB, ctx context.Context, d *draft) (body, entries uint64) {
	t.Helper()
	subject := bus.DataSubject(btc.Regtest, testID, d.event.Height, d.event.Hash)
	return m.put(t, ctx, subject, bus.EncodePart(0), d.body), m.put(t, ctx, subject, bus.EncodePart(1), d.entries)
}

func (m *tamperer) send(t testing.TB, ctx context.Context, d *draft) {
	t.Helper()
	if d.event.Kind == bus.Connect && d.event.DataSeq.Len() == 0 {
		first, second := m.parts(t, ctx, d)
		d.event.DataSeq, _ = bus.SeqSetOf(first, second)
	}
	header, payload, err := d.event.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if d.header != nil {
		d.header(header)
	}
	if d.subject == "" {
		d.subject = bus.BlockSubject(btc.Regtest, testID, d.event.Height, d.event.Hash)
	}
	m.put(t, ctx, d.subject, header, payload)
}

func TestReaderRefusesWhatATampererWrites(t *testing.T) {
	honest := mineChain(t, regtestGenesis(), 1, 3, 1000)
	third := honest[2]
	for _, one := range []struct {
		name   string
		tamper func(t *testing.T, ctx context.Context, m *tamperer, d *draft)
		want   error
	}{
		{"body of the same size under the honest digest", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.body[len(d.body)-1]++
		}, bus.ErrDigest},
		{"body and digest of its own", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.body[len(d.body)-1]++
			d.event.Sha256 = sha256.Sum256(d.body)
		}, claim.ErrMerkle},
		{"body of another block", func(t *testing.T, _ context.Context, _ *tamperer, d *draft) {
			other := mine(t, honest[1], 7, 1000)
			d.body, d.event.Size, d.event.Sha256 = other.body, len(other.body), sha256.Sum256(other.body)
		}, claim.ErrHeader},
		{"last transaction doubled", func(t *testing.T, _ context.Context, m *tamperer, d *draft) {
			*d = *m.draft(t, mine(t, honest[1], 1, 100_800)) // three transactions: an odd row
			d.doubleLast()
		}, claim.ErrMutated},
		{"claim that does not tile", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.entries[0]++
		}, claim.ErrTiling},
		{"claim of a witness that is none", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.entries[4] = 1
		}, claim.ErrMarker},
		{"claim too short", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.entries = d.entries[8:]
		}, bus.ErrBodySize},
		{"body too long", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.body = append(d.body, 0)
		}, bus.ErrBodySize},
		{"work of a hash more", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.Work.Uint256[0]++
		}, bus.ErrWork},
		{"header without proof of work", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.unmine()
		}, headerchain.ErrHighHash},
		{"block on a parent that nobody has", func(t *testing.T, _ context.Context, m *tamperer, d *draft) {
			side := mineChain(t, honest[0], 5, 2, 1000)
			m.works.of(t, side[0])
			*d = *m.draft(t, side[1])
		}, bus.ErrGap},
		{"block in the wrong place", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.Height++
		}, bus.ErrGap},
		{"disconnect of a block that is not the tip", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.Kind, d.event.Size, d.event.Parts, d.event.ClaimParts = bus.Disconnect, 0, 0, 0
			d.event.TxCount, d.event.Sha256 = 0, [32]byte{}
		}, bus.ErrGap},
		{"final height that falls", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.Final = 0
		}, bus.ErrFinal},
		{"parts that are another block's", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.DataSeq, _ = bus.SeqSetOf(1, 2)
		}, bus.ErrEvent},
		{"parts that are events", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.DataSeq, _ = bus.SeqSetOf(3, 6)
		}, bus.ErrSubject},
		{"parts in the wrong order", func(t *testing.T, ctx context.Context, m *tamperer, d *draft) {
			first, second := m.parts(t, ctx, d)
			d.event.DataSeq, _ = bus.SeqSetOf(second, first)
		}, bus.ErrEvent},
		{"parts that never were", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.event.DataSeq, _ = bus.SeqSetOf(1000, 1001)
		}, bus.ErrEvent},
		{"unknown kind", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.header = func(h bus.Header) { h["Btc-Event"] = []string{"final"} }
		}, bus.ErrEvent},
		{"a header twice", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.header = func(h bus.Header) { h["Btc-Work"] = slices.Repeat(h["Btc-Work"], 2) }
		}, bus.ErrEvent},
		{"subject of another hash", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.subject = bus.BlockSubject(btc.Regtest, testID, 3, honest[0].hash)
		}, bus.ErrEvent},
		{"subject that is none", func(_ *testing.T, _ context.Context, _ *tamperer, d *draft) {
			d.subject = bus.Prefix(btc.Regtest, testID) + ".block.x"
		}, bus.ErrSubject},
	} {
		t.Run(one.name, func(t *testing.T) {
			ctx := budget(t)
			b := startBroker(t, btc.Regtest)
			m := newTamperer(t, b)
			for _, block := range honest[:2] {
				d := m.draft(t, block)
				d.event.Final = 1
				m.send(t, ctx, d)
			}
			live := b.follow(t, ctx, jetstream.FromStart())
			read(t, ctx, live, connects(honest[:2]...)...)
			d := m.draft(t, third)
			d.event.Final = 1
			one.tamper(t, ctx, m, d)
			m.send(t, ctx, d)
			_, err := live.Next(ctx)
			if !errors.Is(err, one.want) || !errors.Is(err, jetstream.ErrRefused) {
				t.Fatalf("got %v, want %v", err, one.want)
			}
			if _, again := live.Next(ctx); again == nil || again.Error() != err.Error() {
				t.Fatalf("went on after %v: %v", err, again)
			}
		})
	}
}
