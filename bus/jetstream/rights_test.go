package jetstream_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// user is who tries something in the tables below.
type user struct {
	name  string
	keys  keys
	inbox string
}

// caller is a connection that learns what the server forbids.
type caller struct {
	nc         *nats.Conn
	violations chan error
	inbox      string
	answers    chan *nats.Msg
}

func newCaller(t testing.TB, b *testBroker, u user) *caller {
	t.Helper()
	c := &caller{violations: make(chan error, 16), answers: make(chan *nats.Msg, 16), inbox: u.inbox + ".answers"}
	c.nc = b.connect(t, u.keys, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			c.violations <- err
		}
	}))
	if _, err := c.nc.ChanSubscribe(c.inbox, c.answers); err != nil {
		t.Fatal(err)
	}
	if err := c.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask reports whether the server lets a request through: it is answered, or
// forbidden.
func (c *caller) ask(t testing.TB, subject, payload string) bool {
	t.Helper()
	if err := c.nc.PublishRequest(subject, c.inbox, []byte(payload)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.answers:
		return true
	case err := <-c.violations:
		if !strings.Contains(err.Error(), "Publish to \""+subject) {
			t.Fatalf("%s: %v", subject, err)
		}
		return false
	case <-time.After(testBudget):
		t.Fatalf("%s: neither answered nor forbidden", subject)
		return false
	}
}

// listen reports whether the server lets a subscription stand.
func (c *caller) listen(t testing.TB, subject string) bool {
	t.Helper()
	sub, err := c.nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	// The refusal came before the flush's answer; its handler runs beside us, a
	// refusal of something surely forbidden comes after it.
	if err := c.nc.Publish("btc.forbidden.to.all", nil); err != nil {
		t.Fatal(err)
	}
	for stood := true; ; stood = false {
		select {
		case err := <-c.violations:
			if strings.Contains(err.Error(), "btc.forbidden.to.all") {
				_ = sub.Unsubscribe()
				return stood
			}
		case <-time.After(testBudget):
			t.Fatalf("%s: no answer", subject)
		}
	}
}

func TestRightsOfEachUser(t *testing.T) {
	const other = "btc.v1.regtest.other"
	prefix := bus.Prefix(btc.Regtest, testID)
	stream := bus.StreamName(btc.Regtest, testID)
	hash := strings.Repeat("0", 64)
	publisher, reader, anonymous, full := "publisher", "reader", "anonymous", "anonymous reader"
	create := `{"stream_name":"` + stream + `","config":{"name":"c","ack_policy":"none","mem_storage":true}}`
	asks := []struct {
		subject, payload string
		allowed          []string
	}{
		{prefix + ".data.1." + hash, "", []string{publisher}},
		{prefix + ".block.1." + hash, "", []string{publisher}},
		{prefix + ".live.1." + hash, "", nil},
		{prefix + ".svc.get_block", "", nil},
		{other + ".data.1." + hash, "", nil},
		{"$JS.API.STREAM.INFO." + stream, "", []string{publisher, reader, anonymous, full}},
		{"$JS.API.STREAM.INFO.OTHER", "", nil},
		{"$JS.API.STREAM.MSG.GET." + stream, `{"seq":1}`, []string{publisher}},
		{"$JS.API.DIRECT.GET." + stream, `{"seq":1}`, []string{reader, anonymous, full}},
		{"$JS.API.DIRECT.GET." + stream + "." + prefix + ".block.1." + hash, "", []string{reader, anonymous, full}},
		{"$JS.API.STREAM.CREATE.OTHER", `{"name":"OTHER"}`, nil},
		{"$JS.API.STREAM.UPDATE." + stream, "", nil},
		{"$JS.API.STREAM.PURGE." + stream, "", nil},
		{"$JS.API.STREAM.DELETE." + stream, "", nil},
		{"$JS.API.STREAM.MSG.DELETE." + stream, `{"seq":1}`, nil},
		{"$JS.API.STREAM.SNAPSHOT." + stream, "", nil},
		{"$JS.API.STREAM.RESTORE." + stream, "", nil},
		{"$JS.API.STREAM.NAMES", "", nil},
		{"$JS.API.CONSUMER.CREATE." + stream + ".c", create, []string{reader, full}},
		{"$JS.API.CONSUMER.INFO." + stream + ".c", "", []string{reader, full}},
		{"$JS.API.CONSUMER.DELETE." + stream + ".c", "", []string{reader, full}},
		{"$JS.API.CONSUMER.DURABLE.CREATE." + stream + ".c", "", nil},
		{"$SYS.REQ.SERVER.PING", "", nil},
		{"$SRV.PING", "", nil},
		{"_INBOX_pub.x", "", nil},
	}
	listens := []struct {
		subject string
		allowed []string
	}{
		{prefix + ".live.>", []string{reader, anonymous, full}},
		{prefix + ".data.>", nil},
		{prefix + ".>", nil},
		{">", nil},
		{"$JS.API.>", nil},
		{"_INBOX_pub.>", []string{publisher}},
		{"_INBOX_sub.>", []string{reader}},
		{"_INBOX.>", []string{anonymous, full}},
	}
	closed := startBroker(t, btc.Regtest)
	open := startBroker(t, btc.Regtest, func(b *testBroker) { b.anonymousReaders = true })
	for _, one := range []struct {
		user
		broker *testBroker
	}{
		{user{publisher, closed.publisher, "_INBOX_pub"}, closed},
		{user{reader, closed.reader, "_INBOX_sub"}, closed},
		{user{anonymous, keys{}, "_INBOX"}, closed},
		{user{full, keys{}, "_INBOX"}, open},
	} {
		t.Run(one.name, func(t *testing.T) {
			c := newCaller(t, one.broker, one.user)
			for _, a := range asks {
				if got, want := c.ask(t, a.subject, a.payload), slices.Contains(a.allowed, one.name); got != want {
					t.Errorf("publish to %s: allowed %v, want %v", a.subject, got, want)
				}
			}
			for _, l := range listens {
				if got, want := c.listen(t, l.subject), slices.Contains(l.allowed, one.name); got != want {
					t.Errorf("subscribe to %s: allowed %v, want %v", l.subject, got, want)
				}
			}
		})
	}
}

