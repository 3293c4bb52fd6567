package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
	"blockgate/adapter/evidence"
	"blockgate/adapter/flight"
	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// Config is what an adapter works with.
type Config struct {
	Node node.Config
	// Params are the constants of Node.Network; nil stands for the network's own.
	// A custom signet has others: see [btc.CustomSignet].
	Params *btc.Params
	// Names gives, for addresses of peers that the operator named, the host:port
	// to dial, so that a name is looked up again at each dial.
	Names map[addrbook.Addr]string
	// Dialer says how to reach peers. Its Magic is taken from Params, and Node.Kinds
	// from it.
	Dialer  dialer.Config
	Cell    Cell
	Journal Journal
	Headers Headers // nil: headers are kept in memory alone
	// Book is where Node.Book is kept; nil: it is forgotten when the process ends.
	Book *BookFile
	// Demand says, by true, that somebody wants blocks from now on, and by false that
	// nobody does any more, so that Node.IdleAfter passes. It is not closed. An order of
	// an operator, and a transaction that is handed in or asked after, let that time
	// begin anew. nil: somebody always wants blocks.
	Demand <-chan bool
	// Evidence gets the bodies that are not proven, as long as it has room; nil: they
	// are forgotten. Build is of the parsers, and goes with them.
	Evidence *evidence.Folder
	Build    string
	// Transactions brings what is to be sent, for one Run; nil: nothing.
	Transactions *Transactions
	// Operator brings what an operator asks, nil for nobody. The loop answers between
	// two events; who asks must not wait for longer than Run lasts.
	Operator <-chan Request
	// Crashed gets what was recorded when the brain panics, before the process ends of
	// it; nil: nobody does.
	Crashed func(*flight.File)
	// Pulse shows the adapter to those who must not wait for it; nil: nobody looks.
	Pulse *Pulse
	Log   *slog.Logger
}

// Body is a block as a peer sent it, with what our chain says of its header.
type Body struct {
	Block      link.RawBlock
	Height     btc.Height
	MedianTime uint32 // of the parent, Unix seconds (BIP-0113)
	Peer       node.PeerID
	Suspect    bool // the peer has sent a body that was not proven
	// Doubtful is called once at most, from any goroutine: when a first parser failed on
	// the body, or has had it for long. A second opinion waits a moment for who else has
	// the block, until the channel is closed if nobody has.
	Doubtful func() (alone <-chan struct{})
}

// Proven is a proven body that somebody holds. Release gives its memory back;
// it is called once, and nothing else after it.
type Proven interface {
	Release()
	// TxCount returns how many transactions it has.
	TxCount() int
	// Txid returns the proven txid of one of them, counted from 0.
	Txid(i int) btc.Hash
}

// Verdict is what the cell says of a body. Proven is nil unless Outcome is
// [node.OutcomeProven].
type Verdict struct {
	Outcome node.Outcome
	Detail  string
	Proven  Proven
}

// Cell proves bodies.
type Cell interface {
	// Prove has a body judged. It may be called from many goroutines and returns
	// within the cell's deadline; it does not release the body. What still waits when
	// ctx ends is not judged.
	Prove(ctx context.Context, body Body) Verdict
	// Settled says that a block is proven by bytes with that SHA-256: whatever else
	// is said to be it ends at once, with [node.OutcomeOther].
	Settled(hash btc.Hash, sum [32]byte)
}

// Journal is the way out. One goroutine calls it.
type Journal interface {
	// Load says where the journal stands.
	Load(ctx context.Context) (node.JournalLoaded, error)
	// HeaderOf returns the header of a block that the journal holds.
	HeaderOf(ctx context.Context, hash btc.Hash, height btc.Height) (btc.Header, error)
	// Store writes the parts of a proven body and waits until all are there. It
	// does not release the body.
	Store(ctx context.Context, body Proven) error
	// Append writes one event and returns its sequence. Any error means that the
	// journal must be loaded again.
	Append(ctx context.Context, event node.Append) (uint64, error)
	// Forget says that a stored block will not be named again.
	Forget(hash btc.Hash)
}

// Headers keeps block headers from one run to the next. One goroutine calls it at
// a time.
type Headers interface {
	// Load hands on all headers that were kept, in order, in batches; it returns an
	// error of the function at once. It is called once, before the first Keep.
	Load(func([]btc.Header) error) error
	// Keep adds headers, of which each one's parent was kept before. After an error
	// they are taken all the same, and the next call tries again to write them; it
	// may bring none.
	Keep([]btc.Header) error
}

// ErrHeaders marks an error of Run: the headers that were kept cannot be used.
var ErrHeaders = errors.New("the stored headers cannot be used")

// ErrPermanent marks an error of [Journal.Load] that no second try mends: wrong
// credentials, a stream with other settings.
var ErrPermanent = errors.New("the bus cannot be used")

// ErrStale marks an error of [Journal.Append]: what was stored is not in the
// journal any more.
var ErrStale = errors.New("stored bodies are lost")

// FatalError says that the brain cannot go on and why: a setting and the journal
// disagree.
type FatalError struct {
	Code   node.FatalCode
	Detail string
}

// Error says what disagrees.
func (e *FatalError) Error() string { return e.Detail }

// shell owns everything that touches the world. The goroutine of Run owns its
// fields but for the channels and wants.
type shell struct {
	config    Config
	log       *slog.Logger
	brain     *node.Node
	peers     map[node.PeerID]*peer
	bodies    map[node.BodyID]Proven
	lastBody  node.BodyID
	fatal     error
	progress  progress
	operator  operator
	pulse     *Pulse
	bus       busWord
	demand    demand
	counted   time.Time // when addresses was
	addresses int
	walked    int // blocks disconnected since the last connect
	budget    *link.Budget
	dialer    *dialer.Dialer
	clock     clock // the brain's
	recorder  *flight.Recorder
	proving   map[proving]context.CancelFunc

	events  chan node.Event
	dialled chan dialled
	blocks  chan arrived
	jobs    chan journalJob
	judged  chan judged
	doubts  chan doubt
	failed  chan error     // a permanent error of the journal
	keeper  *keeper        // nil if headers are not kept
	book    *bookSaver     // nil if the address book is not kept
	working sync.WaitGroup // dials, proofs, look-ups, the journal and the keeper

	wants wants
	// txAsks are the questions of Config.Transactions, nil if there is none.
	txAsks chan txAsk
}

// arrived is a body whose last byte is in.
type arrived struct {
	peer  node.PeerID
	block link.RawBlock
}

// judged is a verdict on its way back.
type judged struct {
	peer    node.PeerID
	hash    btc.Hash
	sum     [32]byte
	verdict Verdict
}

func (j judged) release() {
	if j.verdict.Proven != nil {
		j.verdict.Proven.Release()
	}
}

// Run connects to peers, follows the chain and publishes it until ctx is done.
// Then it ends the block in hand and returns nil. The error is a [*FatalError],
// marked by [ErrHeaders], or one of ours.
func Run(ctx context.Context, config Config) error {
	budget, err := link.NewBudget(blockBudget, reservedBudget)
	if err != nil {
		return fmt.Errorf("block budget: %w", err)
	}
	if config.Demand == nil {
		config.Node.IdleAfter = 0
	}
	if config.Params == nil {
		config.Params = config.Node.Network.Params()
	}
	if config.Params.Network != config.Node.Network {
		return fmt.Errorf("parameters of %v for a node of %v", config.Params.Network, config.Node.Network)
	}
	config.Dialer.Magic = config.Params.Magic
	config.Node.Kinds = config.Dialer.Reachable()
	recorder := flight.New(config.Build, time.Now(), config.Node) // before the brain has its book
	s := &shell{
		dialer: dialer.New(config.Dialer),
		config: config, log: config.Log, brain: node.New(config.Node), recorder: recorder, budget: budget,
		peers: map[node.PeerID]*peer{}, bodies: map[node.BodyID]Proven{}, proving: map[proving]context.CancelFunc{}, wants: wants{proven: map[btc.Hash]bool{}},
		events: make(chan node.Event, eventQueue), dialled: make(chan dialled), blocks: make(chan arrived),
		judged: make(chan judged, eventQueue), jobs: make(chan journalJob, journalQueue),
		doubts: make(chan doubt, eventQueue), failed: make(chan error, 1), operator: operator{asked: map[uint64]chan<- Answer{}}, pulse: config.Pulse,
	}
	if s.pulse == nil {
		s.pulse = &Pulse{}
	}
	if err := s.loadHeaders(ctx); err != nil {
		return err
	}
	journalCtx, cancelJournal := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelJournal()
	ctx, stopAll := context.WithCancel(ctx) // the loop may also end by itself
	defer stopAll()
	s.working.Go(func() { s.runJournal(ctx, journalCtx) })
	if s.keeper != nil {
		s.working.Go(s.keeper.run)
	}
	if config.Book != nil {
		s.book = newBookSaver(config.Book)
		s.working.Go(s.book.run)
	}
	s.loop(ctx)
	stopAll()
	s.lastBook()
	if s.config.Transactions != nil {
		close(s.config.Transactions.over)
	}
	if s.keeper != nil {
		close(s.keeper.queue)
	}
	stop := time.AfterFunc(stopTimeout, cancelJournal)
	defer stop.Stop()
	s.shutdown()
	return s.fatal
}