func TestStrangersKeyIsRefused(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	stranger := newKeys(t)
	_, err := jetstream.Open(ctx, jetstream.Config{URL: b.url, Credentials: stranger.credentials(), Settings: b.settings})
	wantKind(t, err, jetstream.ErrDenied)
	config := b.readerConfig(jetstream.FromStart())
	config.Credentials = stranger.credentials()
	_, err = jetstream.Follow(ctx, config)
	wantKind(t, err, jetstream.ErrDenied)
	config.Credentials = jetstream.Credentials{NKeySeed: []byte("SUA")}
	_, err = jetstream.Follow(ctx, config)
	wantKind(t, err, jetstream.ErrDenied)
}

// A forbidden subject is never answered; the reason comes beside it. Without it
// the caller would wait for nothing.
func TestReadersKeyCannotWrite(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	_, err := jetstream.Open(ctx, jetstream.Config{URL: b.url, Credentials: b.reader.credentials(), Settings: b.settings})
	wantKind(t, err, jetstream.ErrDenied)
}

func TestAnonymousClientCannotFollow(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	one := mine(t, regtestGenesis(), 1, 300)
	w.connect(t, ctx, one)
	config := b.readerConfig(jetstream.FromStart())
	config.Credentials = jetstream.Credentials{}
	_, err := jetstream.Follow(ctx, config)
	wantKind(t, err, jetstream.ErrDenied)

	b = startBroker(t, btc.Regtest, func(b *testBroker) { b.anonymousReaders = true })
	w = newWriter(t, ctx, b)
	w.connect(t, ctx, one)
	config.URL = b.url
	r, err := jetstream.Follow(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read(t, ctx, r, connects(one)...)
}

func TestLiveHasEveryEvent(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	nc := b.connect(t, keys{})
	sub, err := nc.SubscribeSync(bus.AllOf(btc.Regtest, testID, bus.TopicLive))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	one := mine(t, regtestGenesis(), 1, 300)
	w.connect(t, ctx, one)
	w.disconnect(t, ctx, one)
	for _, kind := range []bus.Kind{bus.Connect, bus.Disconnect} {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			t.Fatal(err)
		}
		event, err := bus.DecodeEvent(m.Subject, m.Header, m.Data, 0)
		if err != nil || event.Kind != kind || event.Hash != one.hash {
			t.Fatalf("got %v of %v, %v", event.Kind, event.Hash, err)
		}
	}
}