// loop steps the brain until ctx is done or it cannot go on.
func (s *shell) loop(ctx context.Context) {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	s.step(ctx, node.Tick{})
	s.loadTransactions(ctx)
	s.pulse.show(s.snapshot(s.now()))
	for s.fatal == nil {
		s.pulse.turned(s.now())
		select {
		case <-ctx.Done():
			return
		case request := <-s.config.Operator:
			s.requested(ctx, request)
		case event := <-s.events:
			s.step(ctx, event)
		case a := <-s.txAsks:
			s.transactionAsked(ctx, a)
		case d := <-s.dialled:
			s.connected(ctx, d)
		case block := <-s.blocks:
			s.bodyArrived(ctx, block)
		case verdict := <-s.judged:
			s.bodyJudged(ctx, verdict)
		case d := <-s.doubts:
			s.bodyDoubtful(ctx, d)
		case s.fatal = <-s.failed:
		case wanted := <-s.config.Demand:
			s.demanded(ctx, wanted)
		case now := <-ticker.C:
			s.step(ctx, node.Tick{})
			s.saveBook(now)
			s.rates(now)
			seen := s.snapshot(now)
			s.pulse.show(seen)
			s.progress.tick(s.log, now, seen.Status)
		}
	}
}

// step hands one event to the brain and does what it says.
func (s *shell) step(ctx context.Context, event node.Event) {
	switch e := event.(type) {
	case node.PeerDown:
		delete(s.peers, e.Peer)
	case node.DialFailed:
		delete(s.peers, e.Peer)
	}
	s.countEvent(event)
	s.bus.hear(event)
	for _, action := range s.think(event) {
		s.pulse.counts.action(action)
		s.do(ctx, action)
	}
	s.wants.setUrgent(s.brain.Urgent())
}

func (s *shell) now() time.Time { return time.Now() }

// do does one thing that the brain said.
func (s *shell) do(ctx context.Context, action node.Action) {
	switch a := action.(type) {
	case node.Dial:
		s.dial(ctx, a)
	case node.Disconnect:
		s.disconnect(ctx, a)
	case node.Ban:
		s.log.WarnContext(ctx, "peer banned", slog.String("peer", a.Addr.String()), slog.String("reason", string(a.Reason)),
			slog.String("detail", a.Detail), slog.Time("until", a.Until))
	case node.GetHeaders:
		s.getHeaders(a)
	case node.GetData:
		s.getData(a)
	case node.AskAddrs:
		s.askAddrs(a)
	case node.ResolveSeeds:
		s.resolveSeeds(ctx)
	case node.KeepHeaders:
		if s.keeper != nil {
			s.keeper.keep(a.Headers)
		}
	case node.GiveUp:
		s.giveUp(a.Peer)
	case node.Drop:
		s.takeBody(a.Body).Release()
	case node.Store:
		s.store(a)
	case node.Append:
		s.append(a)
	case node.Forget:
		s.job(journalJob{run: func(context.Context) { s.config.Journal.Forget(a.Hash) }})
	case node.LoadJournal:
		s.loadJournal()
	case node.FetchHeader:
		s.fetchHeader(a)
	case node.Alarm:
		s.log.ErrorContext(ctx, "alarm", slog.String("code", string(a.Code)), slog.String("detail", a.Detail))
	case node.OperatorTold:
		s.operatorTold(a)
	case node.Announce:
		s.announce(a)
	case node.NoteTransaction:
		s.noteTransaction(a)
	case node.ForgetTransaction:
		s.forgetTransaction(a)
	case node.TransactionMoved:
		s.log.InfoContext(ctx, "transaction", slog.String("txid", a.Txid.String()), slog.String("state", a.State.String()))
	case node.Fatal:
		s.fatal = &FatalError{a.Code, a.Detail}
	}
}

// post hands an event to the loop; it waits while the queue is full.
func (s *shell) post(ctx context.Context, event node.Event) {
	select {
	case s.events <- event:
	case <-ctx.Done():
	}
}

// shutdown ends all sessions and waits for every goroutine.
func (s *shell) shutdown() {
	for _, p := range s.peers {
		p.end(link.ReasonLocal, "stopping")
	}
	done := make(chan struct{})
	go func() { s.working.Wait(); close(done) }()
	for {
		select {
		case <-done:
			s.releaseAll()
			return
		case <-s.events: // nobody steps any more; let those who send end
		case d := <-s.dialled:
			_ = d.conn.Socket.Close()
		case block := <-s.blocks:
			block.block.Release()
		case v := <-s.judged:
			v.release()
		}
	}
}

// releaseAll gives back every body that is left once all goroutines have ended:
// those that are held, those on their way to the journal and verdicts that
// nobody read.
func (s *shell) releaseAll() {
	for _, body := range s.bodies {
		body.Release()
	}
	for len(s.jobs) > 0 {
		(<-s.jobs).drop()
	}
	for len(s.judged) > 0 {
		(<-s.judged).release()
	}
}
